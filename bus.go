package parley

import (
	"context"
	"time"
)

// PulseTime is how often a node says that it is there. One that was not heard of
// for [NodeLife] is forgotten.
const (
	PulseTime = 2 * time.Second
	NodeLife  = 30 * time.Second
)

// A Bus carries news between the nodes of an installation. News may be lost,
// doubled or come late: the [Store] is the truth, and whoever misses a seq asks
// it. One node needs no other; its bus is in memory (package hub). One that
// reaches other nodes (package nats) tells of itself, by [Link].
//
// All methods may be called by any number of goroutines at once.
type Bus interface {
	// Publish hands the news over. Of one goroutine's news about one room the
	// order is kept. It may wait for room in a queue, until ctx is done; an
	// error means that the news is lost.
	Publish(ctx context.Context, n News) error
	// Subscribe calls deliver with every news there is from now on, one's own
	// included, one at a time, until stop is called; stop waits for a call
	// under way.
	Subscribe(deliver func(News)) (stop func())
	// Follow says whether news of a room is wanted here: that which is about
	// what happens in it ([News.InRoom]). Of a room that is not followed, what
	// happens on other nodes need not come; it takes a moment to begin. News
	// about people and nodes comes always. Follow does not block.
	Follow(room string, wanted bool)
}

// News is one thing that happened: exactly one field is set.
type News struct {
	Message *Message  // was committed
	Signal  *Signal   // was sent
	Read    *ReadMark // was moved
	Member  *Member   // joined or left
	Room    *Room     // was changed; Name is "" in a direct room
	Out     *Out      // has to go

	// What nodes tell each other.
	Presence *Presence // who listens to a room on a node
	Online   *Online   // who is connected to a node
	Pulse    *Pulse    // a node is there

	Link *Link // the bus says of itself; never published
}

// InRoom returns the room that the news is for those who follow it alone, or
// "" where it is for all nodes.
func (n News) InRoom() string {
	switch {
	case n.Message != nil:
		return n.Message.Room
	case n.Signal != nil:
		return n.Signal.Room
	case n.Room != nil:
		return n.Room.ID
	case n.Presence != nil:
		return n.Presence.Room
	}
	return ""
}

// A Presence says who listens to a room on one node: all, or who came and went.
type Presence struct {
	Node  string
	Room  string
	Count int      // how many there are on the node
	All   bool     // Came are those there are on the node; if Count is larger, some of them
	Came  []User   // since the last time, or all
	Left  []string // the ids of those who went
	Ask   bool     // the other nodes are to tell All of theirs
}

// An Online says which users have a connection to one node, by [UserMark],
// ascending.
type Online struct {
	Node string
	Came []uint64 // since the last time; where All, those there are from From to To
	Left []uint64
	All  bool
	// From and To, both inclusive, bound what All is about.
	From, To uint64
}

// UserMark is as much of a user as tells whether they are there: FNV-1a of the
// id. That two people are taken for one is not worth a thought, as it would show
// somebody as being here who is not.
func UserMark(user string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(user) {
		h = (h ^ uint64(user[i])) * 1099511628211
	}
	return h
}

// A Pulse says that a node is there, every [PulseTime], and to where the rooms
// go that were changed through it lately: whoever has less asks the store.
type Pulse struct {
	Node  string
	Heads map[string]int64 // the last seq, by room; of many rooms, some
	Gone  bool             // the node stops: nobody is on it any more
}

// A Link is whether a bus reaches the other nodes. Whoever subscribes to a bus
// that has others to reach is told at once, and of every change. Up may come
// again without having been down: then news may have been lost.
type Link struct {
	Up bool
}

// A ReadMark says how far a user has read a room.
type ReadMark struct {
	User   string
	Room   string
	Seq    int64
	Origin string // the connection that said so, which is not told again
}

// An Out says that a person's connections are to end: those of the session, or
// all.
type Out struct {
	User    string
	Session *SessionHash // only those that came with it
	Except  *SessionHash // or all but those that came with it
}

// A Member says that a user became a member of a room, or ceased to be one.
type Member struct {
	User   string
	Room   Room
	Left   bool
	Origin string // the connection that did so, which knows already; "" if none
}
