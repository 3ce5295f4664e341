package server_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
)

// The tests of this file, and of engineio_test.go, are of what Socket.IO has of
// its own. The words and the bounds are tested over every framing, in the other
// files.

var ioFramings = framings[1:]

// bubbleIO is bubble for the framings of Socket.IO.
func bubbleIO(t *testing.T, o options, test func(t *testing.T, b *bubbleServer)) {
	t.Helper()
	for _, f := range ioFramings {
		t.Run(string(f), func(t *testing.T) { bubbleOver(t, f, o, test) })
	}
}

// want reads the next packet, which must have these parts, one after the other.
func (c *ioClient) want(t *testing.T, parts ...string) (packet string) {
	t.Helper()
	packet, err := c.next(t.Context())
	if err != nil {
		t.Fatalf("instead of %s: %v", parts, err)
	}
	rest := packet
	for i, part := range parts {
		at := strings.Index(rest, part)
		if at < 0 || i == 0 && at > 0 {
			t.Fatalf("got %.300s, want %s", packet, parts)
		}
		rest = rest[at+len(part):]
	}
	return packet
}

// wantEnd reads what comes until the connection is closed.
func (c *ioClient) wantEnd(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	for {
		if _, err := c.next(ctx); ctx.Err() != nil {
			t.Fatal("the connection was not closed")
		} else if err != nil {
			return
		}
	}
}

// tell sends packets.
func (c *ioClient) tell(t *testing.T, packets ...string) {
	t.Helper()
	for _, p := range packets {
		if err := c.send(t.Context(), p); err != nil {
			t.Fatalf("sending %.80s: %v", p, err)
		}
	}
}

// sessionIn returns the session of a hello's ack.
func sessionIn(packet string) string {
	_, session, _ := strings.Cut(packet, `"session":"`)
	session, _, _ = strings.Cut(session, `"`)
	return session
}

func TestConnectSaysHello(t *testing.T) {
	bubbleIO(t, options{verify: tokens}, func(t *testing.T, b *bubbleServer) {
		c := b.openIO(nil)
		defer c.CloseNow()
		c.tell(t, `40{"name":"ann"}`)
		c.want(t, `40{"sid":"`)
		c.tell(t, `421["rooms"]`) // the word itself may be left out
		c.want(t, `431[{"type":"ack","rooms":[]}]`)
		c.tell(t, `422["hello",{}]`)
		session := sessionIn(c.want(t, `432[{"type":"ack","user":{`, `"name":"ann"},"session":"`, `"heartbeat"`))
		c.tell(t, `423["hello",{}]`) // as on plain, from then on
		c.want(t, `433[{"type":"error","code":"conflict"`)
		c.tell(t, `424["hello",{"session":"`+session+`"}]`)
		c.want(t, `434[{"type":"ack","user":{`, `"name":"ann"}`)

		again := b.openIO(nil)
		defer again.CloseNow()
		again.tell(t, `40{"session":"`+session+`","else":[1]}`)
		again.want(t, `40{"sid":"`)
		again.tell(t, `421["hello"]`)
		again.want(t, `431[{"type":"ack","user":{`, `"name":"ann"}`)

		token := b.openIO(nil)
		defer token.CloseNow()
		token.tell(t, `40{"token":"good.of.ben"}`)
		token.want(t, `40{"sid":"`)
		token.tell(t, `421["hello",{"token":"good.of.ben"}]`) // a fresh one, before the old one's ack was asked for
		token.want(t, `431[{"type":"ack","user":{`, `"name":"ben"}`)

		late := b.openIO(nil)
		defer late.CloseNow()
		late.tell(t, `40`)
		late.want(t, `40{"sid":"`)
		late.tell(t, `421["rooms"]`, `422["hello",{"name":"cat"}]`)
		late.want(t, `431[{"type":"error","code":"unauthorized"`)
		late.want(t, `432[{"type":"ack","user":{`, `"name":"cat"}`)
		time.Sleep(10 * time.Second) // hello was said in time by all of them
		for _, c := range []*ioClient{c, again, token, late} {
			c.tell(t, `429["ping"]`)
			c.want(t, `439[{"type":"ack"}]`)
		}
	})
}

