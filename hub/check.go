package hub

import (
	"cmp"
	"slices"
	"strings"

	"github.com/seed-4a326f83/parley"
)

// removed ends the connections of whoever may not be here any more.
var removed = parley.Ending{Code: parley.CloseRemoved, Reason: "signed out"}

// A Check is some people's connections at a moment, to be held against what the
// store says of them after it.
type Check struct {
	hub   *Hub
	conns []checked
}

// checked is one connection.
type checked struct {
	session *Session
	id      string // which it had then; its memory may be another connection's by now
	user    string
	with    mark
	rooms   []string
	watched bool
}

// Check begins a check of some users.
func (h *Hub) Check(users []string) *Check {
	c := &Check{hub: h}
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, user := range users {
		for s := h.users[user]; s != nil; s = s.next {
			rooms := make([]string, len(s.places))
			for i, p := range s.places {
				rooms[i] = p.room.info.ID
			}
			c.conns = append(c.conns, checked{s, s.id, user, s.with, rooms, s.watched})
		}
	}
	return c
}

// A Stray is a user of whose membership of a room the hub and the store differ.
type Stray struct{ User, Room string }

// Against ends the connections of who is not in standing, and those that came
// with a session that is not. It returns the memberships that only the hub knows
// of, and those that only the store does: news of them may be on its way.
func (c *Check) Against(standing map[string]parley.Standing) (gone, come []Stray) {
	for _, conn := range c.conns {
		now, there := standing[conn.user]
		if !there || conn.with != 0 && !slices.ContainsFunc(now.Sessions, func(hash parley.SessionHash) bool { return markOf(&hash) == conn.with }) {
			c.end(&conn)
			continue
		}
		for _, room := range conn.rooms {
			if !slices.Contains(now.Rooms, room) {
				gone = append(gone, Stray{conn.user, room})
			}
		}
		for _, room := range now.Rooms {
			if _, found := slices.BinarySearch(conn.rooms, room); conn.watched && !found {
				come = append(come, Stray{conn.user, room})
			}
		}
	}
	return unique(gone), unique(come)
}

func (c *Check) end(conn *checked) {
	c.hub.mu.RLock()
	defer c.hub.mu.RUnlock()
	if s := conn.session; s.id == conn.id && !s.closed {
		s.out.End(removed)
	}
}

func unique(strays []Stray) []Stray {
	slices.SortFunc(strays, func(a, b Stray) int {
		return cmp.Or(strings.Compare(a.User, b.User), strings.Compare(a.Room, b.Room))
	})
	return slices.Compact(strays)
}
