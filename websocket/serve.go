package websocket

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/seed-4a326f83/parley/websocket/internal/poll"
)

// Serve accepts connections from l, answers their handshakes as Upgrade does, and gives each that is open to the Handler that
// open returns for it: a server without net/http. It returns when l is closed or fails, and closes it; connections that are
// open by then stay so.
//
//	l, err := net.Listen("tcp", "127.0.0.1:9001")
//	...
//	err = websocket.Serve(l, nil, func(c *websocket.Conn, r *websocket.UpgradeRequest) websocket.Handler {
//		return echo{}
//	})
//
// open is called for each connection whose handshake is done, possibly for many at once. It may block, which holds up no other
// connection. What it sends leaves with the answer to the handshake, where that can be. For whom it returns nil, the
// connection is closed with StatusInternalError. The Handler is called from then on, and its OnClose in any case.
//
// It accepts whoever comes, as long as there are descriptors: what is too much, OnRequest may refuse.
//
// On Linux, over plain TCP, a connection has no goroutine from its first byte on. Over TLS, which l speaks then, its handshake has
// one; see NewListener for what comes after it. Everywhere else it has one for good.
func Serve(l net.Listener, opts *UpgradeOptions, open func(c *Conn, r *UpgradeRequest) Handler) error {
	defer l.Close()
	s := &bareServer{open: open}
	if opts != nil {
		s.opts = *opts
	}
	if own, ok := l.(listener); ok { // there is no TLS in between: it need not be there
		l = own.Listener
	}
	var raw syscall.RawConn
	if tcp, ok := l.(*net.TCPListener); ok && poll.Supported {
		var err error
		if raw, err = tcp.SyscallConn(); err != nil {
			return fmt.Errorf("websocket: accepting connections: %w", err)
		}
		raw.Control(poll.PrepareListener)
	}
	var pause time.Duration
	for {
		nc, err := l.Accept()
		if err != nil {
			if t, ok := err.(interface{ Temporary() bool }); !ok || !t.Temporary() {
				return fmt.Errorf("websocket: accepting connections: %w", err)
			}
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			time.Sleep(pause) // too many descriptors are open, say
			continue
		}
		pause = 0
		s.begin(nc)
		if raw != nil {
			s.acceptMore(raw)
		}
	}
}

// A bareServer is a Serve under way. It is the Handler of connections in event mode whose handshake is not done.
type bareServer struct {
	nobody
	opts UpgradeOptions
	open func(c *Conn, r *UpgradeRequest) Handler
}

// nobody is a Handler of what nobody is to hear of.
type nobody struct{}

func (nobody) OnMessage(*Conn, MessageType, []byte) {}
func (nobody) OnClose(*Conn, error)                 {}

// begin has the handshake of nc done.
func (s *bareServer) begin(nc net.Conn) {
	tcp, ok := nc.(*net.TCPConn)
	if !ok || !poll.Supported {
		go s.serve(nc)
		return
	}
	if fd, err := poll.Detach(tcp); err == nil {
		s.adopt(fd)
	}
}

// acceptAtOnce is how many connections are accepted before it is the turn of those that are there.
const acceptAtOnce = 64

// acceptMore accepts those that came together with one that l.Accept returned, by system calls of our own: that spares them what
// package net does to prepare for its own use. Only package net, however, notices that l is closed while it waits.
func (s *bareServer) acceptMore(raw syscall.RawConn) {
	raw.Control(func(listening uintptr) {
		for range acceptAtOnce {
			fd, err := poll.AcceptNow(listening)
			if err != nil {
				return // there are no more, or the next call of l.Accept says what is wrong
			}
			s.adopt(fd)
		}
	})
	runtime.Gosched()
}

// adopt has a connection in event mode from the beginning.
func (s *bareServer) adopt(fd int) {
	c := &Conn{held: readToken} // for good, as by Handle
	p := &parked{c: c, h: s}
	c.nc = (*parkedConn)(p)
	c.handled.Store(true)
	c.parked.Store(p)
	p.Adopt(fd, p, s.opts.timeout()) // if it fails, the connection is closed, and nobody has heard of it
}

// opening returns nil if the handshake is done.
func (p *parked) opening() *bareServer {
	s, _ := p.h.(*bareServer)
	return s
}

// proceed goes on with a handshake, in a turn. It returns false if there is nothing left to be done in this turn.
func (s *bareServer) proceed(p *parked) bool {
	c := p.c
	rd := c.rd
	for {
		had := rd.in
		if err := p.fill(); err != nil {
			rd.in = had
			return false
		}
		if len(had) > 0 {
			rd.in = append(had, rd.in...)
		}
		end, err := headEnd(rd.in, len(had))
		switch {
		case err != nil:
			s.refuse(p, err, nil)
			return true
		case end > 0:
			s.finish(p, end)
			return true
		case len(had) == 0:
			rd.in = bytes.Clone(rd.in) // the buffer is only lent for this turn
		}
	}
}

// finish decides about a request's head, which is there.
func (s *bareServer) finish(p *parked, end int) {
	c := p.c
	head := string(c.rd.in[:end])
	c.rd.in = c.rd.in[end:]
	r, a, err := s.opts.settle(head, c.nc)
	if err != nil {
		s.refuse(p, err, r)
		return
	}
	cfg := s.opts.connConfig(a.subprotocol, nil, a.compression)
	c.configure(&cfg)
	interval, timeout := keepaliveTimes(s.opts.KeepaliveInterval, s.opts.KeepaliveTimeout)
	p.keepAlive(interval, timeout)
	p.SetTimer(interval)
	p.out.mu.Lock()
	q := p.borrow()
	*q = appendResponse(*q, r.answer, &a)
	p.flush()
	if p.h = s.open(c, r); p.h == nil {
		p.h = nobody{}
		c.Close(StatusInternalError, "")
	}
}

// refuse answers a request that is refused, and has the connection end.
func (s *bareServer) refuse(p *parked, why error, r *UpgradeRequest) {
	c := p.c
	c.because(fmt.Errorf("websocket: handshake refused: %w", why))
	c.closing.Store(true)
	p.deaf = true
	var answer []byte
	if r == nil {
		answer = appendRefusal(nil, why, nil)
	} else {
		answer = appendRefusal(nil, why, r.answer)
	}
	p.addFrames(answer)
	p.endWith(linger)
}

// tooSlow ends a handshake whose time is over.
func (s *bareServer) tooSlow(p *parked) {
	if len(p.c.rd.in) > 0 {
		s.refuse(p, errSlowRequest, nil)
		return
	}
	p.c.teardown(os.ErrDeadlineExceeded)
}

// serve is for connections that cannot be in event mode from the beginning.
func (s *bareServer) serve(nc net.Conn) {
	c, r, err := s.opts.upgrade(nc)
	if err != nil {
		return
	}
	h := s.open(c, r)
	if h == nil {
		c.Close(StatusInternalError, "")
		return
	}
	if c.Handle(h) != nil { // open has closed it
		<-c.done()
		h.OnClose(c, c.closedErr())
	}
}
