package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// lives checks that the server at addr goes on serving: a newcomer can talk.
func lives(t testing.TB, addr string) {
	t.Helper()
	c, _ := guest(t, addr, "newcomer")
	c.must(object{"type": "join", "room": "alive"})
	c.must(object{"type": "publish", "room": "alive", "id": "x", "body": object{"text": "still here"}})
	c.conn.Close(websocket.StatusNormalClosure, "")
}

// A badInput is something that the protocol answers with an error.
type badInput struct {
	name string
	send string // a text message; {room} stands for a room that the sender has joined
	code string // of the error
	ref  string // JSON of the error's ref; "" is none
}

func text(n int) string { return strings.Repeat("a", n) }

// TestBadInput sends what is wrong in every way that the protocol answers. Each
// gets its documented error, nothing is stored, and both the connection and
// the server go on.
func TestBadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t, unlimited...)
	host, _ := guest(t, s.addr(), "host of the room next door")
	host.must(object{"type": "join", "room": "next-door"})

	run := func(name string, greeted bool, cases []badInput) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, tc := range cases {
				t.Run(tc.name, func(t *testing.T) {
					t.Parallel()
					room := fmt.Sprintf("%s-%d", name, i)
					var c *client
					if greeted {
						c, _ = guest(t, s.addr(), "ann")
						c.must(object{"type": "join", "room": room})
					} else {
						c = mustDial(t, s.addr())
					}
					if err := c.send(strings.ReplaceAll(tc.send, "{room}", room)); err != nil {
						t.Fatal(err)
					}
					f := c.next("error", "bye", "message", "ack")
					if f.Type != "error" || f.Code != tc.code || string(f.Ref) != tc.ref {
						t.Errorf("%.200s: got %.300s; want the error %q with ref %s", tc.send, f.raw, tc.code, tc.ref)
					} else if f.Message == "" {
						t.Errorf("%s: no message for a person", f.raw)
					}
					if !greeted {
						c.must(object{"type": "hello", "name": "ann"})
					}
					c.must(object{"type": "ping"})
					c.must(object{"type": "join", "room": room})
					if h := c.wholeHistory(room); len(h) > 0 {
						t.Errorf("%.200s: was stored: %v", tc.send, h)
					}
					c.conn.Close(websocket.StatusNormalClosure, "")
					lives(t, s.addr())
				})
			}
		})
	}

	run("shape", true, []badInput{
		{"empty", ``, "invalid", ""},
		{"not JSON", `hello there`, "invalid", ""},
		{"half of JSON", `{"type":"ping","ref":1`, "invalid", ""},
		{"two objects", `{"type":"ping"}{"type":"ping"}`, "invalid", ""},
		{"array", `[{"type":"ping"}]`, "invalid", ""},
		{"string", `"ping"`, "invalid", ""},
		{"null", `null`, "invalid", ""},
		{"number", `7`, "invalid", ""},
		{"no type", `{"ref":1}`, "invalid", "1"},
		{"type is a number", `{"type":7,"ref":"a"}`, "invalid", `"a"`},
		{"type is null", `{"type":null,"ref":1}`, "invalid", "1"},
		{"type in capitals is another field", `{"TYPE":"ping","ref":1}`, "invalid", "1"},
		{"unknown type", `{"type":"dance","ref":1}`, "unknown_type", "1"},
		{"unknown type without ref", `{"type":"dance"}`, "unknown_type", ""},
		{"capitals", `{"type":"Ping","ref":1}`, "unknown_type", "1"},
		{"empty type", `{"type":"","ref":1}`, "invalid", "1"},
		{"an event's type", `{"type":"message","ref":1,"room":"{room}","seq":1}`, "unknown_type", "1"},
		{"an answer's type", `{"type":"ack","ref":1}`, "unknown_type", "1"},
		{"nested 20,000 deep", `{"type":"publish","ref":1,"room":"{room}","id":"a","kind":"x-deep","body":` +
			strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, "invalid", ""},
		{"ref is an object", `{"type":"ping","ref":{}}`, "invalid", ""},
		{"ref is an array", `{"type":"ping","ref":[1]}`, "invalid", ""},
		{"ref is true", `{"type":"ping","ref":true}`, "invalid", ""},
	})

	run("early", false, []badInput{
		{"rooms", `{"type":"rooms","ref":1}`, "unauthorized", "1"},
		{"join", `{"type":"join","ref":1,"room":"lobby"}`, "unauthorized", "1"},
		{"leave", `{"type":"leave","ref":1,"room":"lobby"}`, "unauthorized", "1"},
		{"publish", `{"type":"publish","ref":1,"room":"lobby","id":"a","body":{"text":"hi"}}`, "unauthorized", "1"},
		{"signal", `{"type":"signal","ref":1,"room":"lobby","kind":"typing","body":{}}`, "unauthorized", "1"},
		{"history", `{"type":"history","ref":1,"room":"lobby"}`, "unauthorized", "1"},
		{"presence", `{"type":"presence","ref":1,"room":"lobby"}`, "unauthorized", "1"},
		{"direct", `{"type":"direct","ref":1,"user":"x"}`, "unauthorized", "1"},
		{"read", `{"type":"read","ref":1,"room":"lobby","seq":1}`, "unauthorized", "1"},
		{"ping", `{"type":"ping","ref":1}`, "unauthorized", "1"},
		{"ping without ref", `{"type":"ping"}`, "unauthorized", ""},
	})

	run("hello", false, []badInput{
		{"nothing", `{"type":"hello","ref":1}`, "invalid", "1"},
		{"empty name", `{"type":"hello","ref":1,"name":""}`, "invalid", "1"},
		{"name of spaces", `{"type":"hello","ref":1,"name":"   "}`, "invalid", "1"},
		{"name of exotic spaces", `{"type":"hello","ref":1,"name":"\u00a0\u2003\u3000"}`, "invalid", "1"},
		{"name of 41 letters", `{"type":"hello","ref":1,"name":"` + text(41) + `"}`, "invalid", "1"},
		{"name of 10,000 letters", `{"type":"hello","ref":1,"name":"` + text(10_000) + `"}`, "too_large", "1"},
		{"name of 10,000 letters, ref behind it", `{"type":"hello","name":"` + text(10_000) + `","ref":1}`, "too_large", ""},
		{"name of 10,000 small letters after another field", `{"x":"` + text(9_000) + `","type":"hello","ref":1,"name":"ann"}`, "too_large", ""},
		{"name with a line break", `{"type":"hello","ref":1,"name":"ann\nbob"}`, "invalid", "1"},
		{"name with NUL", `{"type":"hello","ref":1,"name":"ann\u0000"}`, "invalid", "1"},
		{"name with DEL", `{"type":"hello","ref":1,"name":"a\u007fnn"}`, "invalid", "1"},
		{"name with a C1 control", `{"type":"hello","ref":1,"name":"a\u0085nn"}`, "invalid", "1"},
		{"name is a number", `{"type":"hello","ref":1,"name":7}`, "invalid", "1"},
		{"name is an object", `{"type":"hello","ref":1,"name":{}}`, "invalid", "1"},
		{"name and session", `{"type":"hello","ref":1,"name":"ann","session":"x"}`, "invalid", "1"},
		{"session is a number", `{"type":"hello","ref":1,"session":7}`, "invalid", "1"},
	})

	run("publish", true, []badInput{
		{"no room", `{"type":"publish","ref":1,"id":"a","body":{"text":"hi"}}`, "invalid", "1"},
		{"room is a number", `{"type":"publish","ref":1,"room":7,"id":"a","body":{"text":"hi"}}`, "invalid", "1"},
		{"room is null", `{"type":"publish","ref":1,"room":null,"id":"a","body":{"text":"hi"}}`, "invalid", "1"},
		{"no id", `{"type":"publish","ref":1,"room":"{room}","body":{"text":"hi"}}`, "invalid", "1"},
		{"empty id", `{"type":"publish","ref":1,"room":"{room}","id":"","body":{"text":"hi"}}`, "invalid", "1"},
		{"id is a number", `{"type":"publish","ref":1,"room":"{room}","id":7,"body":{"text":"hi"}}`, "invalid", "1"},
		{"id of 65 characters", `{"type":"publish","ref":1,"room":"{room}","id":"` + text(65) + `","body":{"text":"hi"}}`, "invalid", "1"},
		{"id with a tab", `{"type":"publish","ref":1,"room":"{room}","id":"a\tb","body":{"text":"hi"}}`, "invalid", "1"},
		{"id beyond ASCII", `{"type":"publish","ref":1,"room":"{room}","id":"ä","body":{"text":"hi"}}`, "invalid", "1"},
		{"no body", `{"type":"publish","ref":1,"room":"{room}","id":"a"}`, "invalid", "1"},
		{"body in capitals is another field", `{"type":"publish","ref":1,"room":"{room}","id":"a","BODY":{"text":"hi"}}`, "invalid", "1"},
		{"text is a string", `{"type":"publish","ref":1,"room":"{room}","id":"a","body":"hi"}`, "invalid", "1"},
		{"text is null", `{"type":"publish","ref":1,"room":"{room}","id":"a","body":null}`, "invalid", "1"},
		{"text without text", `{"type":"publish","ref":1,"room":"{room}","id":"a","body":{}}`, "invalid", "1"},
		{"text in capitals beside it", `{"type":"publish","ref":1,"room":"{room}","id":"a","body":{"text":"","TEXT":"hi"}}`, "invalid", "1"},
		{"text in capitals is another field", `{"type":"publish","ref":1,"room":"{room}","id":"a","body":{"TEXT":"hi"}}`, "invalid", "1"},
		{"empty text", `{"type":"publish","ref":1,"room":"{room}","id":"a","body":{"text":""}}`, "invalid", "1"},
		{"text's text is a number", `{"type":"publish","ref":1,"room":"{room}","id":"a","body":{"text":7}}`, "invalid", "1"},
		{"kind is a number", `{"type":"publish","ref":1,"room":"{room}","id":"a","kind":7,"body":{"text":"hi"}}`, "invalid", "1"},
		{"unknown kind", `{"type":"publish","ref":1,"room":"{room}","id":"a","kind":"poem","body":{"text":"hi"}}`, "invalid", "1"},
		{"kind x- alone", `{"type":"publish","ref":1,"room":"{room}","id":"a","kind":"x-","body":{"text":"hi"}}`, "invalid", "1"},
		{"kind of 10,000 letters", `{"type":"publish","ref":1,"room":"{room}","id":"a","kind":"x-` + text(10_000) + `","body":1}`, "invalid", "1"},
		{"kind with a line break", `{"type":"publish","ref":1,"room":"{room}","id":"a","kind":"x-a\nb","body":1}`, "invalid", "1"},
		{"target is a string", `{"type":"publish","ref":1,"room":"{room}","id":"a","target":"1","body":{"text":"hi"}}`, "invalid", "1"},
		{"body of 65 KiB", `{"type":"publish","ref":1,"room":"{room}","id":"a","body":{"text":"` + text(65<<10) + `"}}`, "too_large", "1"},
		{"body of 64 KiB and one byte", `{"type":"publish","ref":1,"room":"{room}","id":"a","body":{"text":"` + text(64<<10-len(`{"text":""}`)+1) + `"}}`, "too_large", "1"},
		{"room that nobody made", `{"type":"publish","ref":1,"room":"nobody-made-this","id":"a","body":{"text":"hi"}}`, "not_found", "1"},
		{"room not joined", `{"type":"publish","ref":1,"room":"next-door","id":"a","body":{"text":"hi"}}`, "not_joined", "1"},
		{"without ref", `{"type":"publish","room":"next-door","id":"a","body":{"text":"hi"}}`, "not_joined", ""},
	})

	run("words", true, []badInput{
		{"second hello", `{"type":"hello","ref":1,"name":"bob"}`, "conflict", "1"},
		{"join nothing", `{"type":"join","ref":1}`, "invalid", "1"},
		{"join one and many", `{"type":"join","ref":1,"room":"{room}","rooms":{"{room}":0}}`, "invalid", "1"},
		{"join many as an array", `{"type":"join","ref":1,"rooms":["{room}"]}`, "invalid", "1"},
		{"join 201 rooms", `{"type":"join","ref":1,"rooms":{` + manyRooms(201) + `}}`, "invalid", "1"},
		{"since is a string", `{"type":"join","ref":1,"room":"{room}","since":"0"}`, "invalid", "1"},
		{"since is a fraction", `{"type":"join","ref":1,"room":"{room}","since":0.5}`, "invalid", "1"},
		{"since beyond 64 bits", `{"type":"join","ref":1,"room":"{room}","since":9223372036854775808}`, "invalid", "1"},
		{"history neither way", `{"type":"history","ref":1,"room":"{room}"}`, "invalid", "1"},
		{"history both ways", `{"type":"history","ref":1,"room":"{room}","before":5,"after":1}`, "invalid", "1"},
		{"history before is a string", `{"type":"history","ref":1,"room":"{room}","before":"5"}`, "invalid", "1"},
		{"history of -1", `{"type":"history","ref":1,"room":"{room}","limit":-1}`, "invalid", "1"},
		{"history limit is a string", `{"type":"history","ref":1,"room":"{room}","limit":"5"}`, "invalid", "1"},
		{"history not joined", `{"type":"history","ref":1,"room":"next-door","before":5}`, "not_joined", "1"},
		{"history of no room", `{"type":"history","ref":1,"room":"nobody-made-this","before":5}`, "not_found", "1"},
		{"presence not joined", `{"type":"presence","ref":1,"room":"next-door"}`, "not_joined", "1"},
		{"presence of no room", `{"type":"presence","ref":1,"room":"nobody-made-this"}`, "not_found", "1"},
		{"signal not joined", `{"type":"signal","ref":1,"room":"next-door","kind":"typing","body":{}}`, "not_joined", "1"},
		{"signal to no room", `{"type":"signal","ref":1,"room":"nobody-made-this","kind":"typing","body":{}}`, "not_found", "1"},
		{"signal without kind", `{"type":"signal","ref":1,"room":"{room}","body":{}}`, "invalid", "1"},
		{"signal of 5 KiB", `{"type":"signal","ref":1,"room":"{room}","kind":"typing","body":"` + text(5<<10) + `"}`, "too_large", "1"},
		{"read not joined", `{"type":"read","ref":1,"room":"next-door","seq":1}`, "not_joined", "1"},
		{"read of no room", `{"type":"read","ref":1,"room":"nobody-made-this","seq":1}`, "not_found", "1"},
		{"read nothing", `{"type":"read","ref":1,"room":"{room}"}`, "invalid", "1"},
		{"read a negative", `{"type":"read","ref":1,"room":"{room}","seq":-1}`, "invalid", "1"},
		{"read a string", `{"type":"read","ref":1,"room":"{room}","seq":"1"}`, "invalid", "1"},
		{"direct with nobody", `{"type":"direct","ref":1}`, "invalid", "1"},
		{"direct with a stranger", `{"type":"direct","ref":1,"user":"nobody"}`, "not_found", "1"},
		{"leave nothing", `{"type":"leave","ref":1}`, "invalid", "1"},
	})

	var rooms []badInput
	for _, id := range []string{
		``, `-a`, `Lobby`, `a_b`, `a b`, `a.b`, `a/b`, `..`, `../lobby`, `lobby\n`, `lobby\u0000`, `ä`, `*`, `>`, `' OR 1=1 --`, text(65),
	} {
		for _, word := range []string{
			`join`, `leave`, `history`, `presence`,
			`publish","id":"a","body":{"text":"hi"},"x":"`, `signal","kind":"typing","body":{},"x":"`, `read","seq":0,"x":"`,
		} {
			rooms = append(rooms, badInput{fmt.Sprintf("%.7s %.12q", word, id),
				`{"ref":1,"type":"` + word + `","room":"` + id + `"}`, "invalid", "1"})
		}
	}
	run("room", true, rooms)

	// The parallel cases above run once this function has returned.
	t.Cleanup(func() {
		c, _ := guest(t, s.addr(), "auditor")
		c.refused("not_found", object{"type": "history", "room": "nobody-made-this", "after": 0})
		for _, room := range []string{"lobby", "next-door"} {
			c.must(object{"type": "join", "room": room})
			if h := c.wholeHistory(room); len(h) > 0 {
				t.Errorf("in %q was stored: %v", room, h)
			}
		}
	})
}

