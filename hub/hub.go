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
// Locks are taken in this order: Hub.mu, room.mu, shard.mu, Subscription.mu; and
// nodes.mu last.
type Hub struct {
	stillMember func(room, user string) bool
	nodes       nodes

	mu    sync.RWMutex
	rooms map[string]*room    // those somebody here listens to or is a member of
	users map[string]*Session // each the first of a list
}

// New returns an empty hub. stillMember asks the store whether a user is a
// member of a room, before news that he left, which may be old, ends his
// subscriptions. It may be called with the hub locked and must not call it.
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
	case n.Presence != nil:
		h.presence(n.Presence)
	case n.Online != nil:
		h.nodes.online(n.Online)
	case n.Pulse != nil:
		h.pulse(n.Pulse)
	}
}

// Next delivers a message if it is the one after the room's last, and returns
// what is the room's last then. Nobody here has to do with a room that is not
// here.
func (h *Hub) Next(m *parley.Message) (last int64, here bool) {
	r := h.room(m.Room)
	if r == nil {
		return 0, false
	}
	return r.next(m), true
}

// Skip has a room go on after seq: what is before is not kept any more.
func (h *Hub) Skip(room string, seq int64) {
	if r := h.room(room); r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.info.Last = max(r.info.Last, seq)
	}
}

// Last returns the last message of a room that was delivered here, or was said
// before anybody here had to do with the room.
func (h *Hub) Last(room string) (last int64, here bool) {
	r := h.room(room)
	if r == nil {
		return 0, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.info.Last, true
}

// Rooms returns the ids of the rooms that somebody here has to do with.
func (h *Hub) Rooms() []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Collect(maps.Keys(h.rooms))
}

// Known returns what is known here of those of the rooms that somebody here has
// to do with.
func (h *Hub) Known(rooms []string) map[string]parley.Room {
	known := make(map[string]parley.Room, len(rooms))
	for _, id := range rooms {
		if r := h.room(id); r != nil {
			r.mu.Lock()
			known[id] = r.info
			r.mu.Unlock()
		}
	}
	return known
}

// Renew tells everybody of a room's new name, topic or the like, where what is
// known here is before still, and not so.
func (h *Hub) Renew(before, now parley.Room) {
	r := h.room(now.ID)
	if r == nil || now.Kind == parley.Direct { // whose name is another one to each of the two
		return
	}
	r.mu.Lock()
	outdated := looks(r.info) == looks(before) && looks(before) != looks(now)
	r.mu.Unlock()
	if outdated {
		r.change(&now)
	}
}

// looks is what can be changed of a room by hand.
func looks(r parley.Room) parley.Room {
	return parley.Room{Name: r.Name, Topic: r.Topic, Archived: r.Archived}
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
		r = newRoom(h, info)
		h.rooms[info.ID] = r
		h.nodes.follow(info.ID, true)
	}
	r.entered++
	return r
}

// removeRoomLocked forgets a room that nobody here has to do with any more.
// h.mu is held.
func (h *Hub) removeRoomLocked(id string) {
	delete(h.rooms, id)
	h.nodes.follow(id, false)
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
	} else {
		h.nodes.changed(h, user)
	}
}

// anotherLocked returns a subscription to a room of another session of the same
// user's, or nil. h.mu is held.
func (h *Hub) anotherLocked(s *Session, room string) *Subscription {
	return h.subscriptionLocked(s.user.ID, room)
}

// subscriptionLocked returns one of a user's subscriptions to a room, or nil.
// h.mu is held.
func (h *Hub) subscriptionLocked(user, room string) *Subscription {
	for s := h.users[user]; s != nil; s = s.next {
		if sub := s.places.get(room).sub; sub != nil {
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
	if !m.Left {
		h.mu.Lock()
	} else if !h.lockOutsider(m.Room.ID, m.User) {
		return
	}
	defer h.mu.Unlock()
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

// lockOutsider locks the hub, where a user is no member of a room, and reports
// whether that is so. The store is asked with the hub unlocked, as it may take
// its time: if somebody entered the room meanwhile, once more, since he became a
// member before. At last it is asked with the hub locked.
func (h *Hub) lockOutsider(id, user string) bool {
	type state struct {
		here    bool
		room    *room
		entered uint32
	}
	now := func() (s state) {
		s.here = h.users[user] != nil
		if s.room = h.rooms[id]; s.room != nil {
			s.entered = s.room.entered
		}
		return s
	}
	for range 4 {
		h.mu.RLock()
		before := now()
		h.mu.RUnlock()
		if before.here && h.stillMember(id, user) {
			return false
		}
		h.mu.Lock()
		if now() == before {
			return true
		}
		h.mu.Unlock()
	}
	h.mu.Lock()
	if h.users[user] != nil && h.stillMember(id, user) {
		h.mu.Unlock()
		return false
	}
	return true
}

// putOut ends connections of a user: those of a session that ended, or all.
func (h *Hub) putOut(o *parley.Out) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for s := h.users[o.User]; s != nil; s = s.next {
		if (o.Session == nil || s.with == markOf(o.Session)) && (o.Except == nil || s.with != markOf(o.Except)) {
			s.out.End(removed)
		}
	}
}

// Online reports whether the user has a connection, to this node or another.
func (h *Hub) Online(user string) bool {
	h.mu.RLock()
	here := h.users[user] != nil
	h.mu.RUnlock()
	return here || h.nodes.has(user)
}

// Users returns the ids of those who have a connection to this node.
func (h *Hub) Users() []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Collect(maps.Keys(h.users))
}

// Present returns the people who listen to the room, on any node, at most limit
// of them, and how many there are. Somebody who left is present until that has
// been told, so that who is given this list hears of every change to it.
func (h *Hub) Present(room string, limit int) (users []parley.User, count int) {
	r := h.room(room)
	if r == nil {
		return nil, 0
	}
	return r.present(limit)
}
