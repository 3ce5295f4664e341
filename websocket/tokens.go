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
	want   token
	given  chan answer
	next   *waiter
	joiner *joiner // nil: it has nothing that others could do for it
}

// An answer is what becomes of waiting.
type answer uint8

const (
	refused   answer = iota // the connection has been closed
	granted                 // the tokens are there
	sentAlong               // the joiner's message has been dealt with; the tokens are still others'
)

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
	_, err := c.await(ctx, w)
	return err
}

// await waits for what w wants. If it reports true, others have dealt with its message, and err is how that went.
func (c *Conn) await(ctx context.Context, w *waiter) (sent bool, err error) {
	var a answer
	select {
	case a = <-w.given:
	case <-ctx.Done():
		if c.forget(w) {
			return false, fmt.Errorf("websocket: %w", ctx.Err())
		}
		a = <-w.given // soon: who takes a message along does not wait
		if a == granted && (w.joiner == nil || w.joiner.buf == nil) {
			c.give(w.want)
			return false, fmt.Errorf("websocket: %w", ctx.Err())
		}
	}
	switch a {
	case sentAlong:
		return true, w.joiner.err
	case granted:
		return false, nil
	default:
		return false, c.closedErr()
	}
}

// request takes tokens if they are free, or else lines up for them. c.mu is held.
func (c *Conn) request(want token) *waiter {
	if c.held&want == 0 {
		c.held |= want
		return nil
	}
	w := &waiter{want: want, given: make(chan answer, 1)}
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
		w.given <- granted
	}
}

// refuse tells all who wait that the connection is closed. c.mu is held.
func (c *Conn) refuse() {
	for w := c.waiters; w != nil; w = w.next {
		w.given <- refused
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
