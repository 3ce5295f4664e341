package hub

import (
	"time"

	"github.com/seed-4a326f83/parley"
)

const (
	// RoomTime is how often a node says who listens to each room.
	RoomTime = 10 * parley.PulseTime
	// farLife is for how long it counts what a node said of a room, and farDoubt
	// where it may have said something else since.
	farLife  = RoomTime*2 + 10*time.Second
	farDoubt = 5 * time.Second
)

// A far is who listens to a room on other nodes, as far as they said. A room
// that nobody listens to here has none.
type far struct {
	nodes  map[string]*farNode
	people map[string]*person // those whom they named, by id
}

// A farNode is who listens to a room on one other node.
type farNode struct {
	heard time.Time
	count int
	named map[string]struct{} // some of them, or all
}

// told is what other nodes know of who listens to a room here.
type told struct {
	all     bool // they are to be told anew
	counted bool // they were told how many there are, and no names
}

// presence notes what another node says of a room.
func (h *Hub) presence(p *parley.Presence) {
	if !h.nodes.hear(p.Node) {
		return
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	r := h.rooms[p.Room]
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.shards) == 0 {
		return
	}
	r.farLocked(p)
	if p.Ask && !r.told.all {
		r.told.all = true
		go r.answer() // at once, for the list that who asks may be about to give
	}
}

// farLocked notes what another node says. hub.mu is held for reading, and r.mu.
func (r *room) farLocked(p *parley.Presence) {
	if r.far == nil {
		r.far = &far{nodes: make(map[string]*farNode), people: make(map[string]*person)}
	}
	n := r.far.nodes[p.Node]
	if n == nil {
		n = &farNode{named: make(map[string]struct{})}
		r.far.nodes[p.Node] = n
	}
	n.heard, n.count = time.Now(), p.Count
	if p.All {
		stay := make(map[string]struct{}, len(p.Came))
		for _, u := range p.Came {
			stay[u.ID] = struct{}{}
		}
		for id := range n.named {
			if _, stays := stay[id]; !stays {
				r.wentFarLocked(n, id)
			}
		}
	}
	for _, id := range p.Left {
		r.wentFarLocked(n, id)
	}
	for _, u := range p.Came {
		r.cameFarLocked(n, u)
	}
	if n.count == 0 && len(n.named) == 0 {
		delete(r.far.nodes, p.Node)
	}
}

func (r *room) cameFarLocked(n *farNode, u parley.User) {
	if _, named := n.named[u.ID]; named || len(n.named) >= maxAnnounced {
		return
	}
	n.named[u.ID] = struct{}{}
	p := r.far.people[u.ID]
	if p == nil {
		p = r.changed[u.ID]
	}
	if p == nil {
		if sub := r.hub.subscriptionLocked(u.ID, r.info.ID); sub != nil {
			p = sub.person
		}
	}
	if p == nil {
		p = &person{user: &u}
		r.people++
	}
	p.far++
	r.far.people[u.ID] = p
	r.changedLocked(p)
}

func (r *room) wentFarLocked(n *farNode, id string) {
	if _, named := n.named[id]; !named {
		return
	}
	delete(n.named, id)
	p := r.far.people[id]
	if p.far--; p.far == 0 {
		delete(r.far.people, id)
	}
	r.changedLocked(p)
}

// partLocked returns somebody who listens here no more, as he is for others: on
// other nodes he may do so for long, which must not keep the connection's memory.
func (r *room) partLocked(p *person) *person {
	if p.far == 0 {
		return p
	}
	apart, user := *p, *p.user
	apart.user = &user
	r.far.people[user.ID] = &apart
	return &apart
}

// forgetFarLocked forgets who listens on other nodes, once nobody does here whom
// it could be told.
func (r *room) forgetFarLocked() {
	if r.far == nil {
		return
	}
	for id, p := range r.far.people {
		p.far = 0
		if r.changed[id] == nil { // else he is counted off with the others
			r.people--
		}
	}
	r.far = nil
}

// forgetNode forgets who listens on a node that is gone.
func (r *room) forgetNode(node string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.far == nil || r.far.nodes[node] == nil {
		return
	}
	r.forgetNodeLocked(node)
}

func (r *room) forgetNodeLocked(node string) {
	r.farLocked(&parley.Presence{Node: node, All: true})
}

