package engineio_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/socketio/engineio"
	"github.com/seed-4a326f83/parley/websocket"
)

// What follows is what clients do that mean harm. That nothing of it leaves a goroutine behind is what testing/synctest sees to.

// A wire is a connection of a client that writes HTTP by hand.
type wire struct {
	w *world
	net.Conn
	r *bufio.Reader
}

func (w *world) wire() *wire {
	w.t.Helper()
	nc, err := w.client.Transport.(*http.Transport).DialContext(context.Background(), "", "")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(time.Hour))
	return &wire{w, nc, bufio.NewReader(nc)}
}

// request writes the head of a request for a session, with more fields.
func (c *wire) request(method, sid, fields string) {
	c.w.t.Helper()
	_, err := fmt.Fprintf(c, "%s /engine.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: example.com\r\n%s\r\n", method, sid, fields)
	if err != nil {
		c.w.t.Error(err) // it may be another goroutine than the test's
	}
}

func (c *wire) answer() response {
	c.w.t.Helper()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.w.t.Fatal(err)
	}
	return response{resp.StatusCode, string(text), resp.Header}
}

// ended waits for the server to close the connection.
func (c *wire) ended() {
	c.w.t.Helper()
	if _, err := io.Copy(io.Discard, c.r); err != nil {
		c.w.t.Fatal(err)
	}
}

func TestBodyLargerThanDeclared(t *testing.T) {
	inWorld(t, slow, func(t *testing.T, w *world) {
		sid := w.poll()
		c := w.wire()
		go c.request("POST", sid, "Content-Length: 2\r\n\r\n4a4b\x1e4c GET / HTTP/1.1\r\nHost: x\r\n")
		c.answer().want(t, 200, "ok")
		if r := c.answer(); r.status != 400 { // what is left is no request
			t.Errorf("was answered %d %q", r.status, r.body)
		}
		c.ended()
		w.get(sid).want(t, 200, "4a")
		w.ended()
	})
}

func TestBodyThatNeverEnds(t *testing.T) {
	inWorld(t, engineio.Options{PingInterval: time.Hour, PingTimeout: time.Hour, MaxPayload: 1000}, func(t *testing.T, w *world) {
		sid := w.poll()
		for _, fields := range []string{"Content-Length: 1000000000000\r\n", "Transfer-Encoding: chunked\r\n"} {
			c := w.wire()
			c.request("POST", sid, fields)
			sent := make(chan int, 1)
			go func() {
				n := 0
				for range 1 << 20 {
					m, err := io.WriteString(c, "10\r\n4aaaaaaaaaaaaaaa\r\n")
					if n += m; err != nil {
						break
					}
				}
				sent <- n
			}()
			if r := c.answer(); r.status != 413 {
				t.Errorf("%q was answered %d", fields, r.status)
			}
			c.Close()
			if n := <-sent; n > 1<<20 { // net/http reads on for a while
				t.Errorf("%d bytes were read", n)
			}
		}
		w.ended()
	})
}

// TestDrippingPost: what comes in time by itself does not make the whole come in time.
func TestDrippingPost(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		begun := time.Now()
		sid := w.poll()
		time.Sleep(time.Millisecond) // so that it is the heartbeat that ends it, which is as it should be
		c := w.wire()
		c.request("POST", sid, "Content-Length: 1000000\r\n")
		go func() {
			for {
				if _, err := io.WriteString(c, "4"); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		}()
		if r := c.answer(); r.status == 200 {
			t.Errorf("was answered %d %q", r.status, r.body)
		}
		if d := time.Since(begun); d > pingInterval+pingTimeout {
			t.Errorf("it was waited for %v", d)
		}
		c.Close()
		w.ended(engineio.PingTimeout)
	})
}

// TestPollThatIsNotRead: its session ends, and what waited for it is let go.
func TestPollThatIsNotRead(t *testing.T) {
	inWorld(t, slow, func(t *testing.T, w *world) {
		sid := w.poll()
		c := w.wire()
		c.request("GET", sid, "")
		s := w.session()
		s.Send(engineio.Text(make([]byte, 100_000)))
		time.Sleep(time.Minute)
		w.ended(engineio.TransportError)
		if n := w.server.Sessions(); n != 0 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestManyPackets(t *testing.T) {
	const n = 10_000
	body := strings.Repeat("4\x1e", n-1) + "4"
	inWorld(t, slow, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, body).want(t, 200, "ok")
		if r := w.get(sid); r.status != 200 || r.body != body {
			t.Errorf("%d bytes came back of %d", len(r.body), len(body))
		}
		// An echo for which there is no room ends, rather than to pile up.
		sid = w.poll()
		r := w.post(sid, strings.Repeat(body+"\x1e", 20)+"4")
		r.wantError(t, 400, engineio.UnknownSession)
		w.ended(engineio.SlowClient)
	})
}

func TestFloods(t *testing.T) {
	for name, body := range map[string]string{
		"separators":          strings.Repeat("\x1e", 1_000_000),
		"separators at last":  "4" + strings.Repeat("\x1e", 999_999),
		"base64 of nothing":   strings.Repeat("b\x1e", 100_000) + "x",
		"pings":               strings.Repeat("2\x1e", 100_000),
		"unfinished base64":   "b" + strings.Repeat("A", 999_998),
		"pongs, and then end": strings.Repeat("3\x1e", 100_000),
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, slow, func(t *testing.T, w *world) {
				w.onMessage = func(*engineio.Session, websocket.MessageType, []byte) {}
				sid := w.poll()
				w.post(sid, body).wantError(t, 400, engineio.BadRequest)
				w.get(sid).wantError(t, 400, engineio.UnknownSession)
				if n := w.server.Sessions(); n != 0 {
					t.Errorf("%d sessions", n)
				}
			})
		})
	}
}