func manyRooms(n int) string {
	rooms := make([]string, n)
	for i := range rooms {
		rooms[i] = fmt.Sprintf(`"many-%d":0`, i)
	}
	return strings.Join(rooms, ",")
}

// TestCloses does what ends a connection: each end is announced with bye and
// carries its documented code, nothing is stored, and the server goes on.
func TestCloses(t *testing.T) {
	t.Parallel()
	s := newServer(t, unlimited...)
	for _, tc := range []struct {
		name    string
		greeted bool
		do      func(c *client) error
		want    websocket.StatusCode
	}{
		{"binary", true, func(c *client) error {
			return c.sendAs(websocket.MessageBinary, []byte(`{"type":"ping","ref":1}`))
		}, 1003},
		{"binary before hello", false, func(c *client) error {
			return c.sendAs(websocket.MessageBinary, []byte(`{"type":"hello","name":"ann"}`))
		}, 1003},
		{"message of 100 KiB", true, func(c *client) error {
			return c.send(`{"type":"publish","ref":1,"room":"closes","id":"a","body":{"text":"` + text(100<<10) + `"}}`)
		}, 1009},
		{"unknown session", false, func(c *client) error {
			return c.send(`{"type":"hello","ref":1,"session":"AAAAAAAAAAAAAAAAAAAAAA"}`)
		}, 4500},
		{"no hello in 5 s", false, func(*client) error { return nil }, 4000},
		{"no hello in 5 s, though it talks", false, func(c *client) error {
			for range 7 {
				if err := c.send(`{"type":"ping","ref":1}`); err != nil {
					return nil // closed in between, as it should be
				}
				select {
				case <-c.done:
				case <-time.After(time.Second):
				}
			}
			return nil
		}, 4000},
		{"50 errors", true, func(c *client) error {
			for range 60 {
				if err := c.send(`{"type":"dance"}`); err != nil {
					return nil
				}
			}
			return nil
		}, 1008},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			c := mustDial(t, s.addr())
			if tc.greeted {
				c.must(object{"type": "hello", "name": "ann"})
				c.must(object{"type": "join", "room": "closes"})
			}
			if err := tc.do(c); err != nil {
				t.Fatal(err)
			}
			bye := c.next("bye")
			if code, ok := bye.Code.(float64); !ok || websocket.StatusCode(code) != tc.want || bye.Reason == "" {
				t.Errorf("bye %s; want code %d and a reason", bye.raw, tc.want)
			}
			if code := c.closed(); code != tc.want {
				t.Errorf("close code %d (%v), want %d", code, c.err, tc.want)
			}
			if took := time.Since(began); tc.want == 4000 && took < 5*time.Second {
				t.Errorf("closed after %s, want 5s", took)
			}
			if err := c.send(`{"type":"ping"}`); err == nil {
				if err := c.send(`{"type":"ping"}`); err == nil {
					t.Error("the connection still takes messages")
				}
			}
			after, _ := guest(t, s.addr(), "ann")
			after.must(object{"type": "join", "room": "closes"})
			if h := after.wholeHistory("closes"); len(h) > 0 {
				t.Errorf("stored: %v", h)
			}
			after.conn.Close(websocket.StatusNormalClosure, "")
			lives(t, s.addr())
		})
	}
}