func TestConnectIsRefused(t *testing.T) {
	long := `{"name":"ann","pad":"` + strings.Repeat("x", 8<<10) + `"}`
	for _, test := range []struct {
		auth, code string
		bye        int
	}{
		{`{"session":"made-up"}`, "unauthorized", 4500},
		{`{"token":"bad.of.ann"}`, "unauthorized", 4500},
		{`{"token":"old.of.ann"}`, "unauthorized", 4501},
		{`{"name":"` + strings.Repeat("x", 41) + `"}`, "invalid", 0},
		{`{"name":7}`, "invalid", 0},
		{`{"name":"ann","token":"good.of.ann"}`, "invalid", 0},
		{long, "too_large", 0},
	} {
		t.Run(test.auth[:min(len(test.auth), 30)], func(t *testing.T) {
			bubbleIO(t, options{verify: tokens}, func(t *testing.T, b *bubbleServer) {
				c := b.openIO(nil)
				defer c.CloseNow()
				c.tell(t, `40`+test.auth)
				got := c.want(t, `44{"message":"`, `"data":{"code":"`+test.code+`","message":"`)
				if test.bye != 0 {
					if !strings.Contains(got, fmt.Sprintf(`"bye":{"type":"bye","code":%d,`, test.bye)) {
						t.Errorf("refused with %s, want a bye of %d", got, test.bye)
					}
					c.wantEnd(t)
					return
				}
				if strings.Contains(got, `"bye"`) {
					t.Errorf("refused with %s", got)
				}
				c.tell(t, `40{"name":"ann"}`)
				c.want(t, `40{"sid":"`)
			})
		})
	}
}

func TestConnectingAgainAndAgainIsAnError(t *testing.T) {
	bubbleIO(t, options{}, func(t *testing.T, b *bubbleServer) {
		c := b.openIO(nil)
		defer c.CloseNow()
		for range 49 {
			c.tell(t, `40{"name":7}`)
			c.want(t, `44{"message":"`, `"code":"invalid"`)
		}
		c.tell(t, `40{"name":7}`)
		c.want(t, `44{"message":"`, `"bye":{"type":"bye","code":1008,`)
		c.wantEnd(t)
	})
}

// TestWhereNoGuestsComeIn lets a connection begin, as its CONNECT may tell who it
// is, and nobody in who does not.
func TestWhereNoGuestsComeIn(t *testing.T) {
	bubbleIO(t, options{noGuests: true, verify: tokens}, func(t *testing.T, b *bubbleServer) {
		for _, auth := range []string{``, `{}`, `{"name":"ann"}`} {
			c := b.openIO(nil)
			c.tell(t, `40`+auth)
			c.want(t, `44{"message":"`, `"code":"unauthorized"`, `"bye":{"type":"bye","code":4500,`)
			c.wantEnd(t)
		}
		c := b.openIO(nil)
		defer c.CloseNow()
		c.tell(t, `40{"token":"good.of.ann"}`)
		c.want(t, `40{"sid":"`)
		bearer := b.openIO(http.Header{"Authorization": {"Bearer good.of.ben"}})
		defer bearer.CloseNow()
		bearer.tell(t, `40`)
		bearer.want(t, `40{"sid":"`)
		bearer.tell(t, `421["hello",{}]`)
		bearer.want(t, `431[{"type":"ack","user":{`, `"name":"ben"},"heartbeat"`)
		other := b.openIO(http.Header{"Authorization": {"Bearer good.of.ben"}})
		defer other.CloseNow()
		other.tell(t, `40{"name":"eve"}`)
		other.want(t, `44{"message":"`, `"code":"invalid"`)
	})
}

