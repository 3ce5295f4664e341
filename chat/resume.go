package chat

import (
	"context"
	"math/bits"
	"sync"

	"github.com/seed-4a326f83/parley"
)

// A sharer has those who ask for the same page of a room at the same time share
// the answer: after a restart, all who were in a room come back at once and have
// missed the same.
type sharer struct {
	store parley.Log

	mu    sync.Mutex
	reads map[sharedPage]*sharedRead // those under way
}

// A sharedPage is what is asked for.
type sharedPage struct {
	room string
	r    parley.Range
}

// A sharedRead is one question to the store.
type sharedRead struct {
	done chan struct{} // closed when page and err are there
	page parley.Page
	err  error
	next *sharedRead // for those who came while it was under way; nil: nobody
}

func newSharer(store parley.Log) *sharer {
	return &sharer{store: store, reads: make(map[sharedPage]*sharedRead)}
}

// history is [parley.Log.History] as of now, or a moment later. The page is also
// others': it must not be changed.
func (s *sharer) history(ctx context.Context, room string, r parley.Range) (parley.Page, error) {
	what := sharedPage{room, r}
	s.mu.Lock()
	read := s.reads[what]
	switch {
	case read == nil:
		read = &sharedRead{done: make(chan struct{})}
		s.reads[what] = read
		go s.run(context.WithoutCancel(ctx), what, read)
	default:
		// What is being read may be of before the asker subscribed, so that what
		// was said in between would reach him neither way.
		if read.next == nil {
			read.next = &sharedRead{done: make(chan struct{})}
		}
		read = read.next
	}
	s.mu.Unlock()
	select {
	case <-read.done:
		return read.page, read.err
	case <-ctx.Done():
		return parley.Page{}, &parley.Error{Code: parley.CodeUnavailable, Message: "the answer was not waited for; ask again", Err: ctx.Err()}
	}
}

// run reads, and reads again for those who came meanwhile.
func (s *sharer) run(ctx context.Context, what sharedPage, read *sharedRead) {
	for read != nil {
		read.page, read.err = s.read(ctx, what)
		s.mu.Lock()
		next := read.next
		if next != nil {
			s.reads[what] = next
		} else {
			delete(s.reads, what)
		}
		s.mu.Unlock()
		close(read.done)
		read = next
	}
}

func (s *sharer) read(ctx context.Context, what sharedPage) (parley.Page, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	return s.store.History(ctx, what.room, what.r)
}

// shareable returns a number of bytes that others are likely to ask for too: the
// power of two that is not more.
func shareable(n int) int {
	if n < 1 {
		return 1
	}
	return 1 << (bits.Len(uint(n)) - 1)
}
