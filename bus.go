package parley

import "context"

// A Bus carries news between the nodes of an installation. News may be lost,
// doubled or come late: the [Store] is the truth, and whoever misses a seq asks
// it. One node needs no other; its bus is in memory (package hub).
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
}

// News is one thing that happened: exactly one field is set.
type News struct {
	Message *Message  // was committed
	Signal  *Signal   // was sent
	Read    *ReadMark // was moved
	Member  *Member   // joined or left
	Room    *Room     // was changed; Name is "" in a direct room
	Out     *Out      // has to go
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
