package websocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/seed-4a326f83/parley/websocket/internal/poll"
)

// parked is what a connection has in event mode, where its socket is waited for together with all others: nothing of it is
// needed while nothing happens, but to know what is to be done when something does.
//
// Its methods Ready, Writable and Blocked are called by package poll. What is not of the outbox belongs to the turn, which is a
// call of Ready.
type parked struct {
	poll.FD
	c    *Conn
	h    Handler
	out  outbox
	keep parkedKeepalive

	deaf bool // what comes is of no interest any more
	told bool // OnClose has been called
	done bool // nothing is left to be done
}

// A turn is what a call of Ready knows.
type turn struct {
	scratch []byte     // to read into
	ev      poll.Event // what it is for
	reads   int        // how many more it may do
	drained bool       // there is nothing left to read
}

// readsPerTurn bounds how much of one connection is worked through before it is the others' turn: a peer that sends faster
// than it is read would never give it back.
const readsPerTurn = 16

// faults, if set, has the network behave as badly as it may: tests do that.
var faults atomic.Pointer[struct {
	read  func(n int) int // how many bytes of n to ask for; 0: none for now
	write func(n int) int // how many bytes of n to offer; 0: there is no room for now
}]

// errParked says that there is nothing to read for now.
var errParked = errors.New("websocket: nothing to read")

// park gives c over to package poll, if that can be. The caller has readToken and frameToken.
func (c *Conn) park(h Handler) bool {
	tcp, ok := c.nc.(*net.TCPConn)
	if !ok || !poll.Supported {
		return false
	}
	p := &parked{c: c, h: h}
	// What has been read before, also by TLS, nothing else would tell of. To wake the poller in vain is dear.
	_, plain := c.nc.(*net.TCPConn)
	early := !plain || c.rd != nil
	b := c.blocking.Load()
	interval, timeout := b.keepalive.take()
	if interval >= 0 {
		p.keep.interval, p.keep.timeout = millisOf(interval), millisOf(timeout)
	}
	c.parked.Store(p)
	if err := p.Take(tcp, p); err != nil {
		c.parked.Store(nil)
		b.keepalive.restart(c)
		return false
	}
	c.blocking.Store(nil)
	c.mu.Lock()
	closed := c.isClosed()
	if !closed {
		c.nc = (*parkedConn)(p)
	}
	c.mu.Unlock()
	if closed { // meanwhile, and before it could be known what else there is to close
		p.FD.Close()
	}
	p.addFrames(b.appendReplies(nil))
	if interval >= 0 {
		p.SetTimer(interval)
	}
	if early {
		p.Wake()
	}
	return true
}

// Ready is a turn.
func (p *parked) Ready(ev poll.Event, scratch []byte) {
	c := p.c
	if p.done {
		return
	}
	if ev&poll.Woken != 0 {
		p.keep.heard = p.Clock()
	}
	c.rememberReading()
	c.rd.turn = turn{scratch: scratch, ev: ev, reads: readsPerTurn}
	if ev&poll.Unwatched == 0 {
		p.cork()
	}
	if !c.isClosed() {
		p.receive()
		if ev&poll.Due != 0 {
			p.due()
		}
	}
	p.uncork()
	rd := c.rd
	rd.turn = turn{}
	if !c.isClosed() {
		rd.release()
		c.forgetReading()
		return
	}
	p.done = true
	*rd = reading{}
	c.endRead()
	if !p.told {
		p.told = true
		p.h.OnClose(c, c.closedErr())
	}
}

// Blocked is called when a turn takes long: what it has sent so far leaves now.
func (p *parked) Blocked() { p.uncork() }

