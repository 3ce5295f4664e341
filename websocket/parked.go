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
	h    Handler // over TLS a *tlsLayer, and until the handshake is done a *bareServer
	out  outbox
	keep parkedKeepalive

	deaf   bool  // what comes is of no interest any more
	told   bool  // OnClose has been called
	done   bool  // nothing is left to be done
	secure bool  // h is a *tlsLayer
	least  int32 // how many bytes are awaited, by takeLarge
}

// A turn is what a call of Ready knows.
type turn struct {
	scratch []byte     // to read into
	sealed  []byte     // received, and not given to TLS yet
	ev      poll.Event // what it is for
	reads   int        // how many more it may do
	drained bool       // there is nothing left to read
	// unwatched: Watch must be called before anything else that may block.
	unwatched bool
}

// readsPerTurn bounds how much of one connection is worked through before it is the others' turn: a peer that sends faster
// than it is read would never give it back.
const readsPerTurn = 16

// faults, if set, has the network behave as badly as it may: tests do that.
var faults atomic.Pointer[struct {
	read  func(n int) int // how many bytes of n to ask for; 0: none for now
	write func(n int) int // how many bytes of n to offer; 0: there is no room for now
}]

// errParked says that there is nothing to read for now. It is a net.Error, and temporary, so that TLS goes on after it.
var errParked error = nothingYet{}

type nothingYet struct{}

func (nothingYet) Error() string   { return "websocket: nothing to read" }
func (nothingYet) Timeout() bool   { return true }
func (nothingYet) Temporary() bool { return true }

// park gives c over to package poll, if that can be. The caller has readToken and frameToken.
func (c *Conn) park(h Handler) bool {
	if !poll.Supported {
		return false
	}
	p := &parked{c: c, h: h}
	tcp, ok := c.nc.(*net.TCPConn)
	layer := newTLSLayer(c.nc, p)
	switch {
	case layer != nil:
		p.h, p.secure = layer, true
		tcp = layer.listened().conn()
		layer.listened().layer.Store(layer)
	case !ok:
		return false
	}
	// What has been read before, also by TLS, nothing else would tell of. To wake the poller in vain is dear.
	early := layer != nil || c.rd != nil
	b := c.blocking.Load()
	interval, timeout := b.keepalive.take()
	p.keepAlive(interval, timeout)
	c.parked.Store(p)
	if err := p.Take(tcp, p); err != nil {
		c.parked.Store(nil)
		if layer != nil {
			layer.listened().layer.Store(nil)
		}
		b.keepalive.start(c)
		return false
	}
	if layer != nil {
		layer.listened().tcp.Store(nil)
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
		early = true // nothing else would tell of it
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
		c.rd.turn.unwatched = true
		if p.least == 0 && c.large == 0 {
			p.watch()
		}
	}
	if !c.isClosed() {
		closing := c.closing.Load()
		p.receive()
		if ev&poll.Due != 0 && closing == c.closing.Load() { // an end that has begun meanwhile has a time of its own
			p.watch()
			p.due()
		}
	}
	over := c.isClosed()
	if over {
		p.watch()
	}
	p.uncork(c.rd.turn.drained)
	if !c.rd.turn.unwatched { // else whoever has closed it meanwhile has another turn come
		over = c.isClosed()
	}
	rd := c.rd
	rd.turn = turn{}
	if !over {
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
func (p *parked) Blocked() { p.uncork(false) }

// receive works through what there is to read.
func (p *parked) receive() {
	c := p.c
	rd := c.rd
	ctx := context.Background()
	if s := p.opening(); s != nil && !p.deaf && !s.proceed(p) {
		return
	}
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
			c.remember(len(data))
			p.watch()
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
	buf := rd.turn.scratch
	l := p.tls()
	if l != nil {
		buf = buf[:sealedPart(buf)]
	}
	large := false
	if room := c.room(); len(room) >= len(buf) {
		buf, large = room, true
	}
	var n int
	var err error
	switch {
	case l != nil:
		n, err = l.conn.Read(buf)
	case large:
		n, err = p.takeLarge(buf)
	default:
		p.await(0)
		n, err = p.take(buf)
	}
	switch {
	case n > 0:
		rd.in = buf[:n]
		return nil
	case err == errParked:
		return errParked
	case c.isClosed():
	case err == io.EOF:
		c.teardown(fmt.Errorf("websocket: the peer dropped the connection without closing it: %w", io.EOF))
	default:
		c.teardown(fmt.Errorf("websocket: reading: %w", err))
	}
	return c.closedErr()
}

// take receives from the network, as far as the turn goes, or returns errParked.
func (p *parked) take(buf []byte) (int, error) {
	t := &p.c.rd.turn
	if t.drained {
		return 0, errParked
	}
	if f := faults.Load(); f != nil && t.reads > 0 {
		buf = buf[:f.read(len(buf))]
		if len(buf) == 0 {
			t.reads = 0
		}
	}
	if t.reads == 0 {
		// Not only for what the network has: TLS may have more, of which there will be no event.
		p.Again(poll.Readable | t.ev&poll.HungUp)
		return 0, errParked
	}
	t.reads--
	n, err := p.Read(buf)
	switch {
	case n > 0:
		t.drained = n < len(buf) && t.ev&poll.HungUp == 0
		p.keep.heard = p.Clock()
	case err == poll.ErrAgain:
		t.drained = true
		return 0, errParked
	}
	return n, err
}

// parkedConn is the network connection of a connection in event mode, as far as others need one.
type parkedConn parked

var errNotAStream = errors.New("websocket: the network connection was given to Handle")

func (pc *parkedConn) Read([]byte) (int, error)         { return 0, errNotAStream }
func (pc *parkedConn) Write([]byte) (int, error)        { return 0, errNotAStream }
func (pc *parkedConn) SetDeadline(time.Time) error      { return errNotAStream }
func (pc *parkedConn) SetReadDeadline(time.Time) error  { return errNotAStream }
func (pc *parkedConn) SetWriteDeadline(time.Time) error { return errNotAStream }
func (pc *parkedConn) LocalAddr() net.Addr              { return addrOf(pc.FD.LocalAddr()) }
func (pc *parkedConn) RemoteAddr() net.Addr             { return addrOf(pc.FD.RemoteAddr()) }

// SetLinger has the connection end with a reset, and no goodbye.
func (pc *parkedConn) SetLinger(int) error {
	if l := (*parked)(pc).tls(); l != nil {
		l.dropGoodbye()
	}
	return pc.FD.Reset()
}

// Close closes the connection, once the network has had a chance to take what waits, and has a turn tell it.
func (pc *parkedConn) Close() error {
	p := (*parked)(pc)
	p.last()
	if l := p.tls(); l != nil && l.goodbye() {
		p.last()
	}
	if !p.FD.Close() {
		return net.ErrClosed
	}
	p.closed()
	p.Wake()
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

// write writes as much of a and b as there is room for. poll.ErrAgain comes with what was written, if anything waits then
// that must be sent before more can be.
func (p *parked) write(a, b []byte) (int, error) {
	if l := p.tls(); l != nil {
		return l.seal(a, b)
	}
	return p.put(a, b)
}

// writeQueue is write for the queue, after which, if it is the last of what is sent, the end of the stream leaves in the same
// packet. (To close with something left to be read would end in a reset, which leaves alone.)
func (p *parked) writeQueue(q []byte, last bool) (int, error) {
	if last && p.tls() == nil && faults.Load() == nil {
		return p.FD.WriteLast(q)
	}
	return p.write(q, nil)
}

// put writes to the network.
func (p *parked) put(a, b []byte) (int, error) {
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
