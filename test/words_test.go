package test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// quiet checks that none of these types of event has come, once the server
// has answered a ping: what it had to say before the ping is here then.
func (c *client) quiet(types ...string) {
	c.t.Helper()
	c.must(object{"type": "ping"})
	for {
		select {
		case f, ok := <-c.events:
			if !ok {
				c.t.Fatalf("the connection ended: %v", c.err)
			}
			for _, t := range types {
				if f.Type == t {
					c.t.Errorf("got %.300s; want no %s", f.raw, t)
				}
			}
		default:
			return
		}
	}
}

// say publishes a text and returns its seq.
func (c *client) say(room, id string) int64 {
	c.t.Helper()
	return c.must(object{"type": "publish", "room": room, "id": id, "body": object{"text": id}}).Seq
}

func seqs(messages []message) string {
	if len(messages) == 0 {
		return "none"
	}
	for i, m := range messages {
		if m.Seq != messages[0].Seq+int64(i) {
			return fmt.Sprintf("a hole before %d", m.Seq)
		}
	}
	return fmt.Sprintf("%d-%d", messages[0].Seq, messages[len(messages)-1].Seq)
}

// TestResume asks for a room from every place that a client can have stopped.
func TestResume(t *testing.T) {
	t.Parallel()
	s := newServer(t, unlimited...)
	writer, _ := guest(t, s.addr(), "writer")
	writer.must(object{"type": "join", "room": "long"})
	for i := range 450 {
		writer.say("long", fmt.Sprint(i))
	}
	yes, no := true, false
	reader, _ := guest(t, s.addr(), "reader")
	for _, tc := range []struct {
		since     any
		want      string
		more      bool
		recovered *bool
	}{
		{nil, "401-450", true, nil},
		{0, "1-200", true, &yes},
		{100, "101-300", true, &yes},
		{250, "251-450", false, &yes},
		{449, "450-450", false, &yes},
		{450, "none", false, &yes},
		{451, "401-450", true, &no},
		{-1, "401-450", true, &no},
		{int64(9007199254740993), "401-450", true, &no},
	} {
		req := object{"type": "join", "room": "long"}
		if tc.since != nil {
			req["since"] = tc.since
		}
		f := reader.must(req)
		if seqs(f.Messages) != tc.want || f.First != 1 || f.Last != 450 || f.More != tc.more {
			t.Errorf("since %v: %s, first %d, last %d, more %v; want %s, 1, 450, %v",
				tc.since, seqs(f.Messages), f.First, f.Last, f.More, tc.want, tc.more)
		}
		if (f.Recovered == nil) != (tc.recovered == nil) || f.Recovered != nil && *f.Recovered != *tc.recovered {
			t.Errorf("since %v: %.200s", tc.since, f.raw)
		}
	}
	for _, tc := range []struct {
		req  object
		want string
		more bool
	}{
		{object{"before": 451}, "401-450", true},
		{object{"before": 51, "limit": 50}, "1-50", false},
		{object{"before": 52, "limit": 50}, "2-51", true},
		{object{"before": 1}, "none", false},
		{object{"before": 10_000, "limit": 1}, "450-450", true},
		{object{"after": 0}, "1-50", true},
		{object{"after": 400, "limit": 50}, "401-450", false},
		{object{"after": 450}, "none", false},
		{object{"after": 10_000}, "none", false},
		{object{"after": 0, "limit": 200}, "1-200", true},
	} {
		tc.req["type"], tc.req["room"] = "history", "long"
		f, err := reader.call(tc.req)
		if err != nil || seqs(f.Messages) != tc.want || f.More != tc.more {
			t.Errorf("%v: %s, more %v, err %v; want %s, %v", tc.req, seqs(f.Messages), f.More, err, tc.want, tc.more)
		}
	}

	// A page is cut by its bytes too.
	writer.must(object{"type": "join", "room": "heavy"})
	for i := range 20 {
		writer.must(object{"type": "publish", "room": "heavy", "id": fmt.Sprint(i), "body": object{"text": text(60_000)}})
	}
	f := reader.must(object{"type": "join", "room": "heavy", "since": 0})
	if n := len(f.Messages); n < 5 || n > 9 || !f.More || len(f.raw) > 600<<10 {
		t.Errorf("a join that leaves 1.2 MB: %d messages in %d bytes, more %v; want about 512 KiB and more", n, len(f.raw), f.More)
	}
	if h := reader.wholeHistory("heavy"); seqs(h) != "1-20" {
		t.Errorf("history of heavy messages: %s", seqs(h))
	}
}

