package websocket

import (
	"context"
	"fmt"
)

// A token is a right that one at a time has.
type token uint8

const (
	readToken    token = 1 << iota // to read
	messageToken                   // to send a message, in however many frames
	frameToken                     // to send a frame

	bothTokens = messageToken | frameToken
)

// A waiter waits for all of some tokens at once. A connection for which nobody waits has but a byte for its tokens.
type waiter struct {
	want  token
	given chan bool // false: the connection has been closed
	next  *waiter
}

// take takes tokens, waiting until they are free, ctx ends, or the connection is closed. Whoever has frameToken must not wait
// for messageToken.
func (c *Conn) take(ctx context.Context, want token) error {
	if err := ctx.Err(); err != nil && !c.isClosed() {
		return fmt.Errorf("websocket: %w", err)
	}
	c.mu.Lock()
	if c.ended.Load() {
		c.mu.Unlock()
		return c.closedErr()
	}
	w := c.request(want)
	c.mu.Unlock()
	if w == nil {
		return nil
	}
	return c.await(ctx, w)
}

// await waits for what w wants.
func (c *Conn) await(ctx context.Context, w *waiter) error {
	var given bool
	select {
	case given = <-w.given:
	case <-ctx.Done():
		if !c.forget(w) && <-w.given {
			c.give(w.want)
		}
		return fmt.Errorf("websocket: %w", ctx.Err())
	}
	if !given {
		return c.closedErr()
	}
	return nil
}

// request takes tokens if they are free, or else lines up for them. c.mu is held.
func (c *Conn) request(want token) *waiter {
	if c.held&want == 0 {
		c.held |= want
		return nil
	}
	w := &waiter{want: want, given: make(chan bool, 1)}
	last := &c.waiters
	for *last != nil {
		last = &(*last).next
	}
	*last = w
	return w
}

// forget takes w out of those who wait. It fails if w has just been answered.
func (c *Conn) forget(w *waiter) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for p := &c.waiters; *p != nil; p = &(*p).next {
		if *p == w {
			*p = w.next
			return true
		}
	}
	return false
}

// tryTake takes tokens if they are free, also of a connection that is closed.
func (c *Conn) tryTake(want token) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held&want != 0 {
		return false
	}
	c.held |= want
	return true
}

// give gives tokens up.
func (c *Conn) give(held token) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held &^= held
	for p := &c.waiters; *p != nil; {
		w := *p
		if c.held&w.want != 0 {
			p = &w.next
			continue
		}
		c.held |= w.want
		*p = w.next
		w.given <- true
	}
}

// refuse tells all who wait that the connection is closed. c.mu is held.
func (c *Conn) refuse() {
	for w := c.waiters; w != nil; w = w.next {
		w.given <- false
	}
	c.waiters = nil
}

// done returns what is closed when the connection is.
func (c *Conn) done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.doneChan == nil {
		c.doneChan = make(chan struct{})
		if c.ended.Load() {
			close(c.doneChan)
		}
	}
	return c.doneChan
}
