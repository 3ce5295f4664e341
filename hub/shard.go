package hub

import (
	"slices"
	"sync"

	"github.com/seed-4a326f83/parley"
)

const (
	// shardSize is how many subscriptions are told by one goroutine: enough to
	// be worth one, and few enough for the members of a large room to keep all
	// cores busy.
	shardSize = 512
	// atOnce is up to how many subscriptions are told by whoever brings the
	// event, as others wait less for that than for a goroutine.
	atOnce = 32
	// maxBehind is how many events may wait in a shard before whoever brings the
	// next waits himself.
	maxBehind = 256
)

// A shard is some of a room's subscriptions. They are told of the room's events
// in order, by one goroutine at a time, which lives while there are any.
type shard struct {
	mu    sync.Mutex
	subs  []*Subscription // nil: has gone, while somebody tells
	gone  int             // how many are nil
	queue []delivery
	busy  bool          // somebody tells
	space chan struct{} // closed when there is room in the queue, for those who wait
}

// A delivery is an event and who is not told of it.
type delivery struct {
	ev     *parley.Event
	origin string // the id of a session, or ""
	user   string // the id of a user, or ""
}

// add takes a subscription in, if there is room.
func (sh *shard) add(sub *Subscription) bool {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if len(sh.subs) == shardSize {
		return false
	}
	sub.shard, sub.at = sh, int32(len(sh.subs))
	sh.subs = append(sh.subs, sub)
	return true
}

// remove takes a subscription out and reports whether none is left.
func (sh *shard) remove(sub *Subscription) (empty bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.subs[sub.at] = nil
	sh.gone++
	if !sh.busy { // else the others must stay where they are
		sh.compact()
	}
	return sh.gone == len(sh.subs)
}

// compact closes the gaps. mu is held.
func (sh *shard) compact() {
	if sh.gone == 0 {
		return
	}
	kept := sh.subs[:0]
	for _, sub := range sh.subs {
		if sub != nil {
			sub.at = int32(len(kept))
			kept = append(kept, sub)
		}
	}
	clear(sh.subs[len(kept):])
	sh.subs, sh.gone = kept, 0
}

// all returns the subscriptions.
func (sh *shard) all() []*Subscription {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(sh.subs), func(sub *Subscription) bool { return sub == nil })
}

// put queues a delivery and reports whether the caller is to see to tell.
func (sh *shard) put(d delivery) bool {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.queue = append(sh.queue, d)
	if sh.busy {
		return false
	}
	sh.busy = true
	return true
}

// few reports whether the shard is to be told by whoever brings an event.
func (sh *shard) few() bool {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return len(sh.subs) <= atOnce
}

// tell tells the shard's subscriptions what is queued, until nothing is.
func (sh *shard) tell() {
	for {
		sh.mu.Lock()
		if len(sh.queue) == 0 {
			sh.queue, sh.busy = nil, false
			sh.compact()
			sh.mu.Unlock()
			return
		}
		d := sh.queue[0]
		sh.queue[0] = delivery{}
		sh.queue = sh.queue[1:]
		if sh.space != nil && len(sh.queue) < maxBehind {
			close(sh.space)
			sh.space = nil
		}
		sh.mu.Unlock()
		sh.tellAll(d)
	}
}

// tellAll tells every subscription of one event. It locks the shard for a few of
// them at a time: who comes or goes need not wait for a large room's fan-out.
func (sh *shard) tellAll(d delivery) {
	var some [32]*Subscription
	for at := 0; ; {
		sh.mu.Lock()
		n := copy(some[:], sh.subs[at:])
		sh.mu.Unlock()
		if n == 0 {
			return
		}
		at += n
		for _, sub := range some[:n] {
			if sub != nil && !d.spares(sub.session) {
				sub.offer(d.ev)
			}
		}
	}
}

func (d *delivery) spares(s *Session) bool {
	return d.origin != "" && d.origin == s.id || d.user != "" && d.user == s.user.ID
}

// awaitSpace waits until not too much is queued.
func (sh *shard) awaitSpace() {
	sh.mu.Lock()
	if len(sh.queue) < maxBehind {
		sh.mu.Unlock()
		return
	}
	if sh.space == nil {
		sh.space = make(chan struct{})
	}
	space := sh.space
	sh.mu.Unlock()
	<-space
}
