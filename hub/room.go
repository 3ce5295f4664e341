package hub

import (
	"slices"
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
	hub     *Hub
	entered uint32 // how many came to have to do with it; guarded by hub.mu

	mu       sync.Mutex
	info     parley.Room         // but for Last, it does not change
	shards   []*shard            // who listens
	watchers map[*Session]string // members who have not joined on that connection, and the room's name to them
	here     int                 // people who listen on this node
	far      *far                // who listens on other nodes; nil: nobody
	people   int                 // who listens on any, and those who left and are not told of
	// People whose coming or going is yet to be told, by id; nil: none.
	changed map[string]*person
	news    bool   // a telling of the watchers is under way
	told    told   // what other nodes know
	lists   uint32 // how many lists of people were made
}

// A person is a user who listens to the room, or of whom that was said last.
// Subscriptions of the same user share it.
type person struct {
	user      *parley.User
	conns     int32
	far       int32  // other nodes that he listens on
	list      uint32 // the last that he was put on
	announced bool   // others were told that he came
	listed    bool   // or were given a list that he is on
	toldFar   bool   // other nodes were told that he listens here
}

func (p *person) online() bool { return p.conns > 0 || p.far > 0 }

func newRoom(h *Hub, info parley.Room) *room {
	return &room{hub: h, info: info, watchers: make(map[*Session]string)}
}

// subscribe takes a subscription in. another is one of the same user's, if there
// is any.
func (r *room) subscribe(sub, another *Subscription) {
	s := sub.session
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.watchers, s)
	p := r.changed[s.user.ID]
	switch {
	case another != nil:
		p = another.person
	case p == nil && r.far != nil:
		p = r.far.people[s.user.ID]
	}
	if p == nil {
		p = &sub.self
		r.people++
	}
	if p.conns == 0 {
		r.here++
	}
	p.user = &s.user
	p.conns++
	sub.person = p
	if len(r.shards) == 0 {
		r.askLocked()
	}
	r.addLocked(sub)
	r.changedLocked(p)
}

func (r *room) addLocked(sub *Subscription) {
	// From the end, where there is room in a crowd that grows: a million who come
	// back must not each try two thousand full shards.
	for _, sh := range slices.Backward(r.shards) {
		if sh.add(sub) {
			return
		}
	}
	sh := new(shard)
	sh.add(sub)
	r.shards = append(r.shards, sh)
}

func (r *room) watch(s *Session, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers[s] = name
}

// remove takes a connection out, with its subscription if it has one, and
// reports whether nobody is left.
func (r *room) remove(s *Session, sub *Subscription) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.watchers, s)
	if sub != nil {
		if sub.shard.remove(sub) {
			r.shards = slices.DeleteFunc(r.shards, func(sh *shard) bool { return sh == sub.shard })
		}
		p := sub.person
		if p.conns--; p.conns == 0 {
			r.here--
			p = r.partLocked(p)
		}
		r.changedLocked(p)
		if len(r.shards) == 0 {
			r.forgetFarLocked()
		}
	}
	return len(r.shards) == 0 && len(r.watchers) == 0
}

// message delivers a message to those who listen, and the news of it to members
// who do not, gathered.
func (r *room) message(m *parley.Message) {
	r.mu.Lock()
	r.messageLocked(m)
}

// next is message, where it is the one after the last, and returns the last.
func (r *room) next(m *parley.Message) (last int64) {
	r.mu.Lock()
	if m.Seq != r.info.Last+1 {
		defer r.mu.Unlock()
		return r.info.Last
	}
	r.messageLocked(m)
	return m.Seq
}

// messageLocked unlocks r.mu, since the last of it may take a while.
func (r *room) messageLocked(m *parley.Message) {
	r.info.Last = max(r.info.Last, m.Seq)
	if len(r.watchers) > 0 && !r.news {
		r.news = true
		time.AfterFunc(newsDelay, r.tellWatchers)
	}
	var t telling
	if len(r.shards) > 0 {
		t.putLocked(r, delivery{ev: parley.MessageEvent(m)})
	}
	r.mu.Unlock()
	t.run()
}

// change tells everybody of a new name, topic or the like.
func (r *room) change(info *parley.Room) {
	r.mu.Lock()
	r.info.Name, r.info.Topic, r.info.Archived = info.Name, info.Topic, info.Archived // its id is read without the lock
	ev := parley.RoomEvent(r.info)
	for s := range r.watchers {
		r.watchers[s] = info.Name
		s.out.Deliver(ev)
	}
	var t telling
	if len(r.shards) > 0 {
		t.putLocked(r, delivery{ev: ev})
	}
	r.mu.Unlock()
	t.run()
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
	var t telling
	if len(r.shards) > 0 {
		t.putLocked(r, delivery{ev: parley.SignalEvent(sig), origin: sig.Origin})
	}
	r.mu.Unlock()
	t.run()
}

// A telling is the shards of a room that an event was given to, under the room's
// lock so that all of them get the events in one order. The telling itself needs
// no lock of the room's.
type telling struct {
	all  []*shard
	idle []*shard // those of them that nobody tells
}

func (t *telling) putLocked(r *room, d delivery) {
	if t.all == nil {
		t.all = slices.Clone(r.shards)
	}
	for _, sh := range t.all {
		if sh.put(d) {
			t.idle = append(t.idle, sh)
		}
	}
}

// run has everybody told: a few at once, more by goroutines that may still be at
// it when run returns.
func (t *telling) run() {
	for _, sh := range t.idle {
		if len(t.all) == 1 && sh.few() {
			sh.tell()
		} else {
			go sh.tell()
		}
	}
	for _, sh := range t.all {
		sh.awaitSpace()
	}
}

// changedLocked has a coming or going told, a little later. r.mu is held.
func (r *room) changedLocked(p *person) {
	if r.changed == nil {
		r.changed = make(map[string]*person)
		time.AfterFunc(presenceDelay, r.tellPresence)
	}
	r.changed[p.user.ID] = p
}

func (r *room) tellPresence() {
	var t telling
	r.mu.Lock()
	news := r.nodesNewsLocked(r.changed)
	for id, p := range r.changed {
		online := p.online()
		known := p.announced || p.listed
		if !online {
			r.people--
		}
		if online == p.announced && online == known {
			continue
		}
		p.announced, p.listed = online, false
		if r.countLocked() > maxAnnounced {
			continue
		}
		t.putLocked(r, delivery{ev: parley.PresenceEvent(r.info.ID, *p.user, online), user: id})
	}
	r.changed = nil
	r.mu.Unlock()
	r.tellNodes(news)
	t.run()
}

func (r *room) present(limit int) (users []parley.User, count int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lists++
	count = r.countLocked()
	put := func(p *person) {
		if p.list != r.lists && len(users) < limit {
			p.list, p.listed = r.lists, true
			users = append(users, *p.user)
		}
	}
	for _, p := range r.changed {
		switch {
		case p.online(): // is found below
		case p.announced || p.listed:
			put(p)
		default: // nobody has to be told that he is gone
			count--
		}
	}
	for _, sh := range r.shards {
		if len(users) == limit {
			break
		}
		for _, sub := range sh.all() {
			put(sub.person)
		}
	}
	if r.far != nil {
		for _, p := range r.far.people {
			put(p)
		}
	}
	return users, count
}
