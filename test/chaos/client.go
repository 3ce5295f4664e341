package chaos

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// window is how many messages a client sends ahead of their acks.
const window = 8

// stay is how long a client stays at a node, on average, if nothing drives it
// away: a node that was started gets clients by that.
const stay = 8 * time.Second

// A Client talks in its rooms over connections that break, and misses nothing.
type Client struct {
	crew    *Crew
	log     *Log
	rng     *rand.Rand
	rooms   []string
	session string
	wire    *talk
	next    time.Time       // when it says something again
	surge   <-chan struct{} // of the crew's, the next one
	acks    atomic.Int64

	mu      sync.Mutex // guards what the test looks at from outside; only run writes it
	addr    string     // the node that it is connected to; "" if none
	whole   bool       // since it came there it has resumed all rooms and had all acks
	arrived []arrival  // all times that it became whole
	unacked []*Said    // in order
	view    map[string]int64
	heads   map[string]int64 // the highest seq acked, by room
}

// An arrival is that a client became whole at a node.
type arrival struct {
	addr string
	at   time.Time
}

// A talk is one connection of a client.
type talk struct {
	*Wire
	number   int
	flying   map[int]*flight           // by ref
	owed     map[*Said]bool            // of the messages that were unacked when it began
	ahead    map[string]map[int64]bool // by room, live messages that came with a hole before them
	retry    time.Time                 // when to send again what was refused
	leave    bool                      // the node cannot help, and another may
	until    time.Time                 // when it leaves for no reason
	comeBack time.Duration             // what a bye asked for
}

// A flight is a message that was sent and has no answer yet.
type flight struct {
	*Said
	at time.Time
}

func newClient(crew *Crew, number int) *Client {
	name := fmt.Sprintf("client %d", number)
	c := &Client{
		crew: crew, rng: Rand(crew.Seed, name),
		surge: crew.nextSurge(),
		log:   &Log{Client: name, Ordered: crew.Ordered, Seen: map[string][]Sighting{}},
		view:  map[string]int64{}, heads: map[string]int64{},
	}
	for i, room := range crew.Rooms {
		if i == 0 || c.rng.IntN(2) == 0 {
			c.rooms = append(c.rooms, room)
		}
	}
	return c
}

func (c *Client) where() (addr string, whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addr, c.whole
}

// arrivedElsewhere returns when, after since, the client first became whole at a
// node other than the one at addr.
func (c *Client) arrivedElsewhere(addr string, since time.Time) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.arrived {
		if a.addr != addr && a.at.After(since) {
			return a.at, true
		}
	}
	return time.Time{}, false
}

func (c *Client) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.unacked)
}

func (c *Client) promised() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	heads := map[string]int64{}
	for room, seq := range c.heads {
		heads[room] = seq
	}
	return heads
}

func (c *Client) sees(heads map[string]int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, room := range c.rooms {
		if c.view[room] < heads[room] {
			return false
		}
	}
	return true
}

func (c *Client) state() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("connected to %q, whole: %t, %d unacked, read up to %v", c.addr, c.whole, len(c.unacked), c.view)
}

func (c *Client) fault(format string, args ...any) {
	c.log.Faults = append(c.log.Faults, fmt.Sprintf(format, args...))
}

// backOff is how long a client stays away after so many failures, at most.
func backOff(failures int) time.Duration { return 50 * time.Millisecond << min(failures, 5) }

// run goes from node to node until the crew's end.
func (c *Client) run() {
	avoid := "" // the node it was at last: others are tried first
	for failures := 0; !c.crew.ended(); {
		nodes := slices.DeleteFunc(slices.Clone(c.crew.Nodes()), func(addr string) bool { return addr == avoid })
		if len(nodes) == 0 {
			nodes = []string{avoid}
		}
		addr := nodes[c.rng.IntN(len(nodes))]
		avoid = addr
		wire, err := Dial(addr)
		asked := time.Duration(0)
		if err == nil {
			c.wire = &talk{
				Wire: wire, number: int(c.crew.connections.Add(1)),
				until:  time.Now().Add(time.Duration(c.rng.ExpFloat64() * float64(stay))),
				flying: map[int]*flight{}, ahead: map[string]map[int64]bool{}, owed: map[*Said]bool{},
			}
			c.wire.Event = c.hear
			c.move(addr, false)
			acks := c.acks.Load()
			asked = max(c.blame(c.converse()), c.wire.comeBack)
			wire.Close()
			c.move("", false)
			if c.acks.Load() > acks {
				failures = -1
			}
		}
		failures++
		c.crew.pause(asked + time.Duration(c.rng.Int64N(int64(backOff(failures)))))
	}
}