// TestDirectRoomsArePrivate tries every word on a room of two others: the
// answer is that of a room that does not exist, letter by letter.
func TestDirectRoomsArePrivate(t *testing.T) {
	t.Parallel()
	s := newServer(t, unlimited...)
	ann, hello := guest(t, s.addr(), "ann")
	ben, _ := guest(t, s.addr(), "ben")
	eve, _ := guest(t, s.addr(), "eve")
	room := ben.must(object{"type": "direct", "user": hello.User.ID}).Room
	if again := ben.must(object{"type": "direct", "user": hello.User.ID}); again.Room != room {
		t.Errorf("the room of the same two is %q now, was %q", again.Room, room)
	}
	ben.must(object{"type": "join", "room": room})
	ben.say(room, "secret")
	ann.must(object{"type": "join", "room": room})
	if h := ann.wholeHistory(room); len(h) != 1 {
		t.Errorf("ann reads %d messages of her own direct room, want 1", len(h))
	}
	for _, req := range []object{
		{"type": "join"},
		{"type": "join", "since": 0},
		{"type": "leave"},
		{"type": "publish", "id": "a", "body": object{"text": "hi"}},
		{"type": "signal", "kind": "typing", "body": object{}},
		{"type": "history", "after": 0},
		{"type": "presence"},
		{"type": "read", "seq": 1},
	} {
		answers := map[string]string{}
		for name, id := range map[string]string{"theirs": room, "nobody's": strings.Repeat("z", len(room))} {
			if req["type"] == "join" && name == "nobody's" {
				continue // would make it
			}
			req["room"] = id
			f, _ := eve.call(req)
			answers[name] = fmt.Sprint(f.Type, f.Code, f.Message)
			if f.Type == "error" && f.Code != "not_found" || f.Type == "ack" && req["type"] != "leave" {
				t.Errorf("%v in %s room: %.300s", req["type"], name, f.raw)
			}
		}
		if len(answers) == 2 && answers["theirs"] != answers["nobody's"] {
			t.Errorf("%v tells a forbidden room from an absent one: %v", req["type"], answers)
		}
	}
	eve.quiet("message", "signal", "presence", "room")
	if rooms := eve.must(object{"type": "rooms"}); strings.Contains(string(rooms.raw), room) {
		t.Errorf("eve's rooms: %s", rooms.raw)
	}
	if h := ben.wholeHistory(room); len(h) != 1 {
		t.Errorf("the room has %d messages, want 1", len(h))
	}
}

// TestLeave ends a membership: on all of one's connections, for talking and
// for listening.
func TestLeave(t *testing.T) {
	t.Parallel()
	s := newServer(t, unlimited...)
	ben, _ := guest(t, s.addr(), "ben")
	ben.must(object{"type": "join", "room": "den"})
	one, hello := guest(t, s.addr(), "ann")
	two := mustDial(t, s.addr())
	two.must(object{"type": "hello", "session": hello.Session})
	for _, c := range []*client{one, two} {
		c.must(object{"type": "join", "room": "den"})
	}
	one.must(object{"type": "leave", "room": "den"})
	ben.say("den", "after she left")
	for _, c := range []*client{one, two} {
		c.quiet("message")
		c.refused("not_joined", object{"type": "publish", "room": "den", "id": "x", "body": object{"text": "hi"}})
		c.refused("not_joined", object{"type": "history", "room": "den", "after": 0})
	}
	two.must(object{"type": "join", "room": "den"})
	ben.say("den", "after she came back")
	if f := two.next("message"); f.Seq != 2 {
		t.Errorf("after joining again: %s", f.raw)
	}
}

