package hub

import (
	"sync"

	"github.com/seed-4a326f83/parley"
)

// maxHeld bounds what a held subscription keeps, in bytes. Beyond it the oldest
// is dropped: the client sees the hole in seq before what it gets, and asks for
// it.
const maxHeld = 1 << 20

// A Subscription is a connection's place in a room. It passes each message once
// and in order, whatever the bus doubles.
type Subscription struct {
	out Subscriber

	mu     sync.Mutex
	seen   int64 // the highest seq that the client was given
	held   bool
	queue  []*parley.Event // while held
	queued int             // bytes in queue
	ended  bool
}

func newSubscription(out Subscriber) *Subscription { return &Subscription{out: out, held: true} }

func (s *Subscription) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = true
}

// Release delivers what was held and goes on live. seen is the room's last seq
// as the client knows it: messages up to it are not delivered again.
func (s *Subscription) Release(seen int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = max(s.seen, seen)
	s.held = false
	for _, ev := range s.queue {
		s.pass(ev)
	}
	s.queue, s.queued = nil, 0
}

func (s *Subscription) offer(ev *parley.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.held {
		s.pass(ev)
		return
	}
	s.queue = append(s.queue, ev)
	s.queued += len(ev.JSON)
	for s.queued > maxHeld {
		s.queued -= len(s.queue[0].JSON)
		s.queue = s.queue[1:]
	}
}

// pass delivers one event. s.mu is held, which keeps the order.
func (s *Subscription) pass(ev *parley.Event) {
	if s.ended {
		return
	}
	if ev.Seq != 0 {
		if ev.Seq <= s.seen {
			return
		}
		s.seen = ev.Seq
	}
	s.out.Deliver(ev)
}

func (s *Subscription) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.queue, s.queued = nil, 0
}
