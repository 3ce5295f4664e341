//go:build unix

package postgres_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/postgres"
)

// TestTwoNodesSayTheSame has two nodes append the same messages at once, each in
// another order of rooms: every one is stored once, and both are told the same.
func TestTwoNodesSayTheSame(t *testing.T) {
	url := newDatabase(t)
	nodes := []parley.Store{open(t, url), open(t, url)}
	rooms := []string{"tea", "zoo", parley.Lobby}
	ann := member(t, nodes[0], rooms...)
	const messages = 40
	var mu sync.Mutex
	seqs := map[string]int64{} // by room and id
	var stored atomic.Int64
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := range messages {
				var batch []parley.Draft
				for i := range rooms {
					batch = append(batch, text(rooms[(i+w)%len(rooms)], ann, fmt.Sprint(n)))
				}
				results, err := nodes[w%2].Append(t.Context(), batch)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for i, r := range results {
					key := batch[i].Room + " " + batch[i].ID
					if first, known := seqs[key]; r.Err != nil || known && first != r.Seq {
						t.Errorf("%s: %+v, and seq %d before", key, r, first)
					}
					seqs[key] = r.Seq
					if r.Stored {
						stored.Add(1)
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if n := stored.Load(); n != messages*int64(len(rooms)) {
		t.Errorf("%d were stored, want %d", n, messages*len(rooms))
	}
	heads, err := nodes[1].Heads(t.Context(), rooms)
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range rooms {
		if heads[room].Last != messages {
			t.Errorf("%s ends at %d, want %d", room, heads[room].Last, messages)
		}
	}
}

// TestWhoLeftOneNodeIsOutOnAnother changes who is who on one node, and asks the
// other: neither remembers anything.
func TestWhoLeftOneNodeIsOutOnAnother(t *testing.T) {
	url := newDatabase(t)
	one, other := open(t, url), open(t, url)
	ann, ben := member(t, one, "tea"), member(t, other, "tea")
	say := func(id string) error {
		results, err := other.Append(t.Context(), []parley.Draft{text("tea", ben, id)})
		if err != nil {
			t.Fatal(err)
		}
		return results[0].Err
	}
	if err := say("a"); err != nil {
		t.Error(err)
	}
	if removed, err := one.RemoveMember(t.Context(), "tea", ann.ID, ben.ID); err != nil || !removed {
		t.Errorf("RemoveMember: %v, %v", removed, err)
	}
	if err := say("b"); parley.ErrorCode(err) != parley.CodeNotJoined {
		t.Errorf("who was taken out says something: %v", err)
	}
	if _, _, err := one.Join(t.Context(), "tea", ben.ID, false, now); err != nil {
		t.Error(err)
	}
	if err := say("c"); err != nil {
		t.Error(err)
	}
	archived := true
	if _, err := one.ChangeRoom(t.Context(), "tea", ann.ID, parley.RoomChange{Archived: &archived}); err != nil {
		t.Error(err)
	}
	if err := say("d"); parley.ErrorCode(err) != parley.CodeConflict {
		t.Errorf("something is said in an archived room: %v", err)
	}
}

// TestInstallation: nodes on one database have one name in common, and no other.
func TestInstallation(t *testing.T) {
	names := make(map[string]int)
	for range 2 {
		url := newDatabase(t)
		for range 2 {
			s, err := postgres.Open(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			name, err := s.Installation(t.Context())
			if err != nil || len(name) != 32 {
				t.Errorf("the name is %q, %v", name, err)
			}
			names[name]++
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if len(names) != 2 {
		t.Errorf("two databases with two nodes each have the names %v", names)
	}
}
