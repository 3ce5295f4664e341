package socketio

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestCrew: goroutines that have done their work wait for more, but not too many of them, and not for ever.
func TestCrew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := new(Server)
		idle := func() int {
			synctest.Wait()
			io.crew.mu.Lock()
			defer io.crew.mu.Unlock()
			return len(io.crew.idle)
		}
		work := func(call func()) { (&client{server: io}).do(job{kind: callJob, call: call}) }

		release := make(chan struct{})
		for range maxIdle + 100 {
			work(func() { <-release })
		}
		if n := idle(); n != 0 {
			t.Errorf("%d wait while all work", n)
		}
		close(release)
		if n := idle(); n != maxIdle {
			t.Errorf("%d wait, not %d", n, maxIdle)
		}
		// Those that are needed stay: two at a time, again and again.
		for range 3 {
			release = make(chan struct{})
			work(func() { <-release })
			work(func() { <-release })
			idle()
			close(release)
			idle()
			time.Sleep(tidyEvery)
		}
		if n := idle(); n != 2 {
			t.Errorf("%d wait where two are needed", n)
		}
		time.Sleep(2 * tidyEvery)
		if n := idle(); n != 0 {
			t.Errorf("%d wait where none is needed", n)
		}
		done := make(chan struct{})
		work(func() { close(done) })
		<-done
		time.Sleep(2 * tidyEvery)
	})
}
