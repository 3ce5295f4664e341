package chat

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/hub"
)

const (
	// onlinePulses is every how many pulses a node tells who is connected to it,
	// and roomPulses who listens to a room, for a part of the rooms each pulse.
	onlinePulses = 5
	roomPulses   = int(hub.RoomTime / parley.PulseTime)
	// checkPulses is every how many pulses all that is known here is held
	// against the store, and awayPulses while nobody can tell of changes.
	checkPulses = 15
	awayPulses  = 5
	// doubtTime is for how long a node may be silent until its news is taken to
	// be lost.
	doubtTime = 3 * parley.PulseTime
	// headPulses is how often the head of a room that was changed is told.
	headPulses = 3
	// tellDelay is the pause between pieces of what is told at once.
	tellDelay = 50 * time.Millisecond
	// atOnce is about how many rooms or people one query or one piece of news
	// is about.
	atOnce = 500
)

// A cluster is what a node does because there may be others: it tells them that
// it is there and what it changed, and finds in the store what they told it in
// vain. It begins with the first word of a link to them.
type cluster struct {
	node     string
	chat     *Chat
	follower *follower
	began    sync.Once

	mu    sync.Mutex
	on    bool // it began, and did not end
	up    bool
	heads [headPulses + 1]map[string]int64 // of rooms changed here since the last pulse, the one before...

	resync chan struct{} // news may have been lost
	checks chan checks   // what the store is to be asked
}

// checks is what is to be held against the store.
type checks struct{ heads, people bool }

func newCluster(chat *Chat, f *follower) *cluster {
	return &cluster{
		node: chat.node, chat: chat, follower: f,
		resync: make(chan struct{}, 1), checks: make(chan checks, 1),
	}
}

// deliver passes on what the bus brings.
func (c *cluster) deliver(n parley.News) {
	switch {
	case n.Message != nil:
		c.follower.message(n.Message)
	case n.Link != nil:
		c.link(n.Link.Up)
	case n.Pulse != nil:
		c.chat.hub.Deliver(n)
		if n.Pulse.Node != c.node {
			for room, head := range n.Pulse.Heads {
				c.follower.miss(room, head)
			}
		}
	default:
		c.chat.hub.Deliver(n)
	}
}

// link notes whether the others can be reached.
func (c *cluster) link(up bool) {
	c.mu.Lock()
	back := up && !c.up
	c.up = up
	c.mu.Unlock()
	c.began.Do(func() {
		c.mu.Lock()
		c.on = true
		c.mu.Unlock()
		c.chat.hub.Reach()
		c.follower.running.Go(c.run)
		c.follower.running.Go(c.check)
	})
	switch {
	case back:
		select {
		case c.resync <- struct{}{}:
		default:
		}
	case up: // more came than could be taken: it is not asked for more
		c.ask(checks{heads: true})
	}
}

// changed notes that a message was stored through this node.
func (c *cluster) changed(room string, seq int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.on {
		return
	}
	if c.heads[0] == nil {
		c.heads[0] = make(map[string]int64)
	}
	c.heads[0][room] = max(c.heads[0][room], seq)
}

// run says every so often that this node is there, and who is on it.
func (c *cluster) run() {
	ticker := time.NewTicker(parley.PulseTime)
	defer ticker.Stop()
	h := c.chat.hub
	again := false // the heads are to be read once more
	for n := 0; ; {
		anew := false
		waiting := time.Now()
		select {
		case <-c.follower.open.Done():
			return
		case <-ticker.C:
			n++
			c.forgetHeads()
		case <-c.resync:
			anew = true
		}
		if time.Since(waiting) > doubtTime { // this process was stopped, or the machine
			h.Excuse()
			anew = true
		}
		c.pulse(false)
		silent, met := h.Forget(doubtTime)
		c.mu.Lock()
		up := c.up
		c.mu.Unlock()
		c.ask(checks{
			heads:  anew || again || !up || silent || met || n%checkPulses == 0,
			people: anew || n%checkPulses == 0 || !up && n%awayPulses == 0,
		})
		again = anew
		switch {
		case !up:
		case anew:
			h.TellOnline()
			c.tellRooms()
		default:
			if n%onlinePulses == 0 {
				h.TellOnline()
			}
			h.TellRooms(n%roomPulses, roomPulses, false)
		}
	}
}

// forgetHeads forgets the heads that were told often enough.
func (c *cluster) forgetHeads() {
	c.mu.Lock()
	defer c.mu.Unlock()
	copy(c.heads[1:], c.heads[:])
	c.heads[0] = nil
}

