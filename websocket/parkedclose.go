package websocket

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"time"

	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// In event mode nobody can wait for the steps of a close handshake. Each step is done when what it waits for has happened,
// and a timer, which is called due, bounds each.

// afterwards is what is to be done when all that waits to be sent has been.
type afterwards uint8

const (
	nothingAfter afterwards = iota
	awaitPeer               // the peer's close frame is waited for, or the end of its direction
	hangUp                  // the connection is closed
	linger                  // our direction is ended, and the peer's waited for
)

// parkedKeepalive finds peers that are gone, as keepalive does. It belongs to the turn, which is when the peer is judged:
// after what has come from it was read.
type parkedKeepalive struct {
	heard             time.Duration // when something came last, by FD.Clock
	pinged            time.Duration // when a ping was sent that waits for its answer, or 0
	interval, timeout millis        // off if interval is 0
}

// keepAlive sets the times. A negative interval: no keepalive.
func (p *parked) keepAlive(interval, timeout time.Duration) {
	if interval >= 0 {
		p.keep.interval, p.keep.timeout = millisOf(interval), millisOf(timeout)
	}
}

// millis is a time in milliseconds: enough for 49 days, and half of a time.Duration.
type millis uint32

func millisOf(d time.Duration) millis {
	return millis(min(max(d, time.Millisecond).Milliseconds(), math.MaxUint32))
}

func (m millis) duration() time.Duration { return time.Duration(m) * time.Millisecond }

// close is Conn.Close.
func (p *parked) close(code StatusCode, reason string) {
	p.sendClose(code, reason, awaitPeer)
}

// sendClose queues a close frame, at once if no message is just being queued, and has after done when it has been sent.
func (p *parked) sendClose(code StatusCode, reason string, after afterwards) {
	c := p.c
	if c.tryTake(frameToken) {
		p.queueClose(code, reason, after)
		return
	}
	p.endWithin(closeTimeout)
	go func() {
		if c.take(context.Background(), frameToken) == nil {
			p.queueClose(code, reason, after)
		}
	}()
}

// queueClose does so for the holder of frameToken, which it gives back.
func (p *parked) queueClose(code StatusCode, reason string, after afterwards) {
	c := p.c
	defer c.giveBack(frameToken)
	if !c.closeSent {
		h := c.header(proto.Close, true)
		c.send(context.Background(), &h, proto.AppendClose(nil, uint16(code), reason))
		c.closeSent = true
	}
	p.endWith(after)
}

var errNoAnswer = fmt.Errorf("websocket: the peer did not answer the close frame in time: %w", net.ErrClosed)

// due is called when the time set by SetTimer has come.
func (p *parked) due() {
	c := p.c
	if c.closing.Load() {
		c.abort(errNoAnswer)
		return
	}
	if s := p.opening(); s != nil {
		s.tooSlow(p)
		return
	}
	k := &p.keep
	now := p.Clock()
	switch {
	case k.interval == 0:
	case k.pinged == 0 || k.heard > k.pinged:
		k.pinged = 0
		if rest := k.heard + k.interval.duration() - now; rest > 0 {
			p.SetTimer(rest)
			return
		}
		k.pinged = now
		p.addFrames(c.pingFrame())
		p.SetTimer(k.timeout.duration())
	case now-k.pinged < k.timeout.duration():
		p.SetTimer(k.timeout.duration() - (now - k.pinged))
	default:
		p.lost()
	}
}

// lost gives up on the peer.
func (p *parked) lost() {
	c := p.c
	p.told = true
	p.h.OnClose(c, ErrKeepaliveTimeout)
	if c.closing.CompareAndSwap(false, true) {
		c.because(ErrKeepaliveTimeout)
		p.sendClose(StatusInternalError, "keepalive timeout", hangUp)
		p.endWithin(time.Second) // it is likely to take nothing any more
	}
}

// sent does a, now that all is sent.
func (p *parked) sent(a afterwards) {
	c := p.c
	switch a {
	case awaitPeer, linger:
		if a == linger {
			p.endStream()
		}
		p.SetTimer(closeTimeout)
	case hangUp:
		if l := p.tls(); l != nil && l.goodbye() {
			p.endWith(hangUp)
			return
		}
		c.teardown(net.ErrClosed) // the cause is known
	}
}

// endStream ends our direction of the stream.
func (p *parked) endStream() {
	switch l := p.tls(); {
	case l == nil:
		p.CloseWrite()
	case l.goodbye():
		p.endWith(nothingAfter)
	}
}

// peerClosed is Conn.peerClosed.
func (p *parked) peerClosed(code StatusCode) error {
	p.deaf = true
	after := hangUp
	if p.c.role == proto.Client {
		after = awaitPeer // a server is the first to close (RFC 6455 section 7.1.1)
	}
	p.sendClose(code, "", after)
	return errDeaf
}

// fail is Conn.fail, once the reason is noted.
func (p *parked) fail(bad *proto.Error) error {
	p.deaf = true
	p.sendClose(StatusCode(bad.Code), bad.Reason, linger)
	return errDeaf
}

// errDeaf has receive go on, and throw away what comes.
var errDeaf = errors.New("websocket: the rest is not wanted")
