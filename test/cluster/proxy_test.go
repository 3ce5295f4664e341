package cluster

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A balancer is the simplest there is: each connection goes to the next of the
// nodes, whoever it is of, and to the one after that if it is refused.
type balancer struct {
	net.Listener
	nodes func() []string
	next  atomic.Uint64
	pumps sync.WaitGroup
	over  chan struct{}
}

func newBalancer(t *testing.T, nodes func() []string) *balancer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	b := &balancer{Listener: l, nodes: nodes, over: make(chan struct{})}
	b.pumps.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			b.pumps.Go(func() { b.carry(in) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		close(b.over)
		b.pumps.Wait()
	})
	return b
}

func (b *balancer) addr() string { return b.Addr().String() }

func (b *balancer) dial() net.Conn {
	nodes := b.nodes()
	for range nodes {
		out, err := net.DialTimeout("tcp", nodes[int(b.next.Add(1)%uint64(len(nodes)))], time.Second)
		if err == nil {
			return out
		}
	}
	return nil
}

func (b *balancer) carry(in net.Conn) {
	defer in.Close()
	out := b.dial()
	if out == nil {
		return
	}
	defer out.Close()
	ended := make(chan struct{}, 2)
	pump := func(dst, src net.Conn) {
		io.Copy(dst, src)
		dst.(*net.TCPConn).CloseWrite()
		ended <- struct{}{}
	}
	go pump(out, in)
	go pump(in, out)
	for range 2 {
		select {
		case <-ended:
		case <-b.over:
			return
		}
	}
}
