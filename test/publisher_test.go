package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// A promise is an ack: this is on disk.
type promise struct {
	seq  int64
	time string
}

// spoken is a message that a publisher sent, maybe several times.
type spoken struct {
	room, id, body string
	ack            *promise
}

// A publisher writes messages over connections that break, and reads its rooms
// as a client does that must miss nothing.
type publisher struct {
	*load
	number  int
	rng     *rand.Rand
	name    string
	user    user
	session string

	said   []*spoken // in order; acked up to an index, then in flight
	acks   atomic.Int64
	flying atomic.Int64
	read   map[string][]message // what it saw of each room, in order
}

func newPublisher(l *load, number int, rng *rand.Rand) *publisher {
	return &publisher{
		load: l, number: number, rng: rng,
		name: fmt.Sprintf("publisher %d", number),
		read: map[string][]message{},
	}
}

// run publishes, over one connection after the other, until the load stops.
func (p *publisher) run() {
	for !p.stop.Load() && !p.t.Failed() {
		c, err := dial(p.t, p.addr.Load().(string))
		if err != nil {
			time.Sleep(5 * time.Millisecond) // the server is down: look again soon
			continue
		}
		p.converse(c)
		c.conn.CloseNow()
		<-c.done
	}
}

// lost reports whether err says that the server is gone, or going: the
// connection ended without a word or with 1001, or the outcome is unknown. Any
// other error fails the test.
func (p *publisher) lost(what string, c *client, err error) bool {
	if err == nil {
		return false
	}
	var refused *errRefused
	if errors.As(err, &refused) {
		if refused.Code != "unavailable" {
			p.t.Errorf("%s: %s: %v", p.name, what, err)
		}
		return true
	}
	c.conn.CloseNow()
	<-c.done
	code := websocket.CloseStatus(c.err)
	if code != -1 && code != websocket.StatusGoingAway || errors.Is(c.err, errNotJSON) || errors.Is(err, errSilent) {
		p.t.Errorf("%s: %s: %v; the connection: %v", p.name, what, err, c.err)
	}
	return true
}

// converse says hello, resumes the rooms, sends again what has no ack yet, and
// goes on until the connection ends or the load stops.
func (p *publisher) converse(c *client) {
	hello := object{"type": "hello", "name": p.name}
	if p.session != "" {
		hello = object{"type": "hello", "session": p.session}
	}
	f, err := c.call(hello)
	if p.lost("hello", c, err) {
		return
	}
	if p.session != "" && f.User != p.user {
		p.t.Errorf("%s: the session is of %v now, was of %v", p.name, f.User, p.user)
	}
	if p.session == "" {
		p.session, p.user = f.Session, f.User
	}
	if !p.resume(c) {
		return
	}
	var flight []flying
	unacked := p.said[:0:0]
	for _, m := range p.said {
		if m.ack == nil {
			unacked = append(unacked, m)
		}
	}
	for {
		p.follow(c)
		switch {
		case len(unacked) > 0:
			flight, unacked = p.publish(c, flight, unacked[0]), unacked[1:]
		case len(flight) < window && !p.stop.Load():
			flight = p.publish(c, flight, p.next())
		case len(flight) == 0:
			p.catchUp(c)
			return
		default:
			f, err := c.await(flight[0].answer)
			if p.lost("publish", c, err) {
				return
			}
			p.keep(flight[0].spoken, f)
			flight = flight[1:]
			p.flying.Store(int64(len(flight)))
		}
	}
}

// flying is a message that was sent and whose ack is awaited.
type flying struct {
	*spoken
	answer <-chan frame
}

// next makes a message, or repeats one that was acked long ago.
func (p *publisher) next() *spoken {
	if len(p.said) > 0 && p.rng.IntN(50) == 0 {
		return p.said[p.rng.IntN(len(p.said))]
	}
	size := 0
	if p.rng.IntN(100) == 0 {
		size = p.rng.IntN(30_000) // spans pages of the database, to be torn
	}
	body, _ := json.Marshal(object{"text": fmt.Sprintf("%d/%d%s", p.number, len(p.said), strings.Repeat(".", size))})
	m := &spoken{
		room: killRooms[p.rng.IntN(len(killRooms))],
		id:   fmt.Sprintf("m%d", len(p.said)), // other publishers use the same: ids are a user's own
		body: string(body),
	}
	p.said = append(p.said, m)
	return m
}

func (p *publisher) publish(c *client, flight []flying, m *spoken) []flying {
	answer, _ := c.begin(object{"type": "publish", "room": m.room, "id": m.id, "body": json.RawMessage(m.body)})
	flight = append(flight, flying{m, answer}) // a failed write shows as a lost answer
	p.flying.Store(int64(len(flight)))
	return flight
}

// keep notes an ack, which must be the same as any that came before.
func (p *publisher) keep(m *spoken, f frame) {
	got := promise{f.Seq, f.Time}
	if m.ack != nil && *m.ack != got {
		p.t.Errorf("%s: %s in %q was acked as %v, and again as %v", p.name, m.id, m.room, *m.ack, got)
	}
	m.ack = &got
	p.acks.Add(1)
}

