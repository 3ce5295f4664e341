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
type keepalive struct {
	c                 *Conn
	interval, timeout time.Duration

	mu      sync.Mutex
	timer   *time.Timer // nil: keepalive is off
	state   keepaliveState
	heard   time.Time     // when something came last
	reading bool          // a read waits on the network
	since   time.Time     // the later of: that read's start, the ping
	left    time.Duration // while awaiting: how much longer reads may wait in vain, as of since
}

type keepaliveState uint8

const (
	quiet    keepaliveState = iota // the timer waits for the peer to have been silent for interval
	awaiting                       // a ping is out; the timer runs while a read waits
	lost                           // the timer waits for the caller to have done nothing for closeTimeout
	stopped
)

func (k *keepalive) start(c *Conn, interval, timeout time.Duration) {
	if interval < 0 {
		k.state = stopped
		return
	}
	if interval == 0 {
		interval = defaultKeepaliveInterval
	}
	if timeout <= 0 {
		timeout = defaultKeepaliveTimeout
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.c, k.interval, k.timeout, k.heard = c, interval, timeout, time.Now()
	k.timer = time.AfterFunc(interval, k.fire)
}

// take stops it and returns its times, for another to go on. A negative interval: it was off.
func (k *keepalive) take() (interval, timeout time.Duration) {
	k.stop()
	if k.timer == nil {
		return -1, -1
	}
	return k.interval, k.timeout
}

func (k *keepalive) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state = stopped
	if k.timer != nil {
		k.timer.Stop()
	}
}

// beginRead notes that a read is about to wait on the network.
func (k *keepalive) beginRead() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reading = true
	if k.state == awaiting {
		k.since = time.Now()
		// What came while nobody read is about to be found: give the read the time to do so.
		k.timer.Reset(max(k.left, min(k.timeout, 100*time.Millisecond)))
	}
}

// endRead notes that it is over, and whether anything came.
func (k *keepalive) endRead(something bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reading = false
	switch {
	case k.state != quiet && k.state != awaiting:
	case something:
		k.heard = time.Now()
		if k.state == awaiting {
			k.state = quiet
			k.timer.Reset(k.interval)
		}
	case k.state == awaiting:
		k.timer.Stop()
		now := time.Now()
		if k.left -= now.Sub(k.since); k.left <= 0 {
			k.lose(now)
		}
	}
}

// lose gives up on the peer. mu is held.
func (k *keepalive) lose(now time.Time) {
	k.state, k.since = lost, now
	k.timer.Reset(closeTimeout)
	k.c.lost.Store(true)
}

// fire is the timer's function.
func (k *keepalive) fire() {
	k.mu.Lock()
	now := time.Now()
	var then func()
	switch k.state {
	case quiet:
		if rest := k.interval - now.Sub(k.heard); rest > 0 {
			k.timer.Reset(rest)
			break
		}
		k.state, k.left, k.since = awaiting, k.timeout, now
		if k.reading {
			k.timer.Reset(k.left)
		}
		then = k.c.keepalivePing
	case awaiting:
		if !k.reading {
			break // a read ended just as the timer fired
		}
		if rest := k.left - now.Sub(k.since); rest > 0 {
			k.timer.Reset(rest)
			break
		}
		k.lose(now)
		then = k.c.keepaliveLost
	case lost:
		if rest := closeTimeout - now.Sub(k.since); rest > 0 {
			k.timer.Reset(rest)
			break
		}
		then = k.c.keepaliveGiveUp
	}
	k.mu.Unlock()
	if then != nil {
		then()
	}
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
		b.replies.add(c.pingFrame())
		c.flushReplies()
	}
}

// keepaliveLost ends the read that waits; it and those after it return ErrKeepaliveTimeout.
func (c *Conn) keepaliveLost() {
	if b := c.blocking.Load(); b != nil {
		b.readIntr.interrupt(c.closing.Load)
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
