package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A soak is one that runs.
type soak struct {
	plan
	server    *process
	keepalive time.Duration // when the server pings who is silent
	out       io.Writer

	slots    []slot
	next     atomic.Uint64 // number of the next session
	open     atomic.Int64
	stopping atomic.Bool
	counts   counts

	fail   func() // ends the cycle
	mu     sync.Mutex
	faults []error
}

// A slot is what the watchdog knows of the session that has a place now.
type slot struct {
	number atomic.Uint64
	since  atomic.Int64 // when the last answer came or was asked for, in ns since 1970; 0: none is awaited
	what   atomic.Value // string: what is awaited
	conn   atomic.Pointer[wire]

	mu   sync.Mutex
	idle *wire // that reads for nothing but pings
}

func (s *slot) waits(number uint64, what string) {
	s.number.Store(number)
	s.what.Store(what)
	s.since.Store(time.Now().UnixNano())
}

// hears notes that something has come that was waited for.
func (s *slot) hears(slow bool, c *counts) {
	now := time.Now().UnixNano()
	took := now - s.since.Swap(now)
	for most := c.longest.Load(); !slow && took > most && !c.longest.CompareAndSwap(most, took); {
		most = c.longest.Load()
	}
}

func (s *slot) rests() { s.since.Store(0) }

// idles lets a connection read until end, or until it is roused. It reports false if the time of all is up.
func (s *slot) idles(w *wire, end time.Time, stopping *atomic.Bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stopping.Load() {
		return false
	}
	w.tcp.SetReadDeadline(end)
	s.idle = w
	return true
}

func (s *slot) wakes(w *wire) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = nil
	w.tcp.SetReadDeadline(time.Time{})
}

// rouse has the connection end that idles here.
func (s *slot) rouse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle != nil {
		s.idle.tcp.SetReadDeadline(time.Unix(1, 0))
	}
}

// counts are of all that has happened.
type counts struct {
	opened, answered, bytes atomic.Int64
	longest                 atomic.Int64 // time between two answers that were waited for, of late, in ns
	longestEver             time.Duration

	mu    sync.Mutex
	ended map[string]int
}

func (c *counts) end(how string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		c.ended = make(map[string]int)
	}
	c.ended[how]++
}

// report says what has happened.
func (c *counts) report() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	longest := time.Duration(c.longest.Swap(0))
	c.longestEver = max(c.longestEver, longest)
	fmt.Fprintf(&b, "%d opened, %d messages answered (%.1f MiB), longest wait %s of late and %s ever; ended:",
		c.opened.Load(), c.answered.Load(), float64(c.bytes.Load())/(1<<20), longest.Round(time.Millisecond), c.longestEver.Round(time.Millisecond))
	for _, how := range []string{"closed", "failed", "half closed", "broken off", "reset", "reset amid", "vanished"} {
		fmt.Fprintf(&b, " %d %s,", c.ended[how], how)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// cycle lets all places be taken, by one session after the other, for some time, and waits until all have gone.
func (s *soak) cycle(d time.Duration) error {
	s.stopping.Store(false)
	over, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	s.fail = cancel
	watched := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(watched)
		s.watch(done)
	}()
	var running sync.WaitGroup
	for i := range s.slots {
		running.Go(func() {
			select {
			case <-over.Done():
			case <-time.After(time.Duration(i) * time.Millisecond): // not all at once
				s.occupy(&s.slots[i])
			}
		})
	}
	<-over.Done()
	s.stopping.Store(true)
	for i := range s.slots {
		s.slots[i].rouse()
	}
	running.Wait()
	close(done)
	<-watched
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) > 0 {
		return fmt.Errorf("%d faults, the first: %w", len(s.faults), s.faults[0])
	}
	return nil
}

// occupy has one session after the other in a place.
func (s *soak) occupy(place *slot) {
	for !s.stopping.Load() {
		number := s.next.Add(1)
		one := &session{soak: s, number: number, slot: place, rng: rand.New(rand.NewPCG(s.seed, number))}
		how, err := one.live()
		place.rests()
		place.conn.Store(nil)
		if err != nil {
			s.fault(fmt.Errorf("connection %d: %w", number, err))
			return
		}
		s.counts.end(how)
	}
}

// fault notes what went wrong, and ends the soak.
func (s *soak) fault(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, err)
	s.fail()
}

// watch looks at each second whether somebody has waited for too long, and says how it goes every ten.
func (s *soak) watch(done <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		var oldest time.Duration
		for i := range s.slots {
			place := &s.slots[i]
			since := place.since.Load()
			if since == 0 {
				continue
			}
			waited := time.Duration(time.Now().UnixNano() - since)
			oldest = max(oldest, waited)
			if w := place.conn.Load(); waited > s.patience && w != nil {
				s.fault(fmt.Errorf("connection %d, %s, has waited for %s for %s; its ends:\n%s\nthe server:\n%s",
					place.number.Load(), w, waited, place.what.Load(), w.kernel(), s.server.stacks()))
				w.tcp.Close()
			}
		}
		if n%10 == 0 {
			s.report(oldest)
		}
	}
}

func (s *soak) report(oldest time.Duration) {
	held, err := s.server.look(false)
	if err != nil {
		s.fault(err)
		return
	}
	fmt.Fprintf(s.out, "%s %d open, waiting since %s; %s; the server: %s\n",
		time.Now().Format(time.TimeOnly), s.open.Load(), oldest.Round(time.Millisecond), s.counts.report(), held)
}
