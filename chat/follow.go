package chat

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/hub"
)

const (
	// gapDelay is how long what is missing of a room may still come by itself.
	gapDelay = 50 * time.Millisecond
	// readRetry is when the store is asked again that could not answer.
	readRetry = time.Second
	// readTime is how long it may take to answer.
	readTime = 10 * time.Second
	// maxReads is how many rooms are read at once.
	maxReads = 8
	// maxHeld is how much is kept of what came too early, in bytes over all
	// rooms. What is beyond is read from the store.
	maxHeld = 16 << 20
)

// A follower stands between the bus, which may lose, double and reorder, and the
// hub, which is to get each room's messages once, in order and without holes.
// What does not come it reads from the store.
type follower struct {
	store   parley.Store
	hub     *hub.Hub
	log     *slog.Logger
	open    context.Context // ends with close
	cancel  context.CancelFunc
	running sync.WaitGroup
	reads   chan struct{} // a place for each read under way

	mu     sync.Mutex // held while messages are delivered, which puts them in order
	gaps   map[string]*gap
	held   int // bytes in all of them
	closed bool
}

// A gap is what is known of a room of which something is missing here.
type gap struct {
	head int64                     // up to where there is something, at least
	held map[int64]*parley.Message // what came already
}

func newFollower(store parley.Store, h *hub.Hub, log *slog.Logger) *follower {
	f := &follower{store: store, hub: h, log: log, reads: make(chan struct{}, maxReads), gaps: make(map[string]*gap)}
	f.open, f.cancel = context.WithCancel(context.Background())
	return f
}

// close ends what is under way.
func (f *follower) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.cancel()
	f.running.Wait()
}

// message delivers a message, or keeps it until what is before it came.
func (f *follower) message(m *parley.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, here := f.hub.Next(m)
	switch g := f.gaps[m.Room]; {
	case !here:
	case last < m.Seq:
		f.holdLocked(f.missLocked(m.Room, m.Seq), m)
	case g != nil:
		f.drainLocked(m.Room, g)
	}
}

// miss notes that a room goes up to head: what of it is not here is read, if it
// does not come soon.
func (f *follower) miss(room string, head int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last, here := f.hub.Last(room); here && last < head {
		f.missLocked(room, head)
	}
}

func (f *follower) missLocked(room string, head int64) *gap {
	g := f.gaps[room]
	if g == nil {
		g = &gap{held: make(map[int64]*parley.Message)}
		f.gaps[room] = g
		f.laterLocked(gapDelay, room)
	}
	g.head = max(g.head, head)
	return g
}

func (f *follower) holdLocked(g *gap, m *parley.Message) {
	if size := m.Size(); g.held[m.Seq] == nil && f.held+size <= maxHeld {
		g.held[m.Seq] = m
		f.held += size
	}
}

// drainLocked delivers what was kept and is next.
func (f *follower) drainLocked(room string, g *gap) {
	for {
		last, here := f.hub.Last(room)
		m := g.held[last+1]
		if m == nil || !here {
			return
		}
		delete(g.held, m.Seq)
		f.held -= m.Size()
		f.hub.Next(m)
	}
}

// endLocked forgets a gap.
func (f *follower) endLocked(room string, g *gap) {
	for _, m := range g.held {
		f.held -= m.Size()
	}
	delete(f.gaps, room)
}

// laterLocked has a gap filled, after a while.
func (f *follower) laterLocked(delay time.Duration, room string) {
	if f.closed {
		return
	}
	f.running.Add(1)
	time.AfterFunc(delay, func() {
		defer f.running.Done()
		f.fill(room)
	})
}

// fill reads what a room is still missing, page by page, until it is whole. One
// goroutine does so for a room at a time.
func (f *follower) fill(room string) {
	for {
		f.mu.Lock()
		g := f.gaps[room]
		last, here := f.hub.Last(room)
		if !here || last >= g.head || f.closed {
			f.endLocked(room, g)
			f.mu.Unlock()
			return
		}
		f.mu.Unlock()
		page, err := f.read(room, last)
		f.mu.Lock()
		more := f.takeLocked(room, g, last, page, err)
		f.mu.Unlock()
		if !more {
			return
		}
	}
}

func (f *follower) read(room string, last int64) (parley.Page, error) {
	select {
	case f.reads <- struct{}{}:
	case <-f.open.Done():
		return parley.Page{}, f.open.Err()
	}
	defer func() { <-f.reads }()
	ctx, cancel := context.WithTimeout(f.open, readTime)
	defer cancel()
	return f.store.History(ctx, room, parley.Range{From: last, Limit: parley.HistoryMax})
}

// takeLocked delivers a page that was read from from on, and reports whether to
// go on.
func (f *follower) takeLocked(room string, g *gap, from int64, page parley.Page, err error) bool {
	switch {
	case parley.ErrorCode(err) == parley.CodeNotFound:
		f.endLocked(room, g)
		return false
	case err != nil:
		if f.open.Err() == nil {
			f.log.Warn("what was said in a room cannot be read; those who are in it wait for it", "room", room, "error", err)
		}
		f.laterLocked(readRetry, room)
		return false
	}
	f.hub.Skip(room, page.First-1)
	for i := range page.Messages {
		f.hub.Next(&page.Messages[i])
	}
	f.drainLocked(room, g)
	if last, _ := f.hub.Last(room); last == from {
		// Somebody told of what is not there: the store is right. Where what the page
		// has came by itself meanwhile, it may be too old for what is missing now.
		f.log.Warn("news of a room goes beyond what is stored in it", "room", room, "stored", page.Last, "news", g.head)
		f.endLocked(room, g)
		return false
	}
	return true
}
