package server

import (
	"context"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/socketio"
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

	// keepingUp is how much may wait in the connection, beyond what the kernel
	// holds, of a reader that is not behind: the answers to what came in one
	// packet wait there to leave together.
	keepingUp = 16 << 10
	// handedBytes is up to where the connection of a reader that is behind is
	// given more: what it was given can no longer be dropped.
	handedBytes = 64 << 10
	// soonest and latest are how often a reader that is behind is looked at:
	// less and less while it takes nothing.
	soonest = 5 * time.Millisecond
	latest  = 250 * time.Millisecond
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

// A message is an object of the protocol, and what the framing may want to know
// of it.
type message struct {
	json  []byte
	event *parley.Event   // whose JSON it is; nil: it is an answer
	typ   string          // of an answer
	asked *socketio.Event // the request that it is the ack of, in Socket.IO's sense
}

// A carrier is what an outbox needs of a connection.
type carrier interface {
	// send sends a message or queues it, in order, without waiting. It is not
	// called twice at a time, nor while queued is.
	send(message)
	// queued returns how many bytes of what was sent wait for the network.
	queued() int
	// bye ends the connection, saying why. It may take its time.
	bye(parley.Ending)
	// drop ends the connection at once.
	drop()
}

// An outbox sees that what one connection is sent stays within bounds. What a
// reader that keeps up is sent goes straight to the connection; who falls behind
// has a queue, and a goroutine, until all of it has left. Events are bounded, and
// answers are, as each was asked for: the next request waits for them. Any
// number of goroutines put in.
type outbox struct {
	carrier carrier

	mu     sync.Mutex
	behind *behind // nil: the reader keeps up, and the connection is not being ended
	ended  bool    // nothing more is taken
}

// behind is what there is to know of a connection whose reader is behind, or
// that is being ended.
type behind struct {
	queue  []outgoing
	handed int                // how many of queue, from its beginning, were sent and have not left
	out    int                // the bytes of those
	bytes  [outgoingKinds]int // of queue
	ending *parley.Ending     // once all has left
	gone   bool               // nothing can be sent any more
	first  time.Time          // since when the first of queue is the first
	// When the last answer left: what waited behind it was not late.
	answered time.Time

	changed chan struct{} // the goroutine should look
	quiet   chan struct{} // closed, and made anew, when less waits
}

type outgoing struct {
	message // nothing once it was sent
	size    int
	kind    outgoingKind
	at      time.Time
}

// Deliver implements hub.Subscriber.
func (o *outbox) Deliver(ev *parley.Event) {
	if ev.Droppable {
		o.put(message{json: ev.JSON, event: ev}, droppable)
	} else {
		o.put(message{json: ev.JSON, event: ev}, event)
	}
}

// End implements hub.Subscriber.
func (o *outbox) End(e parley.Ending) { o.end(e) }

// put sends a message, or queues it; it never waits.
func (o *outbox) put(m message, kind outgoingKind) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.behind
	switch {
	case o.ended:
	case b == nil:
		o.carrier.send(m)
		if n := o.carrier.queued(); n > keepingUp {
			b = o.fallBehind()
			b.add(outgoing{size: n, kind: kind, at: time.Now()})
			b.handed, b.out = 1, n
		}
	case kind == droppable && b.bytes[droppable]+len(m.json) > droppableBytes:
	case kind == event && b.bytes[event]+len(m.json) > slowBytes:
		o.endLocked(slow)
	default:
		b.add(outgoing{message: m, size: len(m.json), kind: kind, at: time.Now()})
		o.move(b)
	}
}

// end has the connection ended once what is queued has left. The first ending
// counts.
func (o *outbox) end(e parley.Ending) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.endLocked(e)
}

func (o *outbox) endLocked(e parley.Ending) {
	if o.ended {
		return
	}
	o.ended = true
	b := o.behind
	if b == nil {
		b = o.fallBehind()
	}
	b.ending = &e
	if e == slow {
		// It would wait behind all that the reader does not read.
		b.dropRest()
	}
	b.wake()
}

// abandon says that nothing can be sent any more.
func (o *outbox) abandon() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	if b := o.behind; b != nil {
		b.gone = true
		b.wake()
	}
}

