package websocket

import (
	"context"
	"sync"
	"time"
)

// An interrupter ends blocked reads, or blocked writes, of a network connection when a context ends, and leaves the
// connection as it was: with no deadline set. It works through deadlines, since that is what every net.Conn has.
type interrupter struct {
	mu     sync.Mutex
	round  uint32 // of begin and end: a context's late call must not hit the next round
	writes bool   // it is for writes
	kicked bool   // the deadline is in the past
}

// longAgo is a deadline that has passed, whatever the clock (also that of a test) says.
var longAgo = time.Unix(1, 0)

// begin is called before a call that may block, and end after it with what begin returned.
func (i *interrupter) begin(c *Conn, ctx context.Context) (stop func() bool) {
	i.mu.Lock()
	i.clear(c)
	round := i.round
	i.mu.Unlock()
	if ctx.Done() == nil {
		return nil
	}
	return i.watch(c, ctx, round)
}

func (i *interrupter) watch(c *Conn, ctx context.Context, round uint32) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.round == round {
			i.kick(c)
		}
	})
}

func (i *interrupter) end(c *Conn, stop func() bool) {
	if stop == nil || stop() {
		return
	}
	// The context has ended; its function may be running just now.
	i.mu.Lock()
	defer i.mu.Unlock()
	i.clear(c)
}

// interrupt ends the call that is blocked now, unless unless says otherwise.
func (i *interrupter) interrupt(c *Conn, unless func() bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !unless() {
		i.kick(c)
	}
}

func (i *interrupter) kick(c *Conn) {
	i.set(c, longAgo)
	i.kicked = true
}

func (i *interrupter) clear(c *Conn) {
	i.round++
	if i.kicked {
		i.set(c, time.Time{})
		i.kicked = false
	}
}

func (i *interrupter) set(c *Conn, t time.Time) {
	if nc := c.transport(); i.writes {
		nc.SetWriteDeadline(t)
	} else {
		nc.SetReadDeadline(t)
	}
}
