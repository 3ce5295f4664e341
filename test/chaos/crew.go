package chaos

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Patience bounds every wait for something that must happen: long enough for a
// machine that is busy with other things, since only a failure waits it out.
const Patience = 60 * time.Second

// A Config says who talks where.
type Config struct {
	Seed    uint64
	Clients int
	Rooms   []string // each client is in the first, and in about half of the others
	// Pace is how long one client waits between two messages, on average.
	Pace time.Duration
	// Ordered is for faults in which no node stays in doubt about a message: what
	// a client sent must then stand in the order in which it was sent.
	Ordered bool
	// Nodes returns the addresses, host and port, of all nodes; a client that
	// finds one dead tries another.
	Nodes func() []string
}

// A Crew is clients that talk until they are told to stop. Its methods are
// called from the test's goroutine.
type Crew struct {
	Config
	t       testing.TB
	Clients []*Client
	running sync.WaitGroup
	started time.Time

	quiet atomic.Bool // nothing new is to be said
	mu    sync.Mutex
	surge chan struct{} // closed when everybody is to say much at once
	over  chan struct{}
	end   func()

	acks, resends, connections, holes atomic.Int64
}

// Start lets a crew talk. It ends with the test, or by Judge.
func Start(t testing.TB, config Config) *Crew {
	t.Helper()
	c := &Crew{Config: config, t: t, started: time.Now(), over: make(chan struct{}), surge: make(chan struct{})}
	c.end = sync.OnceFunc(func() {
		close(c.over)
		c.running.Wait()
	})
	t.Cleanup(c.end)
	for i := range config.Clients {
		client := newClient(c, i)
		c.Clients = append(c.Clients, client)
		c.running.Go(client.run)
	}
	return c
}

// await waits until all of the clients are as wanted, and returns how long that
// took.
func (c *Crew) await(clients []*Client, what string, as func(*Client) bool) time.Duration {
	c.t.Helper()
	start := time.Now()
	for _, client := range clients {
		for !as(client) {
			if time.Since(start) > Patience {
				c.t.Fatalf("%s is not %s after %s: %s", client.log.Client, what, Patience, client.state())
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
	return time.Since(start)
}

// Settle waits until every client has had an ack for something that it sent from
// now on, and returns how long that took.
func (c *Crew) Settle() time.Duration {
	c.t.Helper()
	had := map[*Client]int64{}
	for _, client := range c.Clients {
		had[client] = client.acks.Load() + int64(client.waiting())
	}
	return c.await(c.Clients, "heard", func(client *Client) bool { return client.acks.Load() > had[client] })
}

// Surge has every client send as much as it may ahead of its acks, at once, and
// returns when some of that is under way at the node at addr ("": at any), so
// that a fault comes upon it.
func (c *Crew) Surge(addr string) {
	c.t.Helper()
	for start := time.Now(); ; {
		c.mu.Lock()
		close(c.surge)
		c.surge = make(chan struct{})
		c.mu.Unlock()
		for look := time.Now(); time.Since(look) < time.Second; time.Sleep(100 * time.Microsecond) {
			flying := 0
			for _, client := range c.Clients {
				if where, _ := client.where(); where != "" && (addr == "" || where == addr) {
					flying += client.waiting()
				}
			}
			if flying >= window {
				return
			}
		}
		if time.Since(start) > Patience {
			c.t.Fatalf("nothing was under way at %q in %s", addr, Patience)
		}
	}
}

func (c *Crew) nextSurge() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.surge
}

// At returns the clients that are connected to the node at addr now.
func (c *Crew) At(addr string) []*Client {
	var at []*Client
	for _, client := range c.Clients {
		if where, _ := client.where(); where == addr {
			at = append(at, client)
		}
	}
	return at
}

// Whole waits until the clients have each, after since, resumed their rooms at a
// node other than the one at addr, and had an ack for everything that was unacked
// then. It returns how long that took the last of them.
func (c *Crew) Whole(clients []*Client, addr string, since time.Time) (took time.Duration) {
	c.t.Helper()
	c.await(clients, "whole elsewhere", func(client *Client) bool {
		at, ok := client.arrivedElsewhere(addr, since)
		if ok {
			took = max(took, at.Sub(since))
		}
		return ok
	})
	return took.Round(time.Millisecond)
}

// Flying returns how many messages are without an ack.
func (c *Crew) Flying() (n int) {
	for _, client := range c.Clients {
		n += client.waiting()
	}
	return n
}

// Acks returns how many acks there were so far.
func (c *Crew) Acks() int64 { return c.acks.Load() }

// Judge ends the talk: all that was said must get its ack, and every client see
// the last message of its rooms without asking for it. The history is then read
// from each of the nodes at addrs, which must tell the same, and held against
// what the clients know. Judge fails the test with all that is wrong, and returns a line
// of figures.
func (c *Crew) Judge(addrs []string) string {
	c.t.Helper()
	c.quiet.Store(true)
	c.await(c.Clients, "done", func(client *Client) bool {
		_, whole := client.where()
		return whole && client.waiting() == 0
	})
	heads := map[string]int64{}
	for _, client := range c.Clients {
		for room, seq := range client.promised() {
			heads[room] = max(heads[room], seq)
		}
	}
	c.await(c.Clients, "told of the last message", func(client *Client) bool { return client.sees(heads) })
	c.end()

	var history map[string][]Message
	for i, addr := range addrs {
		got, err := Read(addr, c.Rooms)
		if err != nil {
			c.t.Fatalf("reading the history from %s: %v", addr, err)
		}
		if i == 0 {
			history = got
		}
		for _, difference := range compare(history, got) {
			c.t.Errorf("the node at %s tells another history: %s", addr, difference)
		}
	}
	var logs []*Log
	for _, client := range c.Clients {
		logs = append(logs, client.log)
	}
	wrong := Judge(history, logs)
	for i, w := range wrong {
		if i == 20 {
			c.t.Errorf("and %d things more", len(wrong)-i)
			break
		}
		c.t.Error(w)
	}
	stored := 0
	for _, messages := range history {
		stored += len(messages)
	}
	return fmt.Sprintf("%d clients, %d messages in %d rooms in %s: %d acks, %d resends, %d connections, %d holes filled; %d wrong",
		len(c.Clients), stored, len(history), time.Since(c.started).Round(time.Second/10), c.acks.Load(), c.resends.Load(),
		c.connections.Load(), c.holes.Load(), len(wrong))
}

// compare names the first difference of each room.
func compare(a, b map[string][]Message) (differences []string) {
	for room, messages := range a {
		other := b[room]
		if len(messages) != len(other) {
			differences = append(differences, fmt.Sprintf("%q has %d messages, and %d", room, len(messages), len(other)))
			continue
		}
		for i := range messages {
			if !messages[i].same(other[i]) {
				differences = append(differences, fmt.Sprintf("%v, and %v", messages[i], other[i]))
				break
			}
		}
	}
	return differences
}

// Read reads the whole history of rooms from the node at addr.
func Read(addr string, rooms []string) (map[string][]Message, error) {
	w, err := Dial(addr)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if _, err := w.Call(map[string]any{"type": "hello", "name": "reader"}); err != nil {
		return nil, err
	}
	history := map[string][]Message{}
	for _, room := range rooms {
		f, err := w.Call(map[string]any{"type": "join", "room": room, "since": 0})
		for {
			if err != nil {
				return nil, err
			}
			history[room] = append(history[room], f.Messages...)
			if !f.More {
				break
			}
			f, err = w.Call(map[string]any{"type": "history", "room": room, "after": len(history[room]), "limit": 200})
		}
	}
	return history, nil
}
