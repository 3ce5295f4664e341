package websocket

import (
	"context"
	"sync"
	"time"
)

// An interrupter ends blocked reads, or blocked writes, of a network connection when a context ends, and leaves the
// connection as it was: with no deadline set. It works through deadlines, since that is what every net.Conn has.
type interrupter struct {
	set func(time.Time) error // net.Conn.SetReadDeadline or SetWriteDeadline

	mu     sync.Mutex
	round  uint64 // of begin and end: a context's late call must not hit the next round
	kicked bool   // the deadline is in the past
}

// longAgo is a deadline that has passed, whatever the clock (also that of a test) says.
var longAgo = time.Unix(1, 0)

// begin is called before a call that may block, and end after it with what begin returned.
func (i *interrupter) begin(ctx context.Context) (stop func() bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.clear()
	if ctx.Done() == nil {
		return nil
	}
	round := i.round
	return context.AfterFunc(ctx, func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.round == round {
			i.kick()
		}
	})
}

func (i *interrupter) end(stop func() bool) {
	if stop == nil || stop() {
		return
	}
	// The context has ended; its function may be running just now.
	i.mu.Lock()
	defer i.mu.Unlock()
	i.clear()
}

// interrupt ends the call that is blocked now, unless unless says otherwise.
func (i *interrupter) interrupt(unless func() bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !unless() {
		i.kick()
	}
}

func (i *interrupter) kick() {
	i.set(longAgo)
	i.kicked = true
}

func (i *interrupter) clear() {
	i.round++
	if i.kicked {
		i.set(time.Time{})
		i.kicked = false
	}
}
