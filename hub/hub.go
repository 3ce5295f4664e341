// Package hub knows who is connected and who listens to which room, and hands
// each of them what the bus brings, in order. It is one node's, in memory, and
// has never heard of a socket: it delivers to a [Subscriber].
package hub

import (
	"maps"
	"slices"
	"sync"

	"github.com/seed-4a326f83/parley"
)

// A Subscriber is a connection's way out.
type Subscriber interface {
	// Deliver queues the event. It is called with locks held, from many
	// goroutines: it must not block and must not call the hub.
	Deliver(*parley.Event)
	// End has the connection ended, once what was delivered has left. It is
	// called as Deliver is.
	End(parley.Ending)
}

// A Hub holds the connections of one node. All methods may be called by any
// number of goroutines at once.
//
// Locks are taken in this order: Hub.mu, room.mu, shard.mu, Subscription.mu.
type Hub struct {
	stillMember func(room, user string) bool

	mu    sync.RWMutex
	rooms map[string]*room    // those somebody here listens to or is a member of
	users map[string]*Session // each the first of a list
}

// New returns an empty hub. stillMember asks the store whether a user is a
// member of a room, before news that he left, which may be old, ends his
// subscriptions. It is called with the hub locked and must not call it.
func New(stillMember func(room, user string) bool) *Hub {
	return &Hub{
		stillMember: stillMember,
		rooms:       make(map[string]*room),
		users:       make(map[string]*Session),
	}
}

// Deliver passes on what happened to whom it concerns. It is what
// [parley.Bus.Subscribe] wants.
func (h *Hub) Deliver(n parley.News) {
	switch {
	case n.Message != nil:
		if r := h.room(n.Message.Room); r != nil {
			r.message(n.Message)
		}
	case n.Signal != nil:
		if r := h.room(n.Signal.Room); r != nil {
			r.signal(n.Signal)
		}
	case n.Read != nil:
		h.read(n.Read)
	case n.Member != nil:
		h.member(n.Member)
	case n.Room != nil:
		if r := h.room(n.Room.ID); r != nil {
			r.change(n.Room)
		}
	case n.Out != nil:
		h.putOut(n.Out)
	}
}

// room returns a room by its id, or nil where nobody here has to do with it.
func (h *Hub) room(id string) *room {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.rooms[id]
}

// roomLocked returns a room, made where it is not there. h.mu is held.
func (h *Hub) roomLocked(info parley.Room) *room {
	r := h.rooms[info.ID]
	if r == nil {
		r = newRoom(info)
		h.rooms[info.ID] = r
	}
	return r
}

// removeLocked takes a session off the list of its user's. h.mu is held.
func (h *Hub) removeLocked(s *Session) {
	user := s.user.ID
	if h.users[user] != s {
		before := h.users[user]
		for before.next != s {
			before = before.next
		}
		before.next = s.next
		return
	}
	// Deleted first, as an assignment would keep the key, and what it is a part
	// of, of a session that is gone.
	delete(h.users, user)
	if s.next != nil {
		h.users[s.next.user.ID] = s.next
	}
}

// anotherLocked returns a subscription to a room of another session of the same
// user's, or nil. h.mu is held.
func (h *Hub) anotherLocked(s *Session, room string) *Subscription {
	for other := h.users[s.user.ID]; other != nil; other = other.next {
		if sub := other.places.get(room).sub; sub != nil {
			return sub
		}
	}
	return nil
}

// read tells a user's other connections.
func (h *Hub) read(mark *parley.ReadMark) {
	ev := parley.ReadEvent(mark)
	h.mu.RLock()
	defer h.mu.RUnlock()
	for s := h.users[mark.User]; s != nil; s = s.next {
		if s.id != mark.Origin {
			s.out.Deliver(ev)
		}
	}
}

// member makes a user's other connections members of a room, or ends that.
func (h *Hub) member(m *parley.Member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	// Asked under the lock: whoever subscribes after this became a member after
	// it, and whoever did so before is seen to be one.
	if m.Left && h.users[m.User] != nil && h.stillMember(m.Room.ID, m.User) {
		return
	}
	ev, left := parley.RoomEvent(m.Room), parley.LeftEvent(m.Room.ID)
	for s := h.users[m.User]; s != nil; s = s.next {
		switch {
		case s.id == m.Origin:
		case m.Left:
			if s.leaveLocked(m.Room.ID) {
				s.out.Deliver(left)
			}
			if !s.watched {
				if s.left == nil {
					s.left = make(map[string]struct{})
				}
				s.left[m.Room.ID] = struct{}{}
			}
		case s.watchLocked(m.Room):
			s.out.Deliver(ev)
		}
	}
}

// putOut ends connections of a user: those of a session that ended, or all.
func (h *Hub) putOut(o *parley.Out) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for s := h.users[o.User]; s != nil; s = s.next {
		if (o.Session == nil || s.with == markOf(o.Session)) && (o.Except == nil || s.with != markOf(o.Except)) {
			s.out.End(parley.Ending{Code: parley.CloseRemoved, Reason: "signed out"})
		}
	}
}

// Online reports whether the user has a connection to this node.
func (h *Hub) Online(user string) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.users[user] != nil
}

// Users returns the ids of those who have a connection to this node.
func (h *Hub) Users() []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Collect(maps.Keys(h.users))
}

// Present returns the people who listen to the room on this node, at most limit
// of them, and how many there are. Somebody who left is present until that has
// been told, so that who is given this list hears of every change to it.
func (h *Hub) Present(room string, limit int) (users []parley.User, count int) {
	r := h.room(room)
	if r == nil {
		return nil, 0
	}
	return r.present(limit)
}
