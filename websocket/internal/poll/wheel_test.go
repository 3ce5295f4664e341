package poll

import (
	"math/rand/v2"
	"testing"
)

// TestWheelAgainstAMap holds the wheel against the plainest thing that keeps timers.
func TestWheelAgainstAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 200
	links := make([]link, n+1)
	at := func(i uint32) *link { return &links[i] }
	var w wheel
	want := map[uint32]uint32{}
	for step := range 20_000 {
		switch i := 1 + rng.Uint32N(n); rng.IntN(3) {
		case 0:
			due := w.now + 1 + rng.Uint32N(3*buckets)
			w.set(at, i, due)
			want[i] = due
		case 1:
			w.set(at, i, 0)
			delete(want, i)
		case 2:
			to := w.now + rng.Uint32N(40)
			if rng.IntN(200) == 0 {
				to += 2 * buckets // the machine was asleep
			}
			w.advance(at, to, func(i uint32) {
				if due, ok := want[i]; !ok || due > to {
					t.Fatalf("step %d: timer %d fired at %d, due at %d, %v", step, i, to, due, ok)
				}
				delete(want, i)
			})
			for i, due := range want {
				if due <= to {
					t.Fatalf("step %d: timer %d did not fire at %d, due at %d", step, i, to, due)
				}
			}
		}
		if w.count != len(want) {
			t.Fatalf("step %d: %d timers, want %d", step, w.count, len(want))
		}
		next := w.next()
		if (next == 0) != (len(want) == 0) {
			t.Fatalf("step %d: next %d with %d timers", step, next, len(want))
		}
		for _, due := range want {
			if due < next {
				t.Fatalf("step %d: next %d, but a timer is due at %d", step, next, due)
			}
		}
	}
}

func TestWheelTakesNoTimeInThePast(t *testing.T) {
	links := make([]link, 2)
	at := func(i uint32) *link { return &links[i] }
	w := wheel{now: 100}
	w.set(at, 1, 7)
	if w.next() != 101 {
		t.Fatalf("a timer of the past is due at %d, want the next tick", w.next())
	}
}