// receive works through what there is to read.
func (p *parked) receive() {
	c := p.c
	rd := c.rd
	ctx := context.Background()
	for {
		var err error
		switch {
		case p.deaf:
			rd.in = nil
			err = p.fill()
		case !rd.open || !rd.more && !rd.fin:
			err = c.nextPiece(ctx)
		case rd.more && (rd.deflated || !rd.fin || len(rd.kept) > 0):
			err = c.gather(ctx)
		default:
			data := rd.kept
			if rd.more {
				data = rd.piece // it came in one piece, and need not be copied
			}
			owner := rd.owner
			rd.open, rd.more, rd.piece, rd.kept, rd.owner = false, false, nil, nil, nil
			p.h.OnMessage(c, rd.typ, data)
			if owner != nil {
				giveBackMessage(owner)
			}
		}
		if err == errParked || c.isClosed() {
			return
		}
	}
}

// fill receives into the empty buffer, or returns errParked.
func (p *parked) fill() error {
	c := p.c
	rd := c.rd
	t := &rd.turn
	if t.drained {
		return errParked
	}
	if t.reads--; t.reads < 0 {
		p.Again(t.ev & (poll.Readable | poll.HungUp))
		return errParked
	}
	buf := t.scratch
	if room := c.room(); len(room) >= len(buf) {
		buf = room
	}
	if f := faults.Load(); f != nil {
		buf = buf[:f.read(len(buf))]
		if len(buf) == 0 {
			t.reads = 0
			return p.fill()
		}
	}
	n, err := p.Read(buf)
	switch {
	case n > 0:
		t.drained = n < len(buf) && t.ev&poll.HungUp == 0
		p.keep.heard = p.Clock()
		rd.in = buf[:n]
		return nil
	case err == poll.ErrAgain:
		t.drained = true
		return errParked
	case c.isClosed():
	case err == io.EOF:
		c.teardown(fmt.Errorf("websocket: the peer dropped the connection without closing it: %w", io.EOF))
	default:
		c.teardown(fmt.Errorf("websocket: reading: %w", err))
	}
	return c.closedErr()
}

// parkedConn is the network connection of a connection in event mode, as far as others need one.
type parkedConn parked

var errNotAStream = errors.New("websocket: the network connection was given to Handle")

func (pc *parkedConn) Read([]byte) (int, error)         { return 0, errNotAStream }
func (pc *parkedConn) Write([]byte) (int, error)        { return 0, errNotAStream }
func (pc *parkedConn) SetDeadline(time.Time) error      { return errNotAStream }
func (pc *parkedConn) SetReadDeadline(time.Time) error  { return errNotAStream }
func (pc *parkedConn) SetWriteDeadline(time.Time) error { return errNotAStream }
func (pc *parkedConn) SetLinger(int) error              { return pc.FD.Reset() }
func (pc *parkedConn) LocalAddr() net.Addr              { return addrOf(pc.FD.LocalAddr()) }
func (pc *parkedConn) RemoteAddr() net.Addr             { return addrOf(pc.FD.RemoteAddr()) }

// Close closes the connection, once the network has had a chance to take what waits, and has a turn tell it.
func (pc *parkedConn) Close() error {
	(*parked)(pc).last()
	if !pc.FD.Close() {
		return net.ErrClosed
	}
	(*parked)(pc).closed()
	pc.FD.Wake()
	return nil
}

// addrOf makes an address as package net does.
func addrOf(name syscall.Sockaddr) net.Addr {
	switch name := name.(type) {
	case *syscall.SockaddrInet4:
		return &net.TCPAddr{IP: name.Addr[:], Port: name.Port}
	case *syscall.SockaddrInet6:
		addr := &net.TCPAddr{IP: name.Addr[:], Port: name.Port}
		if ifi, err := net.InterfaceByIndex(int(name.ZoneId)); err == nil {
			addr.Zone = ifi.Name
		}
		return addr
	}
	return unknownAddr{}
}

// write writes as much of a and b as there is room for.
func (p *parked) write(a, b []byte) (int, error) {
	f := faults.Load()
	if f == nil {
		return p.FD.Write(a, b)
	}
	n := f.write(len(a) + len(b))
	if n == 0 {
		go p.Writable()
		return 0, poll.ErrAgain
	}
	a = a[:min(n, len(a))]
	return p.FD.Write(a, b[:n-len(a)])
}
