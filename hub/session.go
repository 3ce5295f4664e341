package hub

import (
	"encoding/binary"

	"github.com/seed-4a326f83/parley"
)

// A Session is one connection of a user. Its methods may be called by any
// number of goroutines at once.
//
// It is meant to be a part of what it belongs to, and most sessions are in one
// room, for which it has what is needed: a connection that is idle, as most are,
// is then one piece of memory rather than many.
type Session struct {
	hub  *Hub
	id   string
	user parley.User // does not change
	out  Subscriber

	// Guarded by hub.mu.
	with    mark                // the session that the user proved to be themselves with
	next    *Session            // of the same user
	places  places              // the rooms that the session is in
	left    map[string]struct{} // rooms left before Watch
	watched bool                // Watch was called
	closed  bool
	used    bool // firstSub is, or was

	firstPlace [1]place
	firstSub   Subscription
}

// To says where the session's connection is: before Connect.
func (s *Session) To(out Subscriber) { s.out = out }

// Connect makes s, which is new or was closed before it joined a room, a
// connection of user, and returns how many he has now. id names it, on all
// nodes.
func (h *Hub) Connect(s *Session, id string, user parley.User) (count int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*s = Session{hub: h, id: id, user: user, out: s.out}
	s.places = s.firstPlace[:0]
	s.next = h.users[user.ID]
	h.users[user.ID] = s
	for other := s; other != nil; other = other.next {
		count++
	}
	if count == 1 {
		h.nodes.changed(h, user.ID)
	}
	return count
}

// ID returns what names the connection.
func (s *Session) ID() string { return s.id }

// User returns whose connection it is, also after Close; nobody before Connect.
// It is not to be changed.
func (s *Session) User() *parley.User { return &s.user }

// End has the connection ended.
func (s *Session) End(e parley.Ending) { s.out.End(e) }

// A mark is as much of a session's hash as tells it from a user's others; 0 is
// none.
type mark uint64

func markOf(session *parley.SessionHash) mark {
	if session == nil {
		return 0
	}
	return mark(binary.LittleEndian.Uint64(session[:]) | 1)
}

// CameWith notes the session that the user proved to be themselves with: when it
// ends, so does the connection. It is called right after Connect.
func (s *Session) CameWith(session *parley.SessionHash) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.with = markOf(session)
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
	s.left, s.watched = nil, true
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
	for len(s.places) > 0 {
		s.leaveLocked(s.places[len(s.places)-1].room.info.ID)
	}
	s.places = nil
	h.removeLocked(s)
}

// Join subscribes the connection to the room, held: what happens from now on is
// kept until [Subscription.Release], so that the caller can read the store and
// answer first. A subscription that exists is held again, and not fresh.
func (s *Session) Join(info parley.Room) (sub *Subscription, fresh bool) {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.closed {
		return &Subscription{session: s, held: new(held)}, true // of nothing
	}
	if sub := s.places.get(info.ID).sub; sub != nil {
		sub.hold()
		return sub, false
	}
	sub = &s.firstSub
	if s.used { // who tells it may not know yet that it was ended: it is not used again
		sub = new(Subscription)
	}
	s.used = true
	sub.session, sub.held = s, new(held)
	r := h.roomLocked(info)
	r.subscribe(sub, h.anotherLocked(s, info.ID))
	s.places.set(place{r, sub})
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
	_, found := s.places.find(room)
	return found
}

// watchLocked has the connection told of news in a room that it does not listen
// to, and reports whether it is such a room. hub.mu is held.
func (s *Session) watchLocked(info parley.Room) bool {
	if s.places.get(info.ID).sub != nil {
		return false
	}
	r := s.hub.roomLocked(info)
	s.places.set(place{room: r})
	r.watch(s, info.Name)
	return true
}

// leaveLocked ends what the connection has to do with a room, and reports
// whether it had to do with it. hub.mu is held.
func (s *Session) leaveLocked(id string) bool {
	p := s.places.remove(id)
	if p.room == nil {
		return false
	}
	if p.room.remove(s, p.sub) {
		s.hub.removeRoomLocked(id)
	}
	if p.sub != nil {
		p.sub.end()
	}
	return true
}