// expireLocked forgets what nodes said that did not repeat it: nobody listens
// there any more, and they do not follow the room. Where doubt, they are to
// repeat it soon.
func (r *room) expireLocked(doubt bool) {
	if r.far == nil {
		return
	}
	now := time.Now()
	for name, n := range r.far.nodes {
		switch since := now.Sub(n.heard); {
		case since >= farLife:
			r.forgetNodeLocked(name)
		case doubt && since < farLife-farDoubt:
			n.heard = now.Add(farDoubt - farLife)
		}
	}
}

// countLocked returns how many people listen, on all nodes. Of a node that names
// no people, who listens here too counts twice.
func (r *room) countLocked() int {
	count := r.people
	if r.far != nil {
		for _, n := range r.far.nodes {
			count += max(n.count-len(n.named), 0)
		}
	}
	return count
}

// askLocked asks the other nodes who listens there: the first has come who wants
// to know. What is told of the room here is told anew: another of the same id
// may have been here before.
func (r *room) askLocked() {
	if r.hub.nodes.alone() {
		return
	}
	r.told = told{all: true}
	news := &parley.Presence{Node: r.hub.nodes.name, Room: r.info.ID, Count: r.here, Ask: true}
	go r.tellNodes(news)
}

// answer tells the other nodes of all who listen here.
func (r *room) answer() {
	r.mu.Lock()
	var news *parley.Presence
	if r.told.all { // else they were told just now
		news = r.nodesNewsLocked(nil)
	}
	r.mu.Unlock()
	r.tellNodes(news)
}

// nodesNewsLocked returns what the other nodes are to be told of those who came
// or went: who does, how many there are, or who all are; nil: nothing.
func (r *room) nodesNewsLocked(changed map[string]*person) *parley.Presence {
	if r.hub.nodes.alone() {
		return nil
	}
	news := &parley.Presence{Node: r.hub.nodes.name, Room: r.info.ID, Count: r.here}
	before := r.told
	r.told = told{counted: r.here > maxAnnounced}
	switch {
	case r.told.counted:
		news.All = true
		return news
	case before.all || before.counted:
		news.All = true
		news.Came = r.allHereLocked()
		return news
	}
	for id, p := range changed {
		switch here := p.conns > 0; {
		case here && !p.toldFar:
			news.Came = append(news.Came, *p.user)
			p.toldFar = true
		case !here && p.toldFar:
			news.Left = append(news.Left, id)
			p.toldFar = false
		}
	}
	if len(news.Came) == 0 && len(news.Left) == 0 {
		return nil
	}
	return news
}

// allHereLocked returns who listens on this node, of which other nodes are about
// to be told.
func (r *room) allHereLocked() []parley.User {
	users := make([]parley.User, 0, r.here)
	r.lists++
	for _, sh := range r.shards {
		for _, sub := range sh.all() {
			if p := sub.person; p.list != r.lists {
				p.list, p.toldFar = r.lists, true
				users = append(users, *p.user)
			}
		}
	}
	return users
}

// tellNodes tells the other nodes, unless the room is another by now, which tells
// of itself. No lock is held, as telling may wait.
func (r *room) tellNodes(news *parley.Presence) {
	if news == nil {
		return
	}
	r.hub.mu.RLock()
	now := r.hub.rooms[r.info.ID]
	r.hub.mu.RUnlock()
	if now == nil || now == r {
		r.hub.nodes.publish(parley.News{Presence: news})
	}
}

// TellRooms tells the other nodes who listens here, in one of parts parts of the
// rooms, and where ask, has them tell the same. It is called for each part every
// [RoomTime] at the latest.
func (h *Hub) TellRooms(part, parts int, ask bool) {
	h.mu.RLock()
	var some []*room
	for id, r := range h.rooms {
		if int(parley.UserMark(id)%uint64(parts)) == part {
			some = append(some, r)
		}
	}
	h.mu.RUnlock()
	for _, r := range some {
		r.mu.Lock()
		var news *parley.Presence
		if len(r.shards) > 0 {
			r.expireLocked(ask)
			r.told.all = true
			if news = r.nodesNewsLocked(nil); news != nil {
				news.Ask = ask
			}
		}
		r.mu.Unlock()
		r.tellNodes(news)
	}
}