func TestTooManyConnectionsAreRefusedByConnect(t *testing.T) {
	bubbleIO(t, options{limits: chat.Limits{Connections: 2}}, func(t *testing.T, b *bubbleServer) {
		c := b.openIO(nil)
		defer c.CloseNow()
		c.tell(t, `40{"name":"ann"}`, `421["hello",{}]`)
		c.want(t, `40`)
		auth := `40{"session":"` + sessionIn(c.want(t, `431`)) + `"}`
		// Who is gone at once does not count, whatever it was amid.
		for i := range 20 {
			gone := b.openIO(nil)
			gone.tell(t, auth)
			if i%2 == 0 {
				gone.want(t, `4`)
			}
			gone.CloseNow()
			synctest.Wait()
		}
		second := b.openIO(nil)
		defer second.CloseNow()
		second.tell(t, auth)
		second.want(t, `40{"sid":"`)
		third := b.openIO(nil)
		third.tell(t, auth)
		third.want(t, `44{"message":"`, `"code":"unavailable"`, `"bye":{"type":"bye","code":4030,`, `"retry_after":10000}`)
		third.wantEnd(t)
	})
}

func TestArgumentsOfWords(t *testing.T) {
	bubbleIO(t, options{}, func(t *testing.T, b *bubbleServer) {
		c := b.openIO(nil)
		defer c.CloseNow()
		c.tell(t, `40{"name":"ann"}`)
		c.want(t, `40{"sid":"`)
		for _, event := range []string{`["ping"]`, `["ping",null]`, `["ping",{}]`, `["ping",{"type":"dance","more":1}]`} {
			c.tell(t, `421`+event)
			c.want(t, `431[{"type":"ack"}]`)
		}
		for _, event := range []string{`["ping","x"]`, `["ping",7]`, `["ping",[{}]]`, `["ping",{},{}]`, `["ping",{"room":7}]`, `["",{}]`} {
			c.tell(t, `421`+event)
			c.want(t, `431[{"type":"error","code":"invalid","message":"`)
			c.tell(t, `42`+event) // nobody waits for an ack, so it is told as an event
			c.want(t, `42["error",{"type":"error","code":"invalid","message":"`)
		}
		c.tell(t, `421["dance",{}]`)
		c.want(t, `431[{"type":"error","code":"unknown_type"`)
		c.tell(t, `421["message",{}]`)
		c.want(t, `431[{"type":"error","code":"unknown_type"`)
		// Without acks it is as on plain: the ref, if there is one, wants an answer.
		c.tell(t, `42["ping",{}]`, `42["ping",{"ref":"r"}]`, `421["ping",{"ref":7}]`, `42["dance",{"ref":8}]`)
		c.want(t, `42["ack",{"type":"ack","ref":"r"}]`)
		c.want(t, `431[{"type":"ack","ref":7}]`)
		c.want(t, `42["error",{"type":"error","ref":8,"code":"unknown_type"`)
	})
}

func TestBinaryArgumentsAreRefused(t *testing.T) {
	bubbleIO(t, options{}, func(t *testing.T, b *bubbleServer) {
		for _, event := range []string{`451-1["ping",{"_placeholder":true,"num":0}]`, `451-["publish",{"body":{"text":{"_placeholder":true,"num":0}}}]`} {
			c := b.openIO(nil)
			c.tell(t, `40{"name":"ann"}`)
			c.want(t, `40{"sid":"`)
			if err := c.send(t.Context(), event, "\x01\x02"); err != nil {
				t.Fatal(err)
			}
			c.want(t, `42["bye",{"type":"bye","code":1003,`)
			c.want(t, `41`)
			c.wantEnd(t)
		}
	})
}

