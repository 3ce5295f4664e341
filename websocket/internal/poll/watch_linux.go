package poll

import (
	"runtime"
	"sync"
	"sync/atomic"
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

// pollerFor registers f with the poller whose turn it is.
func pollerFor(f *FD) error {
	p, err := nextPoller()
	if err != nil {
		return err
	}
	return p.add(f)
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

// watch is the watchman: it takes pollers from workers that are held up. It is up while any of them is busy.
var watch watchman

type watchman struct{ up atomic.Bool }

// begin is called by a worker that is about to run handlers.
func (w *watchman) begin() {
	if !w.up.Load() && w.up.CompareAndSwap(false, true) {
		go w.round()
	}
}

func (w *watchman) round() {
	var seen []uint64
	for {
		time.Sleep(watchEvery)
		all.mu.Lock()
		pollers := all.pollers
		all.mu.Unlock()
		busy := false
		for i, p := range pollers {
			at := p.progress.Load()
			if i == len(seen) {
				seen = append(seen, 0)
			}
			if at&placeMask != 0 {
				busy = true
				if at == seen[i] {
					p.takeOver(at)
				}
			}
			seen[i] = at
		}
		if busy {
			continue
		}
		// A worker that found the watchman up may have become busy since.
		w.up.Store(false)
		for _, p := range pollers {
			busy = busy || p.progress.Load()&placeMask != 0
		}
		if !busy || !w.up.CompareAndSwap(false, true) {
			return
		}
	}
}

// takeOver gives p a new worker, if its progress is still at.
func (p *poller) takeOver(at uint64) {
	if !p.progress.CompareAndSwap(at, at+leaseOne) {
		return
	}
	blocked := p.batch.entries[at&placeMask-1].fd
	rest := *p.batch
	p.batch = &rest
	p.spread()
	go func() {
		blocked.h.Blocked()
		p.work(at+leaseOne, &rest)
	}()
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
	f.run(scratch[:], Unwatched)
	if time.Since(began) > watchEvery {
		p.spread()
	}
}

var smallScratches = sync.Pool{New: func() any { return new([4096]byte) }}