// pulse tells the other nodes that this one is there, and which rooms it
// changed lately.
func (c *cluster) pulse(gone bool) {
	c.mu.Lock()
	heads := make(map[string]int64)
	for _, some := range slices.Backward(c.heads[:]) { // the newest last
		maps.Copy(heads, some)
	}
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(c.follower.open, parley.PulseTime)
	defer cancel()
	some := make(map[string]int64, min(len(heads), atOnce))
	for room, head := range heads {
		if len(some) == atOnce {
			c.chat.tell(ctx, parley.News{Pulse: &parley.Pulse{Node: c.node, Heads: some}})
			some = make(map[string]int64, atOnce)
		}
		some[room] = head
	}
	c.chat.tell(ctx, parley.News{Pulse: &parley.Pulse{Node: c.node, Heads: some, Gone: gone}})
}

// tellRooms has who listens to each room here told, and the same asked, not
// faster than it can be sent. It does not wait for it.
func (c *cluster) tellRooms() {
	c.follower.running.Go(func() {
		h := c.chat.hub
		parts := len(h.Rooms())/atOnce + 1
		for part := 0; part < parts && c.follower.open.Err() == nil; part++ {
			h.TellRooms(part, parts, true)
			c.pause(tellDelay)
		}
	})
}

// ask has the store asked, by the goroutine that does.
func (c *cluster) ask(what checks) {
	if what == (checks{}) {
		return
	}
	for {
		select {
		case before := <-c.checks: // which nobody came to yet
			what.heads = what.heads || before.heads
			what.people = what.people || before.people
		case c.checks <- what:
			return
		}
	}
}

// check asks the store, which may take its time, and until it answers.
func (c *cluster) check() {
	failing := false
	for {
		select {
		case <-c.follower.open.Done():
			return
		case what := <-c.checks:
			var err error
			if what.heads {
				err = c.readHeads()
			}
			if err == nil && what.people {
				err = c.checkPeople()
			}
			if err != nil && c.follower.open.Err() == nil {
				if !failing {
					c.chat.log.Warn("what was missed of other nodes cannot be read; it is tried until it can", "error", err)
				}
				c.ask(what)
				c.pause(readRetry)
			}
			failing = err != nil
		}
	}
}

func (c *cluster) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-c.follower.open.Done():
	}
}

// readHeads finds out what was said in the rooms of this node and did not reach
// it.
func (c *cluster) readHeads() error {
	for rooms := range slices.Chunk(c.chat.hub.Rooms(), atOnce) {
		known := c.chat.hub.Known(rooms) // first, so that what changes meanwhile is not undone
		ctx, cancel := context.WithTimeout(c.follower.open, readTime)
		heads, err := c.chat.store.Heads(ctx, rooms)
		cancel()
		if err != nil {
			return err
		}
		for room, head := range heads {
			c.follower.miss(room, head.Last)
			c.chat.hub.Renew(known[room], head)
		}
	}
	return nil
}

// checkPeople finds out who was put out, or is a member of other rooms than is
// known here.
func (c *cluster) checkPeople() error {
	for users := range slices.Chunk(c.chat.hub.Users(), atOnce/2) {
		check := c.chat.hub.Check(users) // first, so that what it has was stored before
		ctx, cancel := context.WithTimeout(c.follower.open, readTime)
		standing, err := c.chat.store.Standing(ctx, users, c.chat.now())
		cancel()
		if err != nil {
			return err
		}
		gone, come := check.Against(standing)
		for _, s := range slices.Concat(gone, come) {
			if err := c.settle(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle has the hub believe the store about a membership.
func (c *cluster) settle(s hub.Stray) error {
	told := false
	for {
		ctx, cancel := context.WithTimeout(c.follower.open, readTime)
		room, member, err := c.chat.store.Room(ctx, s.Room, s.User)
		cancel()
		if err != nil && parley.ErrorCode(err) != parley.CodeNotFound {
			return err
		}
		if err != nil || !member {
			c.chat.hub.Deliver(parley.News{Member: &parley.Member{User: s.User, Room: parley.Room{ID: s.Room}, Left: true}})
			return nil
		}
		if told {
			return nil
		}
		c.chat.hub.Deliver(parley.News{Member: &parley.Member{User: s.User, Room: room}})
		told = true // and asked once more, as it may have ended meanwhile
	}
}

// close tells the other nodes that nobody is here any more.
func (c *cluster) close() {
	c.mu.Lock()
	c.on, c.up = false, false
	c.mu.Unlock()
	began := false
	c.began.Do(func() { began = true })
	if !began {
		c.chat.hub.Part()
		c.pulse(true)
	}
	c.follower.close()
}
