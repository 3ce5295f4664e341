package hub_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/hub"
)

var (
	ann   = parley.User{ID: "u1", Name: "ann"}
	bob   = parley.User{ID: "u2", Name: "bob"}
	lobby = parley.Room{ID: "lobby", Name: "lobby", Kind: parley.Public}
)

// gone is a store of whose rooms nobody is a member.
func gone(room, user string) bool { return false }

// join joins a room and is live at once.
func join(s *hub.Session, room parley.Room, seen int64) {
	sub, _ := s.Join(room)
	sub.Release(seen)
}

// connect adds a connection, and does not ask how many there are.
func connect(h *hub.Hub, id string, user parley.User, out hub.Subscriber) *hub.Session {
	s := new(hub.Session)
	s.To(out)
	h.Connect(s, id, user)
	return s
}

// A recorder is a Subscriber that keeps what it is told.
type recorder struct {
	mu     sync.Mutex
	events []*parley.Event
	ended  []parley.Ending
}

func (r *recorder) End(e parley.Ending) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = append(r.ended, e)
}

func (r *recorder) Deliver(ev *parley.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, ev)
}

// json returns all that was told.
func (r *recorder) json() (all string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ev := range r.events {
		all += string(ev.JSON)
	}
	return all
}

// took returns the events told since it was last called, in short.
func (r *recorder) took() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var short []string
	for _, ev := range r.events {
		s := ev.Type + " " + ev.Room
		switch ev.Type {
		case parley.EventMessage:
			s += fmt.Sprint(" ", ev.Seq)
		case parley.EventPresence:
			var p struct {
				User   parley.User
				Online bool
			}
			json.Unmarshal(ev.JSON, &p)
			s += fmt.Sprint(" ", p.User.Name, " ", p.Online)
		}
		short = append(short, s)
	}
	r.events = nil
	return short
}

func message(room string, seq int64) parley.News {
	return parley.News{Message: &parley.Message{Room: room, Seq: seq, ID: fmt.Sprint(seq), From: ann, Kind: parley.KindText, Body: json.RawMessage(`{"text":"hi"}`)}}
}

func check(t *testing.T, r *recorder, want ...string) {
	t.Helper()
	if got := r.took(); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}
