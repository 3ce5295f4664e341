package hub

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/seed-4a326f83/parley"
)

// A Bus is the [parley.Bus] of a node that is alone: a queue in memory. It keeps
// whoever commits from waiting for a large room's fan-out, until the queue is
// full: then it holds him up, since nothing may grow without a bound.
//
// Signals give way to messages: with more than maxSignalsBehind news waiting,
// they are dropped, as nobody's publishing may wait for somebody's cursor.
type Bus struct {
	queue chan parley.News
	done  chan struct{} // closed when the last news was delivered

	mu          sync.Mutex // held while delivering
	subscribers []*func(parley.News)

	closing   chan struct{}
	closeOnce sync.Once
}

// maxSignalsBehind is how much may wait before signals are dropped.
const maxSignalsBehind = 64

var (
	errBusClosed = errors.New("hub: the bus is closed")
	errBusBusy   = errors.New("hub: the bus is busy; the signal was dropped")
)

// NewBus returns a bus that queues up to size news. Close stops it.
func NewBus(size int) *Bus {
	b := &Bus{queue: make(chan parley.News, size), done: make(chan struct{}), closing: make(chan struct{})}
	go b.run()
	return b
}

// Publish implements [parley.Bus].
func (b *Bus) Publish(ctx context.Context, n parley.News) error {
	select {
	case <-b.closing:
		return errBusClosed
	default:
	}
	if n.Signal != nil && len(b.queue) > min(maxSignalsBehind, cap(b.queue)/2) {
		return errBusBusy
	}
	select {
	case b.queue <- n:
		return nil
	case <-b.closing:
		return errBusClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Subscribe implements [parley.Bus].
func (b *Bus) Subscribe(deliver func(parley.News)) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	sub := &deliver
	b.subscribers = append(b.subscribers, sub)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.subscribers = slices.DeleteFunc(b.subscribers, func(s *func(parley.News)) bool { return s == sub })
	}
}

// Follow implements [parley.Bus]: there are no other nodes.
func (b *Bus) Follow(room string, wanted bool) {}

// Close delivers what is queued and stops the bus.
func (b *Bus) Close() {
	b.closeOnce.Do(func() { close(b.closing) })
	<-b.done
}

func (b *Bus) run() {
	defer close(b.done)
	for {
		select {
		case n := <-b.queue:
			b.deliver(n)
		case <-b.closing:
			for {
				select {
				case n := <-b.queue:
					b.deliver(n)
				default:
					return
				}
			}
		}
	}
}

func (b *Bus) deliver(n parley.News) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, sub := range b.subscribers {
		(*sub)(n)
	}
}
