package chat

import (
	"sync"
	"testing"
)

// TestNoQuestionToTheStoreIsLost asks from two goroutines at once, as the bus and
// the pulse may.
func TestNoQuestionToTheStoreIsLost(t *testing.T) {
	for range 100_000 {
		c := &cluster{checks: make(chan checks, 1)}
		var both sync.WaitGroup
		both.Go(func() { c.ask(checks{heads: true}) })
		c.ask(checks{people: true})
		both.Wait()
		if got := <-c.checks; !got.heads || !got.people {
			t.Fatalf("asked for both, noted: %+v", got)
		}
	}
}
