package server

import (
	"context"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley"
)

const (
	// slowBytes and slowTime are how far behind a reader may be; beyond, the
	// connection is ended. From half of the bytes on it is told only what it
	// could not learn otherwise.
	slowBytes = 1 << 20
	slowTime  = 5 * time.Second
	// quietBytes is what may be waiting for a client whose next request is
	// looked at: whoever asks much must read the answers.
	quietBytes = slowBytes / 4
)

// slow is how a connection ends that does not read what it is sent.
var slow = parley.Ending{Code: parley.CloseOverloaded, Reason: "too slow a reader", RetryAfter: time.Second}

// An outbox is what waits to be written to one connection, bounded. Any number
// of goroutines put in; one takes out.
type outbox struct {
	mu     sync.Mutex
	queue  []outgoing
	bytes  int
	ending *parley.Ending
	gone   bool

	ready chan struct{} // something to take out
	space chan struct{} // something was written
}

type outgoing struct {
	json []byte
	at   time.Time
}

func newOutbox() *outbox {
	return &outbox{ready: make(chan struct{}, 1), space: make(chan struct{}, 1)}
}

// Deliver implements hub.Subscriber.
func (o *outbox) Deliver(ev *parley.Event) { o.put(ev.JSON, ev.Droppable) }

// put queues a message; it never waits.
func (o *outbox) put(json []byte, droppable bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.ending != nil || o.gone:
	case droppable && o.bytes+len(json) > slowBytes/2:
	case o.bytes+len(json) > slowBytes:
		o.endLocked(slow)
	default:
		o.queue = append(o.queue, outgoing{json, time.Now()})
		o.bytes += len(json)
		notify(o.ready)
	}
}

// end has the connection ended once what is queued is written. The first ending
// counts.
func (o *outbox) end(e parley.Ending) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.endLocked(e)
}

func (o *outbox) endLocked(e parley.Ending) {
	if o.ending != nil {
		return
	}
	if e == slow {
		// It would wait behind all that the reader does not read.
		o.queue, o.bytes = nil, 0
	}
	o.ending = &e
	notify(o.ready)
}

// abandon says that nothing can be written any more.
func (o *outbox) abandon() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gone = true
	o.queue, o.bytes = nil, 0
	notify(o.ready)
	notify(o.space)
}

// take waits for something to write and returns the oldest, or how to end the
// connection, or false where there is nothing left to do.
func (o *outbox) take() (next outgoing, ending *parley.Ending, ok bool) {
	for {
		o.mu.Lock()
		switch {
		case o.gone:
			o.mu.Unlock()
			return outgoing{}, nil, false
		case len(o.queue) > 0:
			next = o.queue[0]
			o.queue[0] = outgoing{}
			o.queue = o.queue[1:]
			if len(o.queue) == 0 {
				o.queue = nil // an idle connection keeps no buffer
			}
			o.mu.Unlock()
			return next, nil, true
		case o.ending != nil:
			ending = o.ending
			o.mu.Unlock()
			return outgoing{}, ending, true
		}
		o.mu.Unlock()
		<-o.ready
	}
}

// written says that something taken has left.
func (o *outbox) written(m outgoing) {
	o.mu.Lock()
	o.bytes = max(o.bytes-len(m.json), 0) // ending a slow one emptied it
	o.mu.Unlock()
	notify(o.space)
}

// waitQuiet waits until little is queued. One goroutine may wait at a time.
func (o *outbox) waitQuiet(ctx context.Context) error {
	for {
		o.mu.Lock()
		quiet := o.bytes <= quietBytes || o.gone || o.ending != nil
		o.mu.Unlock()
		if quiet {
			return ctx.Err()
		}
		select {
		case <-o.space:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
