package hub

import (
	"github.com/seed-4a326f83/parley"
)

// A Session is one connection of a user. Its methods may be called by any
// number of goroutines at once.
type Session struct {
	hub  *Hub
	id   string
	user parley.User
	out  Subscriber
	with *parley.SessionHash // what the user proved to be themselves with; nil if not with a session

	// The rooms the session is in; guarded by hub.mu. A nil subscription is a
	// room the user is a member of but has not joined on this connection.
	rooms  map[string]*Subscription
	left   map[string]struct{} // rooms left before Watch; nil after it
	closed bool
}

// Connect adds a connection of user, who came with a session, or with something
// else if that is nil. id names the connection, on all nodes.
func (h *Hub) Connect(id string, user parley.User, with *parley.SessionHash, out Subscriber) *Session {
	s := &Session{hub: h, id: id, user: user, out: out, with: with, rooms: make(map[string]*Subscription), left: make(map[string]struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.users[user.ID] == nil {
		h.users[user.ID] = make(map[*Session]struct{})
	}
	h.users[user.ID][s] = struct{}{}
	return s
}

func (s *Session) cameWith(session *parley.SessionHash) bool {
	return s.with != nil && *s.with == *session
}

// Watch has the connection told of news in the rooms that its user is a member
// of and that it has not joined. It is called once, with what the store says
// after Connect; rooms that the user left in between are passed over.
func (s *Session) Watch(rooms []parley.Room) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	for _, info := range rooms {
		if _, left := s.left[info.ID]; !left && !s.closed {
			s.watchLocked(info)
		}
	}
	s.left = nil
}

// Close ends all of the connection's subscriptions. Nothing is delivered once
// it has returned.
func (s *Session) Close() {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	for id := range s.rooms {
		s.leaveLocked(id)
	}
	delete(h.users[s.user.ID], s)
	if len(h.users[s.user.ID]) == 0 {
		delete(h.users, s.user.ID)
	}
}

// Join subscribes the connection to the room, held: what happens from now on is
// kept until [Subscription.Release], so that the caller can read the store and
// answer first. A subscription that exists is held again, and not fresh.
func (s *Session) Join(info parley.Room) (sub *Subscription, fresh bool) {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.closed {
		return newSubscription(s.out), true // of nothing
	}
	if sub := s.rooms[info.ID]; sub != nil {
		sub.hold()
		return sub, false
	}
	sub = newSubscription(s.out)
	s.rooms[info.ID] = sub
	h.roomLocked(info).subscribe(s, sub)
	return sub, true
}

// Unjoin ends the connection's subscription; it goes on to watch the room.
func (s *Session) Unjoin(info parley.Room) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.leaveLocked(info.ID)
	if !s.closed {
		s.watchLocked(info)
	}
}

// Leave ends all that the connection has to do with the room.
func (s *Session) Leave(room string) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.leaveLocked(room)
}

// Member reports whether the connection watches or has joined the room, as it
// may only where its user is a member. It may not know yet of a membership of
// this moment: false is no proof.
func (s *Session) Member(room string) bool {
	s.hub.mu.RLock()
	defer s.hub.mu.RUnlock()
	_, ok := s.rooms[room]
	return ok
}

// watchLocked has the connection told of news in a room that it does not listen
// to, and reports whether it is such a room. hub.mu is held.
func (s *Session) watchLocked(info parley.Room) bool {
	if s.rooms[info.ID] != nil {
		return false
	}
	s.rooms[info.ID] = nil
	s.hub.roomLocked(info).watch(s, info.Name)
	return true
}

// leaveLocked ends what the connection has to do with a room. hub.mu is held.
func (s *Session) leaveLocked(id string) {
	sub, ok := s.rooms[id]
	if !ok {
		return
	}
	delete(s.rooms, id)
	r := s.hub.rooms[id]
	if r.remove(s) {
		delete(s.hub.rooms, id)
	}
	if sub != nil {
		sub.end()
	}
}