// resume joins every room from where this publisher stopped reading, and
// fetches what is left.
func (p *publisher) resume(c *client) bool {
	for _, room := range killRooms {
		req := object{"type": "join", "room": room}
		since := int64(len(p.read[room]))
		req["since"] = since
		f, err := c.call(req)
		if p.lost("join", c, err) {
			return false
		}
		if f.Recovered == nil || !*f.Recovered {
			p.t.Errorf("%s: joining %q since %d was not recovered: %s", p.name, room, since, f.raw)
			return false
		}
		p.see(room, f.Messages)
		for more := f.More; more; {
			f, err := c.call(object{"type": "history", "room": room, "after": len(p.read[room]), "limit": 200})
			if p.lost("history", c, err) {
				return false
			}
			if more = f.More; more && len(f.Messages) == 0 {
				p.t.Errorf("%s: history of %q says more and gives nothing", p.name, room)
				return false
			}
			p.see(room, f.Messages)
		}
	}
	return true
}

// follow takes in the live messages that have come, without waiting.
func (p *publisher) follow(c *client) {
	for {
		select {
		case f, ok := <-c.events:
			if !ok {
				return
			}
			switch f.Type {
			case "message":
				p.see(f.Room, []message{f.message})
			case "error":
				p.t.Errorf("%s: %s", p.name, f.raw)
			}
		default:
			return
		}
	}
}

// catchUp reads the last live messages: those of its own, at least, must come.
func (p *publisher) catchUp(c *client) {
	deadline := time.Now().Add(patience)
	for !p.t.Failed() {
		p.follow(c)
		behind := ""
		for _, m := range p.said {
			if m.ack != nil && m.ack.seq > int64(len(p.read[m.room])) {
				behind = m.id
			}
		}
		if behind == "" {
			return
		}
		select {
		case <-c.done:
			return // the load's end met a kill; the next connection resumes
		default:
		}
		if time.Now().After(deadline) {
			p.t.Errorf("%s: %s was acked but its event did not come in %s", p.name, behind, patience)
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// see takes in messages in the order they came: each is the next of its room,
// or one that history or join had given already.
func (p *publisher) see(room string, messages []message) {
	for _, m := range messages {
		have := int64(len(p.read[room]))
		switch {
		case m.Seq == have+1:
			p.read[room] = append(p.read[room], m)
		case m.Seq <= have && m.Seq > 0:
			if had := p.read[room][m.Seq-1]; !same(had, m) {
				p.t.Errorf("%s: seq %d of %q was %s of %s and is now %s of %s",
					p.name, m.Seq, room, had.ID, had.From.ID, m.ID, m.From.ID)
			}
		default:
			p.t.Errorf("%s: seq %d of %q came after %d", p.name, m.Seq, room, have)
		}
	}
}

func same(a, b message) bool {
	return a.Seq == b.Seq && a.ID == b.ID && a.From == b.From && a.Time == b.Time &&
		a.Kind == b.Kind && string(a.Body) == string(b.Body)
}

// judge finds everything that was said in the history, and the history's order
// in everything that was read.
func (p *publisher) judge(log map[string][]message) (acked int) {
	type key struct{ room, id string }
	place := map[key]int64{}
	for room, messages := range log {
		for _, m := range messages {
			if m.From != p.user {
				continue
			}
			k := key{room, m.ID}
			if place[k] != 0 {
				p.t.Errorf("%s: %s is in %q twice, at %d and %d", p.name, m.ID, room, place[k], m.Seq)
			}
			place[k] = m.Seq
		}
	}
	last := map[string]int64{}
	for _, m := range p.said {
		seq := place[key{m.room, m.id}]
		delete(place, key{m.room, m.id})
		if m.ack == nil {
			p.t.Errorf("%s: %s never got an ack", p.name, m.id)
			continue
		}
		acked++
		if seq != m.ack.seq {
			p.t.Errorf("%s: %s was acked at %d of %q and stands at %d (0: nowhere)", p.name, m.id, m.ack.seq, m.room, seq)
			continue
		}
		stored := log[m.room][seq-1]
		if string(stored.Body) != m.body || stored.Time != m.ack.time || stored.Kind != "text" {
			p.t.Errorf("%s: %s was said as %.80s at %s and stands as %.80s of %s at %s",
				p.name, m.id, m.body, m.ack.time, stored.Body, stored.Kind, stored.Time)
		}
		if seq <= last[m.room] {
			p.t.Errorf("%s: %s in %q stands at %d, before what it said earlier at %d", p.name, m.id, m.room, seq, last[m.room])
		}
		last[m.room] = seq
	}
	for k := range place {
		p.t.Errorf("%s: never said %s, which stands in %q", p.name, k.id, k.room)
	}
	for room, seen := range p.read {
		if len(seen) > len(log[room]) {
			p.t.Errorf("%s: saw %d messages in %q, whose history has %d", p.name, len(seen), room, len(log[room]))
			continue
		}
		for i, m := range seen {
			if !same(m, log[room][i]) {
				p.t.Errorf("%s: saw %s of %s at %d of %q, where history has %s of %s",
					p.name, m.ID, m.From.ID, m.Seq, room, log[room][i].ID, log[room][i].From.ID)
			}
		}
	}
	return acked
}