// TestRates publishes faster than a server with its default rates allows: 60
// at once pass, then each is refused with the time to wait, which is true; who
// does not care for 10 s is sent away.
func TestRates(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c, hello := guest(t, s.addr(), "hasty")
	c.must(object{"type": "join", "room": "rates"})
	if hello.Limits.Rate != 20 || hello.Limits.Burst != 60 {
		t.Errorf("limits %+v, want rate 20 and burst 60", hello.Limits)
	}
	n := 0
	publish := func() <-chan frame {
		n++
		answer, _ := c.begin(object{"type": "publish", "room": "rates", "id": fmt.Sprint(n), "body": object{"text": "hi"}})
		return answer // where the connection has ended, awaiting it tells
	}
	// Many are on their way at once: one after the other may be slower than the rate, on a machine that is busy.
	hasty := func() (acked int, refusal frame, err error) {
		var answers []<-chan frame
		for range 200 {
			answers = append(answers, publish())
		}
		for _, answer := range answers {
			f, e := c.await(answer)
			var refused *errRefused
			switch {
			case e == nil && refusal.Code == nil:
				acked++
			case errors.As(e, &refused):
				refusal = f
			case e != nil:
				return acked, refusal, e
			}
		}
		return acked, refusal, nil
	}
	began := time.Now()
	acked, refusal, err := 0, frame{}, error(nil)
	for refusal.Code == nil && err == nil {
		var more int
		more, refusal, err = hasty()
		acked += more
	}
	if err != nil || refusal.Code != "rate_limited" || refusal.RetryAfter == nil || *refusal.RetryAfter <= 0 {
		t.Fatalf("after %d messages: %s, %v; want rate_limited with retry_after", acked, refusal.raw, err)
	}
	if acked < 60 {
		t.Errorf("%d messages at once were let through, want 60", acked)
	}
	time.Sleep(time.Duration(*refusal.RetryAfter) * time.Millisecond)
	if _, err := c.await(publish()); err != nil {
		t.Errorf("after waiting for retry_after: %v", err)
	}

	for err == nil && time.Since(began) < 3*patience {
		_, _, err = hasty()
		select {
		case <-c.done:
		case <-time.After(100 * time.Millisecond):
		}
	}
	if code := c.closed(); code != 4029 {
		t.Errorf("close code %d (%v), want 4029", code, c.err)
	}
	if took := time.Since(began); took < 10*time.Second {
		t.Errorf("sent away after %s, want 10s", took)
	}
	lives(t, s.addr())
}

