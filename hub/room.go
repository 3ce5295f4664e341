package hub

import (
	"sync"
	"time"

	"github.com/seed-4a326f83/parley"
)

const (
	// newsDelay gathers the news of a busy room for those who have not joined it.
	newsDelay = 250 * time.Millisecond
	// presenceDelay gathers comings and goings; who comes back within it was
	// never away.
	presenceDelay = 500 * time.Millisecond
	// maxAnnounced is up to how many people in a room each coming and going is
	// told to all: beyond, n people coming would cost n*n events, and a client
	// asks with `presence` instead.
	maxAnnounced = 500
)

// A room is those who have to do with it on this node.
type room struct {
	mu       sync.Mutex
	info     parley.Room
	subs     map[*Session]*Subscription
	watchers map[*Session]string // members who have not joined on that connection, and the room's name to them
	people   map[string]*person
	// People whose coming or going is yet to be told.
	changed map[string]struct{}
	news    bool // a telling of the watchers is under way
}

// A person is a user who listens to the room, or of whom that was said last.
type person struct {
	user      parley.User
	conns     int
	announced bool // others were told that he came
	listed    bool // or were given a list that he is on
}

func newRoom(info parley.Room) *room {
	return &room{
		info:     info,
		subs:     make(map[*Session]*Subscription),
		watchers: make(map[*Session]string),
		people:   make(map[string]*person),
		changed:  make(map[string]struct{}),
	}
}

func (r *room) subscribe(s *Session, sub *Subscription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.watchers, s)
	r.subs[s] = sub
	p := r.people[s.user.ID]
	if p == nil {
		p = &person{}
		r.people[s.user.ID] = p
	}
	p.user = s.user
	p.conns++
	r.changedLocked(s.user.ID)
}

func (r *room) watch(s *Session, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers[s] = name
}

// remove takes a connection out and reports whether nobody is left.
func (r *room) remove(s *Session) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.watchers, s)
	if _, ok := r.subs[s]; ok {
		delete(r.subs, s)
		r.people[s.user.ID].conns--
		r.changedLocked(s.user.ID)
	}
	return len(r.subs) == 0 && len(r.watchers) == 0
}

// message delivers a message to those who listen, and the news of it to members
// who do not, gathered.
func (r *room) message(m *parley.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.info.Last = max(r.info.Last, m.Seq)
	if len(r.subs) > 0 {
		ev := parley.MessageEvent(m)
		for _, sub := range r.subs {
			sub.offer(ev)
		}
	}
	if len(r.watchers) > 0 && !r.news {
		r.news = true
		time.AfterFunc(newsDelay, r.tellWatchers)
	}
}

// change tells everybody of a new name, topic or the like.
func (r *room) change(info *parley.Room) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := max(r.info.Last, info.Last)
	r.info = *info
	r.info.Last = last
	ev := parley.RoomEvent(r.info)
	for _, sub := range r.subs {
		sub.offer(ev)
	}
	for s := range r.watchers {
		r.watchers[s] = info.Name
		s.out.Deliver(ev)
	}
}

func (r *room) tellWatchers() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.news = false
	events := make(map[string]*parley.Event, 1) // a direct room is named by the other of the two
	for s, name := range r.watchers {
		if events[name] == nil {
			info := r.info
			info.Name = name
			events[name] = parley.RoomEvent(info)
		}
		s.out.Deliver(events[name])
	}
}

func (r *room) signal(sig *parley.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ev := parley.SignalEvent(sig)
	for s, sub := range r.subs {
		if s.id != sig.Origin {
			sub.offer(ev)
		}
	}
}

// changedLocked has a coming or going told, a little later. r.mu is held.
func (r *room) changedLocked(user string) {
	if len(r.changed) == 0 {
		time.AfterFunc(presenceDelay, r.tellPresence)
	}
	r.changed[user] = struct{}{}
}

func (r *room) tellPresence() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range r.changed {
		p := r.people[id]
		online := p.conns > 0
		known := p.announced || p.listed
		if !online {
			delete(r.people, id)
		}
		if online == p.announced && online == known {
			continue
		}
		p.announced, p.listed = online, false
		if len(r.people) > maxAnnounced {
			continue
		}
		ev := parley.PresenceEvent(r.info.ID, p.user, online)
		for s, sub := range r.subs {
			if s.user.ID != id {
				sub.offer(ev)
			}
		}
	}
	clear(r.changed)
}

func (r *room) present(limit int) (users []parley.User, count int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	count = len(r.people)
	for id := range r.changed {
		if p := r.people[id]; p.absent() {
			count--
		}
	}
	for _, p := range r.people {
		if len(users) == limit {
			break
		}
		if !p.absent() {
			users = append(users, p.user)
			p.listed = true
		}
	}
	return users, count
}

// absent reports whether nobody has to be told that the person is gone.
func (p *person) absent() bool { return p.conns == 0 && !p.announced && !p.listed }
