package poll

import "time"

const (
	// tick is the wheel's grain: timers are at most that late, and never early.
	tick = 50 * time.Millisecond
	// buckets is the wheel's size. A timer that is further ahead goes round more than once.
	buckets = 1024
)

// A wheel keeps a timer for each slot that wants one, in 12 bytes of that slot. Setting and stopping one costs the same
// however many there are. Slot 0 is nobody's: as a link it means none.
type wheel struct {
	heads [buckets]uint32
	now   uint32 // the last tick that has been worked through
	count int    // timers that are set
}

// A link is a slot's part of the wheel.
type link struct {
	prev, next uint32 // in its bucket; prev 0: it is the head
	due        uint32 // tick; 0: not set
}

// set sets the timer of slot i for the tick due, or stops it if due is 0.
func (w *wheel) set(at func(uint32) *link, i, due uint32) {
	l := at(i)
	if l.due != 0 {
		if l.prev == 0 {
			w.heads[l.due%buckets] = l.next
		} else {
			at(l.prev).next = l.next
		}
		if l.next != 0 {
			at(l.next).prev = l.prev
		}
		*l = link{}
		w.count--
	}
	if due == 0 {
		return
	}
	due = max(due, w.now+1)
	head := &w.heads[due%buckets]
	*l = link{next: *head, due: due}
	if *head != 0 {
		at(*head).prev = i
	}
	*head = i
	w.count++
}

// advance works through all ticks up to to: it stops the timers that are due, and calls fire for each.
func (w *wheel) advance(at func(uint32) *link, to uint32, fire func(i uint32)) {
	if to-w.now > buckets { // a long sleep: once round sees every bucket
		w.now = to - buckets
	}
	for w.now < to {
		w.now++
		for i := w.heads[w.now%buckets]; i != 0; {
			l := at(i)
			next := l.next
			if l.due <= to {
				w.set(at, i, 0)
				fire(i)
			}
			i = next
		}
	}
}

// next returns the tick of the next bucket that holds anything, or 0 if no timer is set.
func (w *wheel) next() uint32 {
	if w.count == 0 {
		return 0
	}
	t := w.now + 1
	for w.heads[t%buckets] == 0 {
		t++
	}
	return t
}