// TestTabs is one person on two connections.
func TestTabs(t *testing.T) {
	t.Parallel()
	s := newServer(t, unlimited...)
	ben, _ := guest(t, s.addr(), "ben")
	ben.must(object{"type": "join", "room": "lobby"})
	one, hello := guest(t, s.addr(), "ann")
	one.must(object{"type": "join", "room": "lobby"})
	two := mustDial(t, s.addr())
	two.must(object{"type": "hello", "session": hello.Session})
	seq := ben.say("lobby", "hello")
	if f := two.next("room", "message"); f.Type != "room" {
		t.Errorf("a member room's news on a connection that has not joined: %s", f.raw)
	}
	rooms := two.must(object{"type": "rooms"}).Rooms
	if len(rooms) != 1 || rooms[0].ID != "lobby" || rooms[0].Last != seq || rooms[0].Unread != 1 {
		t.Errorf("rooms: %+v", rooms)
	}
	one.must(object{"type": "read", "room": "lobby", "seq": seq + 1000})
	if f := two.next("read"); f.Room != "lobby" || f.Seq != seq {
		t.Errorf("%s; want a read of %d, the last there is", f.raw, seq)
	}
	if n := two.must(object{"type": "rooms"}).Rooms[0].Unread; n != 0 {
		t.Errorf("%d unread after reading", n)
	}
	f := two.must(object{"type": "join", "room": "lobby"})
	if f.Count != 2 || len(f.Users) != 2 {
		t.Errorf("two people on three connections: %.300s", f.raw)
	}
	two.must(object{"type": "signal", "room": "lobby", "kind": "typing", "body": object{}})
	if f := one.next("signal"); f.From != hello.User {
		t.Errorf("signal: %s", f.raw)
	}
	two.quiet("signal")
	ben.next("presence")
	one.conn.Close(websocket.StatusNormalClosure, "")
	<-one.done
	ben.quiet("presence") // she is still here
	two.conn.Close(websocket.StatusNormalClosure, "")
	if f := ben.next("presence"); f.Online || f.User != hello.User {
		t.Errorf("presence: %s; want ann offline", f.raw)
	}
}

// TestSlowReader stops reading in a busy room: the others are not held up, and
// whoever does not read is sent away.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	s := newServer(t, unlimited...)
	ben, _ := guest(t, s.addr(), "ben")
	ben.must(object{"type": "join", "room": "busy"})

	conn := rawDial(t, s.addr())
	conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	io.WriteString(conn, upgrade+"Host: "+s.addr()+"\r\n\r\n"+
		masked(`{"type":"hello","name":"sloth"}`)+masked(`{"type":"join","room":"busy"}`))
	if f := ben.next("presence"); f.User.Name != "sloth" || !f.Online {
		t.Fatalf("presence: %s", f.raw)
	}
	began := time.Now()
	for i := 0; ; i++ {
		ben.must(object{"type": "publish", "room": "busy", "id": fmt.Sprint(i), "body": object{"text": text(60_000)}})
		for len(ben.events) > 0 {
			f := <-ben.events
			if f.Type == "presence" && !f.Online {
				return
			}
		}
		if time.Since(began) > patience {
			t.Fatalf("who does not read is still here after %d messages of 60 kB and %s", i, patience)
		}
	}
}

// masked is a client's text frame, masked with zeros.
func masked(text string) string {
	if len(text) > 125 {
		panic("masked: long text")
	}
	return "\x81" + string([]byte{0x80 | byte(len(text))}) + "\x00\x00\x00\x00" + text
}

// TestManyConnections: a person has at most 16.
func TestManyConnections(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	first, hello := guest(t, s.addr(), "ann")
	for range 15 {
		c := mustDial(t, s.addr())
		c.must(object{"type": "hello", "session": hello.Session})
	}
	c := mustDial(t, s.addr())
	if err := c.send(`{"type":"hello","ref":1,"session":"` + hello.Session + `"}`); err != nil {
		t.Fatal(err)
	}
	if code := c.closed(); code != 4030 {
		t.Errorf("the 17th connection: close code %d (%v), want 4030", code, c.err)
	}
	first.must(object{"type": "ping"})
	lives(t, s.addr())
}
