//go:build unix

package postgres_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/internal/pgtest"
)

var now = time.Date(2030, 2, 3, 4, 5, 6, 789e6, time.UTC)

// member makes a user who is in the rooms.
func member(t testing.TB, s parley.Store, rooms ...string) parley.User {
	t.Helper()
	u, err := s.CreateGuest(t.Context(), parley.User{ID: parley.NewUserID(), Name: "ann"}, parley.NewSessionToken().Hash(), now)
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range rooms {
		if _, _, err := s.Join(t.Context(), room, u.ID, true, now); err != nil {
			t.Fatal(err)
		}
	}
	return u
}

func text(room string, u parley.User, id string) parley.Draft {
	return parley.Draft{Room: room, User: u, ID: id, Kind: parley.KindText, Time: now, Body: json.RawMessage(fmt.Sprintf(`{"text":%q}`, id))}
}

// TestStoreOutlivesItsServer kills PostgreSQL under two nodes that append, and
// has it back: what was acknowledged is there, once, and nobody opened a store
// anew.
func TestStoreOutlivesItsServer(t *testing.T) {
	server, err := pgtest.Start(pgtest.Config{Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}()
	url := server.URL("postgres") + pgtest.Patience
	nodes := []parley.Store{open(t, url), open(t, url)}
	ann := member(t, nodes[0], "tea")

	acked, failed, stop := make(chan string), make(chan struct{}), make(chan struct{})
	var workers sync.WaitGroup
	for w := range 4 {
		workers.Go(func() {
			for n := 0; ; n++ {
				id := fmt.Sprint(w, "-", n)
				for known := false; !known; {
					results, err := nodes[w%2].Append(t.Context(), []parley.Draft{text("tea", ann, id)})
					var say chan string
					fail := failed
					switch {
					case err == nil && results[0].Err == nil:
						known, say, fail = true, acked, nil
					case err == nil || parley.ErrorCode(err) != parley.CodeUnavailable:
						t.Errorf("Append: %+v, %v", results, err)
						return
					}
					select {
					case say <- id:
					case fail <- struct{}{}:
					case <-stop:
						return
					}
				}
			}
		})
	}
	seen := map[string]bool{}
	// until waits for acks or failures, and takes the others meanwhile.
	until := func(acks, failures int) {
		for acks > 0 || failures > 0 {
			select {
			case id := <-acked:
				acks--
				seen[id] = true
			case <-failed:
				failures--
			case <-t.Context().Done():
				return
			}
		}
	}
	for _, end := range []func() error{server.Kill, server.Halt} {
		until(50, 0)
		ended := make(chan error)
		go func() { ended <- end() }()
		until(0, 8)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if _, err := nodes[0].History(t.Context(), "tea", parley.Range{Limit: 1}); parley.ErrorCode(err) != parley.CodeUnavailable {
			t.Errorf("History: %v", err)
		}
		if err := server.Restart(); err != nil {
			t.Error(err)
			break
		}
	}
	until(50, 0)
	close(stop)
	workers.Wait()

	count := map[string]int{}
	for from := int64(0); ; {
		page, err := nodes[1].History(t.Context(), "tea", parley.Range{From: from, Limit: parley.HistoryMax})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Messages {
			if from++; m.Seq != from {
				t.Fatalf("after %d comes %d", from-1, m.Seq)
			}
			count[m.ID]++
		}
		if !page.More {
			break
		}
	}
	for id := range seen {
		if count[id] != 1 {
			t.Errorf("%s was acknowledged and is there %d times", id, count[id])
		}
	}
	for id, n := range count {
		if n != 1 {
			t.Errorf("%s is there %d times", id, n)
		}
	}
}
