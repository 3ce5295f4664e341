package chat_test

import (
	"context"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/hub"
	"github.com/seed-4a326f83/parley/sqlite"
)

// A silentStore does not say whether it noted when people were here.
type silentStore struct{ parley.Store }

func (silentStore) SetSeen(ctx context.Context, _ map[string]time.Time) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestClosingDoesNotWaitForWhenPeopleWereHere is the end of a node whose clients
// are told to come back only once this has returned.
func TestClosingDoesNotWaitForWhenPeopleWereHere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "parley.db")
	synctest.Test(t, func(t *testing.T) {
		store, err := sqlite.Open(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		bus := hub.NewBus(10)
		defer bus.Close()
		node := chat.New(chat.Config{Store: silentStore{store}, Bus: bus, Limits: chat.Limits{Connections: 10}, Guests: true})
		ann := guest(t, node, "ann")
		defer ann.Close()
		began := time.Now()
		if err := node.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("closing took %v", took)
		}
	})
}
