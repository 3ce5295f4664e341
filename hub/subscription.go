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
	session *Session
	person  *person // set by room.subscribe
	self    person  // is that, for the first of the user's in the room
	// Its place in the room; guarded by shard.mu, and the shard by room.mu.
	shard *shard
	at    int32

	ended bool // guarded by mu
	mu    sync.Mutex
	seen  int64 // the highest seq that the client was given
	held  *held // nil: it is live
}

// held is what a subscription keeps until it is released.
type held struct {
	events []*parley.Event
	bytes  int
}

func (s *Subscription) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil {
		s.held = new(held)
	}
}

// Release delivers what was held and goes on live. seen is the room's last seq
// as the client knows it: messages up to it are not delivered again.
func (s *Subscription) Release(seen int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = max(s.seen, seen)
	if s.held == nil {
		return
	}
	for _, ev := range s.held.events {
		s.pass(ev)
	}
	s.held = nil
}

func (s *Subscription) offer(ev *parley.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held
	if h == nil {
		s.pass(ev)
		return
	}
	h.events = append(h.events, ev)
	h.bytes += len(ev.JSON)
	for h.bytes > maxHeld {
		h.bytes -= len(h.events[0].JSON)
		h.events = h.events[1:]
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
	s.session.out.Deliver(ev)
}

func (s *Subscription) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.held = nil
}
