package test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// A proxy stands between a client and a server at an address that stays the
// same, and breaks the network: cut resets what is connected and refuses what
// comes, stall lets nothing through and says nothing, restore heals.
type proxy struct {
	listener net.Listener

	mu      sync.Mutex
	changed sync.Cond // stalled or conns changed
	target  string
	refuse  bool
	stalled bool
	conns   map[net.Conn]struct{}
	closing bool
	pumps   sync.WaitGroup
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target, conns: map[net.Conn]struct{}{}}
	p.changed.L = &p.mu
	p.pumps.Go(p.accept)
	t.Cleanup(func() {
		p.mu.Lock()
		p.closing = true
		p.mu.Unlock()
		l.Close()
		p.restore()
		p.drop()
		p.pumps.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

// aim sends new connections to another address.
func (p *proxy) aim(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

func (p *proxy) cut() {
	p.mu.Lock()
	p.refuse = true
	p.mu.Unlock()
	p.drop()
}

func (p *proxy) stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stalled = true
}

func (p *proxy) restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse, p.stalled = false, false
	p.changed.Broadcast()
}

// drop resets every connection, as a network does that forgets them.
func (p *proxy) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		reset(c)
	}
	clear(p.conns)
	p.changed.Broadcast()
}

func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.Close()
}

func (p *proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.pumps.Go(func() { p.join(in) })
	}
}

// join connects in to the target and carries bytes both ways.
func (p *proxy) join(in net.Conn) {
	p.mu.Lock()
	target, refuse := p.target, p.refuse
	p.mu.Unlock()
	if refuse {
		reset(in)
		return
	}
	out, err := net.Dial("tcp", target)
	if err != nil {
		reset(in)
		return
	}
	p.mu.Lock()
	if p.refuse || p.closing {
		p.mu.Unlock()
		reset(in)
		reset(out)
		return
	}
	p.conns[in], p.conns[out] = struct{}{}, struct{}{}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.pump(in, out) })
	both.Go(func() { p.pump(out, in) })
	both.Wait()
	in.Close()
	out.Close()
	p.mu.Lock()
	delete(p.conns, in)
	delete(p.conns, out)
	p.mu.Unlock()
}

// pump carries bytes from src to dst until one of them ends.
func (p *proxy) pump(dst, src net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if !p.passes(src) {
			return
		}
		if n > 0 {
			if _, werr := dst.Write(buf[:n]); werr != nil {
				err = werr
			}
		}
		switch err {
		case nil:
		case io.EOF:
			dst.(*net.TCPConn).CloseWrite()
			return
		default:
			reset(dst)
			reset(src)
			return
		}
	}
}

// passes waits while the network is stalled and reports whether src is still
// one of its connections.
func (p *proxy) passes(src net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if _, ok := p.conns[src]; !ok {
			return false
		}
		if !p.stalled {
			return true
		}
		p.changed.Wait()
	}
}
