package hub

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley"
)

// maxTold is how many people one piece of news says are connected.
const maxTold = 4000

// nodes is what a hub knows of other nodes, and how it tells them of its own.
// Most installations are one node, and it is empty.
type nodes struct {
	name     string // of this node
	publish  func(parley.News)
	followed func(room string, wanted bool)

	mu    sync.Mutex
	on    bool // there are, or may be, others
	known map[string]*node
	met   bool                // one of them is new
	moved map[string]struct{} // users who came or went here, which is to be told; nil: none
}

// A node is another one that was heard of.
type node struct {
	heard time.Time
	users []uint64 // the marks of who is connected to it, ascending
}

// Cluster makes the hub one of several nodes, once, before anybody connects. name
// tells it from them. publish is given what is for them, without locks held;
// follow is called with the hub locked: which rooms somebody here has to do with.
func (h *Hub) Cluster(name string, publish func(parley.News), follow func(room string, wanted bool)) {
	h.nodes.name, h.nodes.publish, h.nodes.followed = name, publish, follow
}

func (n *nodes) follow(room string, wanted bool) {
	if n.followed != nil {
		n.followed(room, wanted)
	}
}

// alone reports whether there is nobody to be told.
func (n *nodes) alone() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.on
}

// Reach has the hub tell other nodes of its own, from now on: there may be some.
func (h *Hub) Reach() {
	h.nodes.mu.Lock()
	defer h.nodes.mu.Unlock()
	if h.nodes.known == nil {
		h.nodes.known = make(map[string]*node)
	}
	h.nodes.on = true
}

// Part has the hub tell other nodes nothing more, and forget what they told.
func (h *Hub) Part() {
	h.nodes.mu.Lock()
	defer h.nodes.mu.Unlock()
	h.nodes.on = false
	clear(h.nodes.known)
}

// hear notes that a node is there, and reports whether it is another one.
func (n *nodes) hear(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.hearLocked(name) != nil
}

func (n *nodes) hearLocked(name string) *node {
	if name == "" || name == n.name || !n.on {
		return nil
	}
	one := n.known[name]
	if one == nil {
		one = new(node)
		n.known[name], n.met = one, true
	}
	one.heard = time.Now()
	return one
}

// has reports whether a user is connected to another node.
func (n *nodes) has(user string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, one := range n.known {
		if _, found := slices.BinarySearch(one.users, parley.UserMark(user)); found {
			return true
		}
	}
	return false
}

// online notes who is connected to another node.
func (n *nodes) online(o *parley.Online) {
	n.mu.Lock()
	defer n.mu.Unlock()
	one := n.hearLocked(o.Node)
	if one == nil {
		return
	}
	if o.All {
		from, _ := slices.BinarySearch(one.users, o.From)
		to, found := slices.BinarySearch(one.users, o.To)
		if found {
			to++
		}
		one.users = slices.Replace(one.users, from, to, o.Came...)
	} else {
		one.users = append(one.users, o.Came...)
		slices.Sort(one.users)
		one.users = slices.Compact(one.users)
	}
	if len(o.Left) == 0 {
		return
	}
	one.users = slices.DeleteFunc(one.users, func(mark uint64) bool {
		_, left := slices.BinarySearch(o.Left, mark)
		return left
	})
}

// changed has the other nodes told, a little later, that a user came or went.
// h.mu is held.
func (n *nodes) changed(h *Hub, user string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.on {
		return
	}
	if n.moved == nil {
		n.moved = make(map[string]struct{})
		time.AfterFunc(presenceDelay, h.tellMoved)
	}
	n.moved[user] = struct{}{}
}

func (h *Hub) tellMoved() {
	n := &h.nodes
	n.mu.Lock()
	moved := n.moved
	n.moved = nil
	n.mu.Unlock()
	var came, left []uint64
	h.mu.RLock()
	for user := range moved {
		if h.users[user] != nil {
			came = append(came, parley.UserMark(user))
		} else {
			left = append(left, parley.UserMark(user))
		}
	}
	h.mu.RUnlock()
	slices.Sort(came)
	slices.Sort(left)
	for len(came)+len(left) > 0 {
		some := &parley.Online{Node: n.name}
		some.Came, came = cut(came)
		some.Left, left = cut(left)
		n.publish(parley.News{Online: some})
	}
}

// cut returns as many as fit into one piece of news, and the rest.
func cut(marks []uint64) (some, rest []uint64) {
	at := min(len(marks), maxTold)
	return marks[:at], marks[at:]
}

// TellOnline tells the other nodes who is connected to this one.
func (h *Hub) TellOnline() {
	h.mu.RLock()
	marks := make([]uint64, 0, len(h.users))
	for user := range h.users {
		marks = append(marks, parley.UserMark(user))
	}
	h.mu.RUnlock()
	slices.Sort(marks)
	marks = slices.Compact(marks)
	for from := uint64(0); ; {
		some, rest := cut(marks)
		news := &parley.Online{Node: h.nodes.name, All: true, Came: some, From: from, To: math.MaxUint64}
		if len(rest) > 0 {
			from = rest[0]
			news.To = from - 1
		}
		h.nodes.publish(parley.News{Online: news})
		if marks = rest; len(marks) == 0 {
			return
		}
	}
}

// pulse notes that another node is there, or that it is going.
func (h *Hub) pulse(p *parley.Pulse) {
	if h.nodes.hear(p.Node) && p.Gone {
		h.forget(p.Node)
	}
}

// Forget forgets the nodes that were not heard of for [parley.NodeLife]: nobody
// is on them any more. It returns whether others were not for doubt, and whether
// one was heard of that was not known when it was called last.
func (h *Hub) Forget(doubt time.Duration) (silent, met bool) {
	n := &h.nodes
	now := time.Now()
	var gone []string
	n.mu.Lock()
	for name, one := range n.known {
		switch since := now.Sub(one.heard); {
		case since >= parley.NodeLife:
			gone = append(gone, name)
		case since >= doubt:
			silent = true
		}
	}
	met, n.met = n.met, false
	n.mu.Unlock()
	for _, name := range gone {
		h.forget(name)
	}
	return silent, met
}

// Excuse has all nodes count as heard of just now: it was this one that did not
// listen.
func (h *Hub) Excuse() {
	n := &h.nodes
	now := time.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, one := range n.known {
		one.heard = now
	}
}

func (h *Hub) forget(name string) {
	h.nodes.mu.Lock()
	delete(h.nodes.known, name)
	h.nodes.mu.Unlock()
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, r := range h.rooms {
		r.forgetNode(name)
	}
}