// TestLimitsThatHold does what is unusual and right.
func TestLimitsThatHold(t *testing.T) {
	t.Parallel()
	s := newServer(t, unlimited...)
	c, hello := guest(t, s.addr(), "  "+strings.Repeat("ä", 40)+"\t ")
	if hello.User.Name != strings.Repeat("ä", 40) {
		t.Errorf("name %q: it should be trimmed, and 40 characters are allowed", hello.User.Name)
	}
	if _, hello := guest(t, s.addr(), "Zoe\u0308"); hello.User.Name != "Zo\u00eb" {
		t.Errorf("name %q: it should be in normal form C", hello.User.Name)
	}
	c.must(object{"type": "join", "room": text(64)})
	first := c.must(object{"type": "join", "room": "a"})
	if again := c.must(object{"type": "join", "room": "a"}); again.Count != first.Count || again.Count != 1 {
		t.Errorf("joined twice: count %d, then %d", first.Count, again.Count)
	}
	body := json.RawMessage(`{"text":"` + text(64<<10-len(`{"text":""}`)) + `"}`)
	f := c.must(object{"type": "publish", "room": "a", "id": text(64), "body": body})
	if m := c.next("message"); m.Seq != f.Seq || string(m.Body) != string(body) {
		t.Errorf("a body of 64 KiB came back as %.100s (%d bytes)", m.Body, len(m.Body))
	}
	if again := c.must(object{"type": "publish", "room": "a", "id": text(64), "body": object{"text": "other"}}); again.Seq != f.Seq || again.Time != f.Time {
		t.Errorf("the same id again: %s, was %s", again.raw, f.raw)
	}
	if h := c.wholeHistory("a"); len(h) != 1 || !same(h[0], message{"a", f.Seq, text(64), hello.User, f.Time, "text", body}) {
		t.Errorf("the history has %d messages, want the one that was published", len(h))
	}
}
