package websocket

import (
	"context"
	"fmt"

	"github.com/seed-4a326f83/parley/websocket/internal/poll"
)

// joinLimit is how many bytes of messages that wait are sent together.
const joinLimit = 64 << 10

// A joiner is a message whose sender waits in line: whoever sends before it may take it along, so that what several
// goroutines write at the same time leaves in one system call.
type joiner struct {
	outgoing
	err  error   // how it went, if it was taken along
	buf  *[]byte // if not nil, it was begun: the rest of it, for its sender to send
	end  int     // while it is taken along: where its frame ends
	rest []byte  // in buf
}

// takeNow takes tokens if that can be at once, of a connection that is open.
func (c *Conn) takeNow(want token) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held&want != 0 || c.ended.Load() {
		return false
	}
	c.held |= want
	return true
}

// joins reports whether messages of n bytes may be sent by others, who must be able to tell how far they got without waiting.
func (c *Conn) joins(n int) bool {
	b := c.blocking.Load()
	return b != nil && b.sock.raw != nil && c.compression == nil && n <= inOneBuffer
}

// writeInLine sends m when it is its turn, if nobody has taken it along by then.
func (c *Conn) writeInLine(ctx context.Context, m outgoing) error {
	if !c.joins(len(m.data)) {
		if err := c.beginFrame(ctx, bothTokens); err != nil {
			return err
		}
		defer c.endWrite()
		return c.sendOutgoing(ctx, m)
	}
	if err := ctx.Err(); err != nil && !c.isClosed() {
		return fmt.Errorf("websocket: %w", err)
	}
	j := &joiner{outgoing: m}
	c.mu.Lock()
	if c.ended.Load() {
		c.mu.Unlock()
		return c.closedErr()
	}
	w := c.request(bothTokens)
	if w != nil {
		w.joiner = j
	}
	c.mu.Unlock()
	if w != nil {
		if sent, err := c.await(ctx, w); sent || err != nil {
			return err
		}
	}
	defer c.endWrite()
	if j.buf == nil {
		return c.sendOutgoing(ctx, m)
	}
	defer giveBack(j.buf)
	return c.sendRest(ctx, c.blocking.Load(), j.rest, nil, 0, poll.ErrAgain)
}

// sendOutgoing sends a message. The caller has both tokens.
func (c *Conn) sendOutgoing(ctx context.Context, m outgoing) error {
	if m.prepared == nil {
		return c.sendMessage(ctx, m.typ, m.op, m.data)
	}
	if err := c.sendable(); err != nil {
		return err
	}
	h, payload := c.prepared(m.prepared)
	err := c.send(ctx, h, payload)
	if c.compression != nil {
		c.endIfLost(ctx, err)
	}
	return err
}

// endWrite gives both tokens up, after sending what others have waited with.
func (c *Conn) endWrite() {
	c.mu.Lock()
	if c.waiters == nil {
		c.held &^= bothTokens
		c.mu.Unlock()
		c.releaseCompression()
		return
	}
	c.mu.Unlock()
	if !c.sendJoiners() {
		c.giveBack(bothTokens)
	}
}

// sendJoiners sends, as far as there is room, the messages of those who are next in line. Their senders learn how it went,
// but for one whose message is begun: it gets the tokens and the rest, which sendJoiners reports. Those of whom nothing is sent
// stay in line. The caller has both tokens.
func (c *Conn) sendJoiners() (handedOver bool) {
	if !c.joins(0) || c.sendable() != nil {
		return false
	}
	first := c.takeJoiners()
	if first == nil {
		return false
	}
	buf := writeBuffers.Get().(*[]byte)
	for w := first; w != nil; w = w.next {
		*buf = c.appendMessage(*buf, w.joiner.outgoing)
		w.joiner.end = len(*buf)
	}
	n, err := c.blocking.Load().sock.write(*buf, nil, false)
	if err != nil && err != poll.ErrAgain {
		err = c.sendFailed(context.Background(), err)
	}
	start := 0
	for w := first; w != nil; {
		j, next := w.joiner, w.next
		switch {
		case j.end <= n:
			w.given <- sentAlong
		case err != poll.ErrAgain:
			j.err = err
			w.given <- sentAlong
		case n > start:
			c.requeue(next)
			j.buf, j.rest = buf, (*buf)[n:j.end]
			w.given <- granted
			return true
		default:
			c.requeue(w)
			next = nil
		}
		start, w = j.end, next
	}
	giveBack(buf)
	return false
}

// takeJoiners takes those who are next in line and can be sent along out of it.
func (c *Conn) takeJoiners() (first *waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	bytes := 0
	last := &c.waiters
	for w := *last; w != nil && w.joiner != nil; w = *last {
		if bytes += len(w.joiner.data); bytes > joinLimit {
			break
		}
		last = &w.next
	}
	if last == &c.waiters {
		return nil
	}
	first, c.waiters, *last = c.waiters, *last, nil
	return first
}

// requeue puts those from first on back in line, before all others.
func (c *Conn) requeue(first *waiter) {
	if first == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	last := first
	for last.next != nil {
		last = last.next
	}
	last.next = c.waiters
	c.waiters = first
	if c.ended.Load() {
		c.refuse()
	}
}