func (c *Crew) ended() bool {
	select {
	case <-c.over:
		return true
	default:
		return false
	}
}

func (c *Crew) pause(d time.Duration) {
	select {
	case <-c.over:
	case <-time.After(d):
	}
}

func (c *Client) move(addr string, whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addr, c.whole = addr, whole
}

// blame notes the end of a connection as a fault where no node may end one so,
// and returns how long the client is to stay away.
func (c *Client) blame(err error) time.Duration {
	var refused *Refused
	var closed websocket.CloseError
	switch {
	case err == nil, errors.Is(err, errNoAnswer):
	case errors.As(err, &refused):
		if refused.Code != "unavailable" && refused.Code != "rate_limited" {
			c.fault("%v", err)
		}
		return refused.RetryAfter
	case errors.As(err, &closed):
		switch closed.Code {
		case websocket.StatusGoingAway, websocket.StatusTryAgainLater, 4000, 4001:
		default:
			c.fault("%v", err)
		}
	}
	return 0
}

// converse says hello, resumes the rooms, sends again what has no ack, and goes
// on until the connection or the run ends.
func (c *Client) converse() error {
	hello := map[string]any{"type": "hello", "name": c.log.Client}
	if c.session != "" {
		hello = map[string]any{"type": "hello", "session": c.session}
	}
	f, err := c.wire.Call(hello)
	if err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	if c.session == "" {
		c.session, c.log.User = f.Session, f.User
	} else if f.User != c.log.User {
		c.fault("the session of %v is of %v now", c.log.User, f.User)
	}
	for _, room := range c.rooms {
		if err := c.resume(room); err != nil {
			return err
		}
	}
	for _, s := range c.unacked {
		c.wire.owed[s] = true
		c.crew.resends.Add(1)
		if err := c.send(s); err != nil {
			return err
		}
	}
	c.arrive()
	for !c.crew.ended() && !c.wire.leave && (c.crew.quiet.Load() || time.Now().Before(c.wire.until)) {
		if err := c.step(); err != nil {
			return err
		}
	}
	return nil
}

// arrive makes a client whole once nothing is owed to it.
func (c *Client) arrive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.wire.owed) == 0 && !c.whole {
		c.whole = true
		c.arrived = append(c.arrived, arrival{c.addr, time.Now()})
	}
}

// resume joins a room from where this client stopped reading.
func (c *Client) resume(room string) error {
	f, err := c.wire.Call(map[string]any{"type": "join", "room": room, "since": c.view[room]})
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	if f.Recovered == nil || !*f.Recovered {
		c.fault("joining %q since %d was not recovered: %s", room, c.view[room], f.Raw)
	}
	c.take(room, f.Messages)
	if f.More {
		return c.catchUp(room)
	}
	return nil
}

// catchUp asks for what follows in a room until there is no more.
func (c *Client) catchUp(room string) error {
	for {
		f, err := c.wire.Call(map[string]any{"type": "history", "room": room, "after": c.view[room], "limit": 200})
		if err != nil {
			return fmt.Errorf("history: %w", err)
		}
		c.take(room, f.Messages)
		if !f.More {
			return nil
		}
		if len(f.Messages) == 0 {
			c.fault("history of %q says more and gives nothing: %s", room, f.Raw)
			return nil
		}
	}
}

// take notes a page, which goes on from what the client has.
func (c *Client) take(room string, page []Message) {
	for _, m := range page {
		c.see(m, 0)
	}
}

func (c *Client) see(m Message, live int) {
	c.log.Seen[m.Room] = append(c.log.Seen[m.Room], Sighting{Message: m, Live: live})
	switch have := c.view[m.Room]; {
	case m.Seq == have+1:
		c.advance(m.Room)
	case m.Seq > have && live == 0:
		c.fault("a page of %q goes on with %d after %d", m.Room, m.Seq, have)
	case m.Seq > have:
		if c.wire.ahead[m.Room] == nil {
			c.wire.ahead[m.Room] = map[int64]bool{}
		}
		c.wire.ahead[m.Room][m.Seq] = true
	}
}

// advance moves how far a room was read by one message, and on over those that
// had come before it.
func (c *Client) advance(room string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.view[room]++
	for ahead := c.wire.ahead[room]; ahead[c.view[room]+1]; {
		c.view[room]++
		delete(ahead, c.view[room])
	}
}

// hear takes in what is no awaited answer: events, and answers to publish.
func (c *Client) hear(f Frame) {
	flight, ok := c.wire.flying[f.Ref]
	switch {
	case ok:
		delete(c.wire.flying, f.Ref)
		c.answered(flight, f)
	case f.Type == "message":
		c.see(f.Message, c.wire.number)
	case f.Type == "bye":
		c.wire.comeBack = time.Duration(f.RetryAfter) * time.Millisecond
	case f.Type == "error":
		c.fault("out of nowhere: %s", f.Raw)
	}
}

