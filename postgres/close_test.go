//go:build unix

package postgres_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/postgres"
)

// A hush is a network on which nothing comes any more, once it fell.
type hush struct {
	fallen chan struct{}
	asked  chan struct{} // something was sent since
	once   sync.Once
}

type hushed struct {
	net.Conn
	hush *hush
}

func (h *hush) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	return &hushed{c, h}, err
}

func (c *hushed) Write(b []byte) (int, error) {
	select {
	case <-c.hush.fallen:
		c.hush.once.Do(func() { close(c.hush.asked) })
		return len(b), nil
	default:
		return c.Conn.Write(b)
	}
}

// TestClosingDoesNotWaitForASilentDatabase closes a store whose calls would take
// ten minutes.
func TestClosingDoesNotWaitForASilentDatabase(t *testing.T) {
	h := &hush{fallen: make(chan struct{}), asked: make(chan struct{})}
	s, err := postgres.OpenThrough(t.Context(), newDatabase(t)+"&statement_timeout=600000", h.dial)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Room(t.Context(), parley.Lobby, ""); err != nil {
		t.Fatal(err)
	}
	close(h.fallen)
	answer := make(chan error, 1)
	go func() {
		_, _, err := s.Room(context.Background(), parley.Lobby, "")
		answer <- err
	}()
	<-h.asked
	closed := make(chan struct{})
	go func() { s.Close(); close(closed) }()
	for _, what := range []string{"the call", "Close"} {
		select {
		case err := <-answer:
			answer = nil
			if parley.ErrorCode(err) != parley.CodeUnavailable {
				t.Errorf("what was under way: %v", err)
			}
		case <-closed:
			closed = nil
		case <-time.After(25 * time.Second):
			t.Fatalf("%s: it still waits for the database", what)
		}
	}
}