func TestSizesOverSocketIO(t *testing.T) {
	pad := func(fields string, n int) string { // to an object of n bytes
		return `{` + fields + `"pad":"` + strings.Repeat("x", n-len(`{"pad":""}`)-len(fields)) + `"}`
	}
	bubbleIO(t, options{}, func(t *testing.T, b *bubbleServer) {
		c := b.openIO(nil)
		c.tell(t, `40`)
		c.want(t, `40{"sid":"`)
		for _, size := range []int{8<<10 + 1, 72 << 10} {
			c.tell(t, `421["hello",`+pad(`"name":"ann",`, size)+`]`)
			c.want(t, `431[{"type":"error","code":"too_large"`)
		}
		c.tell(t, `421["hello",`+pad(`"name":"ann",`, 8<<10)+`]`)
		c.want(t, `431[{"type":"ack"`)
		c.tell(t, `421["join",{"room":"lobby"}]`)
		c.want(t, `431[{"type":"ack"`)
		c.tell(t, `421["publish",{"room":"lobby","id":"1","kind":"x-a","body":"`+strings.Repeat("x", 64<<10)+`"}]`)
		c.want(t, `431[{"type":"error","code":"too_large"`)
		c.tell(t, `421["ping",`+pad(``, 72<<10)+`]`)
		c.want(t, `431[{"type":"ack"`)
		c.tell(t, `421["ping",`+pad(``, 72<<10+1)+`]`)
		c.want(t, `42["bye",{"type":"bye","code":1009,`)
		c.want(t, `41`)
		c.wantEnd(t)

		early := b.openIO(nil)
		early.tell(t, `40`)
		early.want(t, `40{"sid":"`)
		early.tell(t, `421["hello",`+pad(`"name":"ann",`, 72<<10+1)+`]`)
		early.want(t, `42["bye",{"type":"bye","code":1009,`)
		early.want(t, `41`)
		early.wantEnd(t)

		huge := b.openIO(nil) // is not even read
		huge.tell(t, `40{"name":"ann"}`)
		huge.want(t, `40{"sid":"`)
		err := huge.send(t.Context(), `421["ping",`+pad(``, 128<<10)+`]`)
		if huge.ws != nil {
			huge.wantEnd(t)
		} else if err == nil || !strings.HasPrefix(err.Error(), "413") {
			t.Errorf("128 KiB by POST: %v, want 413", err)
		} else {
			huge.CloseNow()
		}
	})
}

// TestLeavingIsClosing has a client leave the namespace, but not the connection.
func TestLeavingIsClosing(t *testing.T) {
	bubbleIO(t, options{}, func(t *testing.T, b *bubbleServer) {
		ann := b.dial()
		defer ann.CloseNow()
		enter(t, ann, "ann")
		for i := range 20 {
			c := b.openIO(nil)
			c.tell(t, fmt.Sprintf(`40{"name":"guest %d"}`, i))
			c.want(t, `40{"sid":"`)
			c.tell(t, `421["join",{"room":"lobby"}]`)
			c.want(t, `431[{"type":"ack"`)
			// What it said before it left is done, and what it says then is not.
			publish := `42["publish",{"room":"lobby","id":"1","body":{"text":"goodbye"}}]`
			if c.ws != nil {
				c.tell(t, publish, `41`)
				c.send(t.Context(), `42["publish",{"room":"lobby","id":"2","body":{"text":"hello"}}]`)
			} else {
				c.tell(t, publish+"\x1e41\x1e"+`42["publish",{"room":"lobby","id":"2","body":{"text":"hello"}}]`)
			}
			if m := hearUntil(t, ann, parley.EventMessage); m["id"] != "1" || m["seq"] != float64(i+1) {
				t.Fatalf("heard %v", m)
			}
			c.wantEnd(t)
		}
		time.Sleep(time.Second)
		say(t, ann, `{"type":"presence","ref":"p","room":"lobby"}`)
		if m := hearUntil(t, ann, "ack"); m["count"] != 1.0 {
			t.Errorf("after all others have left: %v", m)
		}
	})
}

func TestConnectionsThatComeToNothing(t *testing.T) {
	bubbleIO(t, options{}, func(t *testing.T, b *bubbleServer) {
		for what, packets := range map[string][]string{
			"nothing is said":       nil,
			"another namespace":     {`40/chat,{"name":"ann"}`},
			"the word is not hello": {`40`, `42["ping"]`},
		} {
			c := b.openIO(nil)
			start := time.Now()
			c.tell(t, packets...)
			if len(packets) == 1 {
				c.want(t, `44/chat,{"message":"Invalid namespace"}`)
			}
			c.wantEnd(t)
			if d := time.Since(start); d < 5*time.Second || d > 6*time.Second {
				t.Errorf("%s: ended after %v", what, d)
			}
		}
		twice := b.openIO(nil)
		twice.tell(t, `40{"name":"ann"}`)
		twice.want(t, `40{"sid":"`)
		twice.send(t.Context(), `41`)
		twice.send(t.Context(), `40{"name":"ben"}`)
		twice.wantEnd(t)
	})
}