// answered notes an ack, or that the message is to be sent again.
func (c *Client) answered(s *flight, f Frame) {
	var refused *Refused
	switch err := refusal(f); {
	case errors.As(err, &refused):
		if refused.Code != "unavailable" && refused.Code != "rate_limited" {
			c.fault("publish: %v", err)
		}
		pause := max(refused.RetryAfter, time.Duration(100+c.rng.IntN(400))*time.Millisecond)
		c.wire.retry = time.Now().Add(pause)
		c.wire.leave = c.rng.IntN(2) == 0
		return
	case f.Type != "ack" || f.Seq < 1:
		c.fault("publish: no ack: %s", f.Raw)
		return
	}
	s.Acks = append(s.Acks, Ack{f.Seq, f.Time})
	c.mu.Lock()
	for i, u := range c.unacked {
		if u == s.Said {
			c.unacked = append(c.unacked[:i:i], c.unacked[i+1:]...)
			break
		}
	}
	c.heads[s.Room] = max(c.heads[s.Room], f.Seq)
	c.mu.Unlock()
	if c.wire.owed[s.Said] {
		delete(c.wire.owed, s.Said)
		c.arrive()
	}
	c.acks.Add(1)
	c.crew.acks.Add(1)
}

// step waits for the next thing to do or to hear, and does it.
func (c *Client) step() error {
	for room, ahead := range c.wire.ahead {
		// A page that was under way may have brought all that came before.
		delete(c.wire.ahead, room)
		if len(ahead) > 0 {
			c.crew.holes.Add(1)
			if err := c.catchUp(room); err != nil {
				return err
			}
		}
	}
	now := time.Now()
	if len(c.wire.flying) < window && now.After(c.wire.retry) {
		for _, s := range c.unacked {
			if !c.wire.flies(s) {
				if err := c.send(s); err != nil {
					return err
				}
			}
		}
		if !c.crew.quiet.Load() && now.After(c.next) {
			c.next = now.Add(time.Duration(c.rng.ExpFloat64() * float64(c.crew.Pace)))
			if err := c.say(); err != nil {
				return err
			}
		}
	}
	wait := 50 * time.Millisecond
	if len(c.wire.flying) < window && !c.crew.quiet.Load() {
		wait = min(wait, max(time.Until(c.next), time.Until(c.wire.retry)))
	}
	for _, f := range c.wire.flying {
		if now.Sub(f.at) > answerTime {
			return fmt.Errorf("publish: %w", errNoAnswer)
		}
	}
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	select {
	case f, ok := <-c.wire.frames:
		if !ok {
			return fmt.Errorf("the connection ended: %w", c.wire.err)
		}
		c.hear(f)
	case <-c.surge:
		c.surge = c.crew.nextSurge()
		for len(c.wire.flying) < window && !c.crew.quiet.Load() {
			if err := c.say(); err != nil {
				return err
			}
		}
	case <-timeout.C:
	}
	return nil
}

func (t *talk) flies(s *Said) bool {
	for _, f := range t.flying {
		if f.Said == s {
			return true
		}
	}
	return false
}

// say says something new, or repeats what was acked long ago: an ack may be lost
// on any way that a client does not see.
func (c *Client) say() error {
	if len(c.log.Said) > 0 && c.rng.IntN(40) == 0 {
		s := c.log.Said[c.rng.IntN(len(c.log.Said))]
		if len(s.Acks) > 0 {
			return c.send(s)
		}
	}
	size := 0
	if c.rng.IntN(100) == 0 {
		size = c.rng.IntN(10_000)
	}
	n := len(c.log.Said)
	body, _ := json.Marshal(map[string]string{"text": fmt.Sprintf("%s, %d%s", c.log.Client, n, strings.Repeat(".", size))})
	room := c.rooms[c.rng.IntN(len(c.rooms))]
	s := &Said{
		Room: room, Body: string(body), After: max(c.view[room], c.heads[room]),
		ID: fmt.Sprintf("m%d", n), // others use the same: ids are a user's own
	}
	c.log.Said = append(c.log.Said, s)
	c.mu.Lock()
	c.unacked = append(c.unacked, s)
	c.mu.Unlock()
	return c.send(s)
}

func (c *Client) send(s *Said) error {
	ref, err := c.wire.Send(map[string]any{"type": "publish", "room": s.Room, "id": s.ID, "body": json.RawMessage(s.Body)})
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	c.wire.flying[ref] = &flight{Said: s, at: time.Now()}
	return nil
}
