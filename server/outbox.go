package server

import (
	"context"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley"
)

const (
	// slowBytes and slowTime are how far behind what happens a reader may be;
	// beyond, the connection is ended.
	slowBytes = 1 << 20
	slowTime  = 5 * time.Second
	// Of what the next one makes good, presence and signals, less is kept, and
	// not for long, so that nobody is behind because of them.
	droppableBytes = 64 << 10
	droppableTime  = time.Second
	// quietBytes is what may be waiting for a client whose next request is
	// looked at: whoever asks much must read the answers.
	quietBytes = 256 << 10
	// slowestReader is how many bytes a second the reader of one large message
	// must take at least.
	slowestReader = 32 << 10
)

// slow is how a connection ends that does not read what it is sent.
var slow = parley.Ending{Code: parley.CloseOverloaded, Reason: "too slow a reader", RetryAfter: time.Second}

// An outgoingKind says what becomes of a message when a reader is slow.
type outgoingKind int

const (
	event     outgoingKind = iota // counts towards ending the connection
	droppable                     // is dropped
	answer                        // holds up the next request
	outgoingKinds
)

// An outbox is what waits to be written to one connection. Events are bounded,
// and answers are, as each was asked for: the next request waits for them. Any
// number of goroutines put in; one takes out.
type outbox struct {
	mu     sync.Mutex
	queue  []outgoing
	bytes  [outgoingKinds]int
	ending *parley.Ending
	gone   bool
	// When the last answer was written: what waited behind it was not late.
	answered time.Time

	ready chan struct{} // something to take out
	space chan struct{} // something was written
}

type outgoing struct {
	json []byte
	kind outgoingKind
	at   time.Time
}

func newOutbox() *outbox {
	return &outbox{ready: make(chan struct{}, 1), space: make(chan struct{}, 1)}
}

// Deliver implements hub.Subscriber.
func (o *outbox) Deliver(ev *parley.Event) {
	if ev.Droppable {
		o.put(ev.JSON, droppable)
	} else {
		o.put(ev.JSON, event)
	}
}

// put queues a message; it never waits.
func (o *outbox) put(json []byte, kind outgoingKind) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.ending != nil || o.gone:
	case kind == droppable && o.bytes[droppable]+len(json) > droppableBytes:
	case kind == event && o.bytes[event]+len(json) > slowBytes:
		o.endLocked(slow)
	default:
		o.queue = append(o.queue, outgoing{json, kind, time.Now()})
		o.bytes[kind] += len(json)
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
		o.empty()
	}
	o.ending = &e
	notify(o.ready)
}

// abandon says that nothing can be written any more.
func (o *outbox) abandon() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gone = true
	o.empty()
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
			if next.kind == droppable && time.Since(next.at) > droppableTime {
				o.bytes[droppable] -= len(next.json)
				o.mu.Unlock()
				continue
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
	now := time.Now()
	since := m.at
	if o.answered.After(since) {
		since = o.answered
	}
	if m.kind == answer {
		o.answered = now
	} else if now.Sub(since) > slowTime {
		o.endLocked(slow)
	}
	o.bytes[m.kind] = max(o.bytes[m.kind]-len(m.json), 0) // it may have been emptied
	o.mu.Unlock()
	notify(o.space)
}

// empty forgets what is queued. o.mu is held.
func (o *outbox) empty() {
	o.queue, o.bytes = nil, [outgoingKinds]int{}
}

// allowance is how long writing one message may take.
func allowance(m outgoing) time.Duration {
	return slowTime + time.Duration(len(m.json))*time.Second/slowestReader
}

// waitQuiet waits until little is queued. One goroutine may wait at a time.
func (o *outbox) waitQuiet(ctx context.Context) error {
	for {
		o.mu.Lock()
		quiet := o.bytes[event]+o.bytes[answer] <= quietBytes || o.gone || o.ending != nil
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