// TestJunk: whatever is in the head of requests, nothing is opened that was not asked for, and nothing ends.
func TestJunk(t *testing.T) {
	long := strings.Repeat("x", 500_000)
	inWorld(t, engineio.Options{PingInterval: time.Hour, PingTimeout: time.Hour, Cookie: &http.Cookie{Name: "io"}}, func(t *testing.T, w *world) {
		sid := w.poll()
		for _, tt := range []struct {
			method, query, field, value string
			status                      int
		}{
			{"GET", "EIO=4&transport=polling&sid=" + long, "", "", 400},
			{"POST", "EIO=4&transport=polling&sid=" + long, "", "", 400},
			{"GET", "EIO=4&transport=polling&sid=%00%ff" + sid, "", "", 400},
			{"GET", "EIO=4&transport=polling&sid=" + strings.ToLower(sid), "", "", 400},
			{"GET", "EIO=4&transport=polling&sid=" + sid + "&sid=" + sid + "&EIO=" + long, "Cookie", "io=" + sid, 200},
			{"GET", "EIO=" + long + "&transport=polling", "", "", 400},
			{"GET", "EIO=4&transport=" + long, "", "", 400},
			{"GET", "EIO=4&transport=polling&" + strings.Repeat("&a", 100_000), "", "", 400},
			{"GET", "EIO=4&transport=polling&sid=none", "Cookie", strings.Repeat("io="+sid+"; ", 10_000), 400},
			{"GET", "EIO=4&transport=polling&sid=" + sid, "Upgrade", "websocket", 400},
			{"GET", "EIO=4&transport=websocket&sid=" + sid, "Upgrade", "h2c, websocket", 400},
			{"POST", "EIO=4&transport=polling&sid=" + sid, "Content-Type", long, 200},
			{"POST", "EIO=4&transport=polling&sid=" + sid, "Content-Type", "application/octet-stream;", 400},
			{"GET", "EIO=4&transport=polling", "Origin", long, 403},
			{"GET", "EIO=4&transport=polling", "Origin", "null", 403},
		} {
			w.header = http.Header{}
			if tt.field != "" {
				w.header.Set(tt.field, tt.value)
			}
			if tt.status == 200 && tt.method == "GET" {
				w.session().Send(engineio.Text(nil)) // for it to be answered
			}
			if r := w.do(tt.method, tt.query, "", "4"); r.status != tt.status {
				t.Errorf("%s %.80q with %s %.80q was answered %d %.80q", tt.method, tt.query, tt.field, tt.value, r.status, r.body)
			}
		}
	})
}

// TestUpgradeRaces: whoever wins, one WebSocket carries the session or none does, and nothing stays behind.
func TestUpgradeRaces(t *testing.T) {
	// races are what clients do at once with one session.
	races := map[string][]func(w *world, sid string){
		"two upgrades":           {upgradeAny, upgradeAny},
		"upgrade and close":      {upgradeAny, closeAny},
		"upgrade and polls":      {upgradeAny, pollAny, pollAny},
		"upgrade, post and poll": {upgradeAny, postAny, pollAny},
		"two posts":              {postAny, postAny, upgradeAny},
		"all of it":              {upgradeAny, upgradeAny, upgradeAny, closeAny, pollAny, pollAny, postAny, postAny},
	}
	for name, race := range races {
		t.Run(name, func(t *testing.T) {
			inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
				const rounds = 20
				for range rounds {
					sid := w.poll()
					var all sync.WaitGroup
					for _, i := range rand.Perm(len(race)) {
						all.Go(func() { race[i](w, sid) })
					}
					all.Wait()
				}
				time.Sleep(pingInterval + 2*pingTimeout + time.Minute) // what is left does not answer pings
				synctest.Wait()
				w.mu.Lock()
				defer w.mu.Unlock()
				if len(w.sessions) != rounds || len(w.ends) != rounds || w.server.Sessions() != 0 {
					t.Errorf("of %d sessions %d ended; %d are left", len(w.sessions), len(w.ends), w.server.Sessions())
				}
			})
		})
	}
}

func upgradeAny(w *world, sid string) {
	c, _, err := w.tryDial("EIO=4&transport=websocket&sid=" + sid)
	if err != nil {
		return
	}
	defer c.CloseNow()
	ctx := context.Background()
	c.Write(ctx, websocket.MessageText, []byte("2probe"))
	if _, data, err := c.Read(ctx); err != nil || string(data) != "3probe" {
		return
	}
	c.Write(ctx, websocket.MessageText, []byte("5"))
	c.Write(ctx, websocket.MessageText, []byte("4mine"))
	for {
		if _, _, err := c.Read(ctx); err != nil {
			return
		}
	}
}

func pollAny(w *world, sid string) {
	w.try(context.Background(), "GET", "EIO=4&transport=polling&sid="+sid, "", "")
}

func postAny(w *world, sid string) {
	w.try(context.Background(), "POST", "EIO=4&transport=polling&sid="+sid, "", "4a\x1e4b")
}

func closeAny(w *world, sid string) {
	w.try(context.Background(), "POST", "EIO=4&transport=polling&sid="+sid, "", "1")
}
