package socketio

import (
	"sync"
	"time"
)

// A crew is the goroutines that do clients' jobs. Those that have nothing to do stay for a while: a new one would have to grow
// its stack first, which takes longer than most handlers.
type crew struct {
	mu     sync.Mutex
	idle   []chan *client // of those that wait: who came last is called first
	fewest int            // how many of them there were at any time since tidy was called
	timer  *time.Timer    // calls tidy; nil: nobody has waited yet
	armed  bool
	closed bool // nobody waits any more
}

const (
	// maxIdle is how many goroutines wait for clients at most.
	maxIdle = 1024
	// tidyEvery is after how long those end that were not needed.
	tidyEvery = 200 * time.Millisecond
)

// run has c.run called by another goroutine.
func (w *crew) run(c *client) {
	w.mu.Lock()
	last := len(w.idle) - 1
	if last < 0 {
		w.mu.Unlock()
		go w.work(c)
		return
	}
	called := w.idle[last]
	w.idle[last] = nil
	w.idle = w.idle[:last]
	w.fewest = min(w.fewest, last)
	w.mu.Unlock()
	called <- c // which has room
}

func (w *crew) work(c *client) {
	me := make(chan *client, 1)
	for c != nil {
		c.run()
		if !w.wait(me) {
			return
		}
		c = <-me
	}
}

// wait adds one that waits, unless there are enough of them.
func (w *crew) wait(me chan *client) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.idle) == maxIdle {
		return false
	}
	w.idle = append(w.idle, me)
	if !w.armed {
		w.armed = true
		if w.timer == nil {
			w.timer = time.AfterFunc(tidyEvery, w.tidy)
		} else {
			w.timer.Reset(tidyEvery)
		}
	}
	return true
}

// close ends those that wait, and each other one when its client's jobs are done.
func (w *crew) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for _, me := range w.idle {
		close(me)
	}
	w.idle = nil
	if w.timer != nil {
		w.timer.Stop()
	}
}

// tidy ends those that were not needed since it was called last.
func (w *crew) tidy() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	for _, unneeded := range w.idle[:w.fewest] {
		close(unneeded)
	}
	n := copy(w.idle, w.idle[w.fewest:])
	clear(w.idle[n:])
	w.idle = w.idle[:n]
	w.fewest = n
	if w.armed = n > 0; w.armed {
		w.timer.Reset(tidyEvery)
	} else {
		w.idle = nil
	}
}
