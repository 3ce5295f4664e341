package nats

import (
	"errors"
	"sync"
	"time"

	client "github.com/nats-io/nats.go"

	"github.com/seed-4a326f83/parley"
)

// send is the one goroutine that speaks to the server, and so the only one that
// a server, or a link, that hangs can hold up.
func (b *Bus) send() {
	rooms := make(map[string]*client.Subscription)
	for {
		select {
		case <-b.wake:
			b.subscribe(rooms)
		case n := <-b.out:
			b.subscribe(rooms) // first: what is sent may ask for an answer
			b.sendOne(n)
		case <-b.open.Done():
			b.finish()
			return
		}
	}
}

// subscribe has the server send what happens in the rooms that are followed, and
// no others.
func (b *Bus) subscribe(rooms map[string]*client.Subscription) {
	b.mu.Lock()
	var begin, end []string
	for room := range b.changed {
		_, wanted := b.wanted[room]
		switch has := rooms[room] != nil; {
		case wanted && !has:
			begin = append(begin, room)
		case !wanted && has:
			end = append(end, room)
		}
	}
	clear(b.changed)
	b.mu.Unlock()
	for _, room := range begin {
		sub, err := b.conn.ChanSubscribe(b.subjects.room(room), b.in)
		if err != nil {
			b.log.Error("a room cannot be followed on NATS; what is said in it on other nodes comes late", "room", room, "error", err)
			continue
		}
		rooms[room] = sub
	}
	for _, room := range end {
		rooms[room].Unsubscribe() // at worst, what comes is nobody's
		delete(rooms, room)
	}
}

func (b *Bus) sendOne(n parley.News) {
	if !b.conn.IsConnected() {
		return // as was told when the link went
	}
	data, err := encode(n)
	if err != nil {
		b.lose(err)
		return
	}
	if most := b.conn.MaxPayload(); most > 0 && int64(len(data)) > most && n.Message != nil {
		// The others read it from the store.
		n = parley.News{Pulse: &parley.Pulse{Heads: map[string]int64{n.Message.Room: n.Message.Seq}}}
		data, _ = encode(n)
	}
	if err := b.conn.Publish(b.subjects.of(n.InRoom()), data); err != nil {
		b.lose(err)
	}
}

// finish sends what is queued and closes the connection.
func (b *Bus) finish() {
	for until := time.Now().Add(closeTime); len(b.out) > 0 && b.conn.IsConnected() && time.Now().Before(until); {
		b.sendOne(<-b.out)
	}
	if b.conn.IsConnected() {
		b.conn.FlushTimeout(closeTime) // what is lost is in the store
	}
	b.conn.Close()
}

// receive delivers what other nodes sent.
func (b *Bus) receive() {
	for {
		select {
		case m := <-b.in:
			n, err := decode(m.Data)
			if err == nil && b.subjects.of(n.InRoom()) != m.Subject {
				err = errors.New("it is about something else than its subject")
			}
			if err != nil {
				if told, count := b.foreign.count(); told {
					b.log.Warn("somebody sends what is no news of ours over NATS; it was passed over", "subject", m.Subject, "times", count, "error", err)
				}
				continue
			}
			b.deliver(n)
		case <-b.relink:
			b.deliver(parley.News{Link: &parley.Link{Up: b.conn.IsConnected()}})
		case <-b.open.Done():
			return
		}
	}
}

// lose counts news that the other nodes find in the store instead.
func (b *Bus) lose(err error) {
	if told, count := b.lost.count(); told {
		b.log.Warn("news for other nodes was lost; they find in the database what was said, which takes longer", "times", count, "error", err)
	}
}

// linked is called when a server was reached, and is sent what we subscribe to.
func (b *Bus) linked(c *client.Conn) {
	b.log.Info("the NATS server is there", "server", c.ConnectedUrlRedacted())
	b.noteLink()
}

// unlinked is called when the server went away; err is nil where we did.
func (b *Bus) unlinked(err error) {
	if b.open.Err() != nil {
		return
	}
	b.log.Warn("the NATS server is away; until it is back other nodes are told through the database, which takes longer", "error", err)
	b.noteLink()
}

// unreached is called when a server could not be reached, again.
func (b *Bus) unreached(err error) {
	if told, count := b.away.count(); told && b.open.Err() == nil {
		b.log.Warn("a NATS server cannot be reached; it is tried until it can", "times", count, "error", err)
	}
}

// failed is called for what has no other way to be told.
func (b *Bus) failed(err error) {
	if errors.Is(err, client.ErrSlowConsumer) {
		if told, count := b.late.count(); told {
			b.log.Warn("more news came from other nodes than could be delivered; what is missing is read from the database", "times", count)
		}
		b.noteLink() // as if it had been away
		return
	}
	if told, count := b.refused.count(); told {
		b.log.Error("NATS refuses something; news to or from other nodes may be lost", "times", count, "error", err)
	}
}

// A complaint is something that may happen often, and is told now and then.
type complaint struct {
	mu    sync.Mutex
	times int
	told  time.Time
}

// count notes that it happened, and returns whether to tell, and how often it
// happened since it was told.
func (c *complaint) count() (tell bool, times int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times++
	now := time.Now()
	if now.Sub(c.told) < complainTime {
		return false, 0
	}
	times = c.times
	c.times, c.told = 0, now
	return true, times
}
