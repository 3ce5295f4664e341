//go:build !386

package poll

import (
	"runtime"
	"sync"
	"time"
)

const (
	// watchEvery is how often pollers are looked at: a call of Ready that is seen twice is held to block.
	watchEvery = time.Millisecond
	// spreadFor is for how long, after a handler that blocked, all of that poller's handlers get goroutines of their own.
	// Otherwise handlers that all block would be found out one after the other.
	spreadFor = 20 * time.Millisecond
)

// all are the pollers of the process: as many as processors, made when they are first needed.
var all struct {
	mu      sync.Mutex
	pollers []*poller
	next    int
}

// pollerFor registers f with the poller whose turn it is, with a timer.
func pollerFor(f *FD, due time.Duration) error {
	p, err := nextPoller()
	if err != nil {
		return err
	}
	return p.add(f, due)
}

func nextPoller() (*poller, error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if len(all.pollers) < runtime.GOMAXPROCS(0) {
		p, err := newPoller()
		if err != nil {
			return nil, err
		}
		all.pollers = append(all.pollers, p)
		go p.start()
		return p, nil
	}
	all.next++
	return all.pollers[all.next%len(all.pollers)], nil
}

// watch is the watchman: he takes pollers from workers that are held up.
var watch watchman

// A watchman is up while any poller is busy. When the last one goes to sleep his clock is stopped, as a sleep that a clock
// may end soon costs much more than one that only the network ends.
type watchman struct {
	mu    sync.Mutex
	busy  int // pollers
	clock *time.Timer
	set   time.Time // when the clock was
	seen  []sight   // of each poller, by the clock's function
}

// A sight is what the watchman saw of a poller.
type sight struct {
	at    uint64 // its progress
	again bool   // seen twice
}

// begin is called for a worker that is about to run what may block, for the first time after a sleep.
func (w *watchman) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy++; w.busy == 1 {
		w.wind()
	}
}

// rest is called by a worker that is about to sleep.
func (w *watchman) rest() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy--; w.busy == 0 {
		w.clock.Stop()
	}
}

// wind sets the clock. mu is held.
func (w *watchman) wind() {
	w.set = time.Now()
	if w.clock == nil {
		w.clock = time.AfterFunc(watchEvery, w.round)
	} else {
		w.clock.Reset(watchEvery)
	}
}

func (w *watchman) round() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy == 0 {
		return
	}
	late := time.Since(w.set) > 2*watchEvery
	all.mu.Lock()
	pollers := all.pollers
	all.mu.Unlock()
	for i, p := range pollers {
		if i == len(w.seen) {
			w.seen = append(w.seen, sight{})
		}
		at := p.progress.Load()
		switch s := &w.seen[i]; {
		case at&placeMask == 0 || at != s.at:
			*s = sight{at: at}
		case late:
		case s.again:
			p.takeOver(at)
		default:
			s.again = true
		}
	}
	w.wind()
}

// takeOver gives p a new worker, if its progress is still at, for a handler that blocks.
func (p *poller) takeOver(at uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.progress.CompareAndSwap(at, at+leaseOne) {
		return
	}
	rest := p.copyBatch()
	blocked := rest.entries[at&placeMask-1].fd
	p.spread()
	go func() {
		blocked.h.Blocked()
		p.work(at+leaseOne, rest)
	}()
}

// handOver gives p a new worker, if the present one is about f. It is known to take long: to find it out took no time, and there
// is no reason to think that others will.
func (p *poller) handOver(f *FD) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := p.progress.Load(); p.isAbout(f, at) && p.progress.CompareAndSwap(at, at+leaseOne) {
		go p.work(at+leaseOne, p.copyBatch())
	}
}

// watch has the watchman look after p, if the worker is about f.
func (p *poller) watch(f *FD) {
	p.mu.Lock()
	begins := p.isAbout(f, p.progress.Load()) && !p.awake.Swap(true)
	p.mu.Unlock()
	if begins { // not under mu, which the watchman takes in his rounds
		watch.begin()
	}
}

// isAbout reports whether f is what the worker is about, by its progress. mu is held.
func (p *poller) isAbout(f *FD, at uint64) bool {
	place := at & placeMask
	return place > 0 && p.batch.entries[place-1].fd == f
}

// copyBatch makes the next worker's batch. mu is held, lest two do so at once.
func (p *poller) copyBatch() *batch {
	rest := *p.batch
	p.batch = &rest
	return &rest
}

func (p *poller) spread() { p.spreadUntil.Store(int64(time.Since(p.base) + spreadFor)) }

func (p *poller) spreading() bool {
	until := p.spreadUntil.Load()
	return until != 0 && int64(time.Since(p.base)) < until
}

// runAlone runs f, which has been claimed, in a goroutine of its own.
func (p *poller) runAlone(f *FD) {
	scratch := smallScratches.Get().(*[4096]byte)
	defer smallScratches.Put(scratch)
	began := time.Now()
	handedOver := f.runAlone(scratch[:])
	if !handedOver && time.Since(began) > watchEvery {
		p.spread()
	}
}

var smallScratches = sync.Pool{New: func() any { return new([4096]byte) }}
