package chat

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley"
)

// seenDelay gathers when people went, so that many who go together cost one
// write.
const seenDelay = 5 * time.Second

// lastSeenTime is how long noting it may take at the end, when clients wait to be
// told to come back.
const lastSeenTime = 2 * time.Second

// A seen notes when people were here last.
type seen struct {
	store parley.Store
	log   *slog.Logger

	mu     sync.Mutex
	at     map[string]time.Time
	timer  *time.Timer // nil while there is nothing to note
	closed bool
}

func newSeen(store parley.Store, log *slog.Logger) *seen { return &seen{store: store, log: log} }

func (s *seen) note(user string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if s.at == nil {
		s.at = make(map[string]time.Time)
	}
	s.at[user] = now
	if s.timer == nil {
		s.timer = time.AfterFunc(seenDelay, func() { s.flush(context.Background()) })
	}
}

// close stores what was noted, if that is soon done, and notes nothing more.
func (s *seen) close(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, lastSeenTime)
	defer cancel()
	s.flush(ctx)
}

// flush stores what was noted. What cannot be stored is forgotten: it was for
// people's information.
func (s *seen) flush(ctx context.Context) {
	s.mu.Lock()
	at := s.at
	s.at = nil
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	s.mu.Unlock()
	if len(at) == 0 {
		return
	}
	if err := s.store.SetSeen(ctx, at); err != nil {
		s.log.Warn("when people were here last could not be noted", "error", err)
	}
}