// over reports whether the connection is being ended, or has been.
func (o *outbox) over() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ended
}

// ends returns how the connection is being ended, with a bye, or nil.
func (o *outbox) ends() *parley.Ending {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.behind == nil {
		return nil
	}
	return o.behind.ending
}

// waitQuiet waits until little is queued.
func (o *outbox) waitQuiet(ctx context.Context) error {
	for {
		o.mu.Lock()
		b := o.behind
		if o.ended || b == nil || b.bytes[event]+b.bytes[answer] <= quietBytes {
			o.mu.Unlock()
			return ctx.Err()
		}
		quiet := b.quiet
		o.mu.Unlock()
		select {
		case <-quiet:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (o *outbox) fallBehind() *behind {
	b := &behind{first: time.Now(), changed: make(chan struct{}, 1), quiet: make(chan struct{})}
	o.behind = b
	go o.attend(b)
	return b
}

// attend looks after a reader that is behind until all has left.
func (o *outbox) attend(b *behind) {
	defer func() { close(b.quiet) }()
	pause := time.NewTimer(soonest)
	defer pause.Stop()
	wait := soonest
	for {
		select {
		case <-pause.C:
		case <-b.changed:
		}
		o.mu.Lock()
		left := o.move(b)
		late := b.late(time.Now())
		switch {
		case b.gone:
			o.mu.Unlock()
			return
		case b.stuck(time.Now()):
			o.ended = true
			o.mu.Unlock()
			o.carrier.drop()
			return
		case late && !o.ended:
			o.endLocked(slow)
		case len(b.queue) == 0 && b.ending != nil:
			o.mu.Unlock()
			o.carrier.bye(*b.ending)
			return
		case len(b.queue) == 0:
			o.behind = nil
			o.mu.Unlock()
			return
		}
		if left {
			close(b.quiet)
			b.quiet = make(chan struct{})
			wait = soonest
		} else {
			wait = min(2*wait, latest)
		}
		o.mu.Unlock()
		pause.Reset(wait)
	}
}

// move notes what has left, sends more, and reports whether anything has left.
// o.mu is held.
func (o *outbox) move(b *behind) (left bool) {
	now := time.Now()
	waiting := o.carrier.queued()
	for b.handed > 0 && b.out-b.queue[0].size >= waiting {
		m := b.queue[0]
		b.out -= m.size
		b.bytes[m.kind] -= m.size
		b.queue[0] = outgoing{}
		b.queue = b.queue[1:]
		b.handed--
		b.first = now
		if m.kind == answer {
			b.answered = now
		}
		left = true
	}
	for b.handed < len(b.queue) && b.out <= handedBytes {
		m := &b.queue[b.handed]
		if m.kind == droppable && now.Sub(m.at) > droppableTime {
			b.bytes[droppable] -= m.size
			m.size = 0
		} else {
			o.carrier.send(m.message)
		}
		m.message = message{}
		b.out += m.size
		b.handed++
	}
	return left
}

func (b *behind) add(m outgoing) {
	b.queue = append(b.queue, m)
	b.bytes[m.kind] += m.size
}

// dropRest forgets what was not sent yet.
func (b *behind) dropRest() {
	for i := range b.queue[b.handed:] {
		m := &b.queue[b.handed+i]
		b.bytes[m.kind] -= m.size
		*m = outgoing{}
	}
	b.queue = b.queue[:b.handed]
}

// late reports whether an event has waited for too long, and not for an answer
// before it.
func (b *behind) late(now time.Time) bool {
	for _, m := range b.queue {
		switch {
		case m.kind == answer:
			return false
		case m.kind == event:
			since := m.at
			if b.answered.After(since) {
				since = b.answered
			}
			return now.Sub(since) > slowTime
		}
	}
	return false
}

// stuck reports whether the reader takes nothing any more.
func (b *behind) stuck(now time.Time) bool {
	return len(b.queue) > 0 && now.Sub(b.first) > allowance(b.queue[0].size)+closeTime
}

// allowance is how long sending so many bytes may take.
func allowance(size int) time.Duration {
	return slowTime + time.Duration(size)*time.Second/slowestReader
}

func (b *behind) wake() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}
