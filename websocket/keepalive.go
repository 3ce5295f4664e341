package websocket

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrKeepaliveTimeout is returned by reads when the peer has answered neither the keepalive's ping nor sent anything else in
// time. The connection can still be written to and closed with a code of one's own choice; if that is not done
// within 5 s, it closes itself with StatusInternalError.
var ErrKeepaliveTimeout = errors.New("websocket: the peer is lost: it sent nothing, not even an answer to a ping")

const (
	defaultKeepaliveInterval = 25 * time.Second
	defaultKeepaliveTimeout  = 10 * time.Second
)

// keepalive finds peers that are gone. It has no goroutine: a timer that is mostly asleep, and a note of each read.
//
// A peer is judged only while a read waits: when nobody reads, its pong may have been here for long.
//
// nil is one that is off. Times are on the clock of now.
type keepalive struct {
	mu                sync.Mutex
	timer             *time.Timer
	heard             time.Duration // when something came last
	since             time.Duration // the later of: the start of the read that waits, the ping
	left              time.Duration // while awaiting: how much longer reads may wait in vain, as of since
	interval, timeout millis
	state             keepaliveState
	reading           bool // a read waits on the network
}

var epoch = time.Now()

// now is a clock that goes on steadily.
func now() time.Duration { return time.Since(epoch) }

type keepaliveState uint8

const (
	quiet    keepaliveState = iota // the timer waits for the peer to have been silent for interval
	awaiting                       // a ping is out; the timer runs while a read waits
	lost                           // the timer waits for the caller to have done nothing for closeTimeout
	stopped
)

// newKeepalive returns nil if interval is negative.
func newKeepalive(interval, timeout time.Duration) *keepalive {
	interval, timeout = keepaliveTimes(interval, timeout)
	if interval < 0 {
		return nil
	}
	return &keepalive{interval: millisOf(interval), timeout: millisOf(timeout)}
}

// keepaliveTimes returns what is meant by options. A negative interval: no keepalive.
func keepaliveTimes(interval, timeout time.Duration) (time.Duration, time.Duration) {
	if interval == 0 {
		interval = defaultKeepaliveInterval
	}
	if timeout <= 0 {
		timeout = defaultKeepaliveTimeout
	}
	return interval, timeout
}

// start starts it, also again after take.
func (k *keepalive) start(c *Conn) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.heard, k.state = now(), quiet
	k.timer = time.AfterFunc(k.interval.duration(), c.keepaliveDue)
}

// take stops it and returns its times, for another to go on. A negative interval: it was off.
func (k *keepalive) take() (interval, timeout time.Duration) {
	if k == nil {
		return -1, -1
	}
	k.stop()
	return k.interval.duration(), k.timeout.duration()
}

func (k *keepalive) stop() {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state = stopped
	k.timer.Stop()
}

// beginRead notes that a read is about to wait on the network.
func (k *keepalive) beginRead() {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reading = true
	if k.state == awaiting {
		k.since = now()
		// What came while nobody read is about to be found: give the read the time to do so.
		k.timer.Reset(max(k.left, min(k.timeout.duration(), 100*time.Millisecond)))
	}
}

// endRead notes that it is over, and whether anything came.
func (k *keepalive) endRead(c *Conn, something bool) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reading = false
	switch {
	case k.state != quiet && k.state != awaiting:
	case something:
		k.heard = now()
		if k.state == awaiting {
			k.state = quiet
			k.timer.Reset(k.interval.duration())
		}
	case k.state == awaiting:
		k.timer.Stop()
		now := now()
		if k.left -= now - k.since; k.left <= 0 {
			k.lose(c, now)
		}
	}
}

// lose gives up on the peer. mu is held.
func (k *keepalive) lose(c *Conn, now time.Duration) {
	k.state, k.since = lost, now
	k.timer.Reset(closeTimeout)
	c.lost.Store(true)
}

// keepaliveDue is the timer's function.
func (c *Conn) keepaliveDue() {
	if b := c.blocking.Load(); b != nil {
		if then := b.keepalive.due(c); then != nil {
			then()
		}
	}
}

// due moves on, and returns what is to be done.
func (k *keepalive) due(c *Conn) (then func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := now()
	switch k.state {
	case quiet:
		if rest := k.interval.duration() - (now - k.heard); rest > 0 {
			k.timer.Reset(rest)
			break
		}
		k.state, k.left, k.since = awaiting, k.timeout.duration(), now
		if k.reading {
			k.timer.Reset(k.left)
		}
		then = c.keepalivePing
	case awaiting:
		if !k.reading {
			break // a read ended just as the timer fired
		}
		if rest := k.left - (now - k.since); rest > 0 {
			k.timer.Reset(rest)
			break
		}
		k.lose(c, now)
		then = c.keepaliveLost
	case lost:
		if rest := closeTimeout - (now - k.since); rest > 0 {
			k.timer.Reset(rest)
			break
		}
		then = c.keepaliveGiveUp
	}
	return then
}

// stopKeepalive stops the keepalive for good. In event mode there is none to be stopped: the peer is judged only as long as
// nothing else is waited for.
func (c *Conn) stopKeepalive() {
	if b := c.blocking.Load(); b != nil {
		b.keepalive.stop()
	}
}

func (c *Conn) keepalivePing() {
	if b := c.blocking.Load(); b != nil {
		b.waitingReplies().add(c.pingFrame())
		c.flushReplies()
	}
}

// keepaliveLost ends the read that waits; it and those after it return ErrKeepaliveTimeout.
func (c *Conn) keepaliveLost() {
	if b := c.blocking.Load(); b != nil {
		b.readIntr.interrupt(c, c.closing.Load)
	}
}

// keepaliveGiveUp closes the connection of a lost peer for a caller who did not.
func (c *Conn) keepaliveGiveUp() {
	if !c.closing.CompareAndSwap(false, true) {
		return
	}
	c.because(ErrKeepaliveTimeout)
	// The peer is likely to take nothing any more: this is for the case that it merely ignores pings.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if c.sendClose(ctx, StatusInternalError, "keepalive timeout") != nil {
		c.abort(ErrKeepaliveTimeout)
		return
	}
	c.teardown(ErrKeepaliveTimeout)
}
