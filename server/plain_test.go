package server_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/server"
	"github.com/seed-4a326f83/parley/websocket"
)

// say sends a text message.
func say(t *testing.T, c wire, text string) {
	t.Helper()
	if err := c.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatalf("saying %.80s: %v", text, err)
	}
}

// hear returns the next message, decoded, or how the connection was closed.
func hear(t *testing.T, c wire) (map[string]any, error) {
	t.Helper()
	_, data, err := c.Read(t.Context())
	if err != nil {
		return nil, err
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return m, nil
}

// hearUntil returns the next message of a type.
func hearUntil(t *testing.T, c wire, typ string) map[string]any {
	t.Helper()
	for {
		m, err := hear(t, c)
		if err != nil {
			t.Fatalf("waiting for %s: %v", typ, err)
		}
		if m["type"] == typ {
			return m
		}
	}
}

// expectEnd reads up to a bye and a close with the code.
func expectEnd(t *testing.T, c wire, code int) (bye map[string]any) {
	t.Helper()
	for {
		m, err := hear(t, c)
		if err != nil {
			if bye == nil || bye["code"] != float64(code) || websocket.CloseStatus(err) != websocket.StatusCode(code) {
				t.Fatalf("bye %v, then %v; want %d", bye, err, code)
			}
			return bye
		}
		if m["type"] == parley.EventBye {
			bye = m
		}
	}
}

// readAll takes what comes until the connection ends.
func readAll(c wire) {
	for {
		if _, _, err := c.Read(context.Background()); err != nil {
			return
		}
	}
}

func enter(t *testing.T, c wire, name string) {
	t.Helper()
	say(t, c, fmt.Sprintf(`{"type":"hello","ref":1,"name":%q}`, name))
	if m := hearUntil(t, c, "ack"); m["ref"] != 1.0 {
		t.Fatalf("hello was answered %v", m)
	}
	say(t, c, `{"type":"join","ref":2,"room":"lobby"}`)
	hearUntil(t, c, "ack")
}

func TestNoHelloInTime(t *testing.T) {
	bubble(t, options{}, func(t *testing.T, b *bubbleServer) {
		c := b.dial()
		start := time.Now()
		for range 4 { // saying something else wins no time
			say(t, c, `{"type":"ping","ref":1}`)
			if m, _ := hear(t, c); m["code"] != string(parley.CodeUnauthorized) {
				t.Fatalf("answered %v", m)
			}
			time.Sleep(time.Second)
		}
		expectEnd(t, c, parley.CloseNoHello)
		if d := time.Since(start); d < 5*time.Second || d > 6*time.Second {
			t.Errorf("ended after %v", d)
		}
	})
}

func TestHeartbeatLost(t *testing.T) {
	bubbleOver(t, plain, options{}, func(t *testing.T, b *bubbleServer) {
		conn, r := b.raw()
		defer conn.Close()
		start := time.Now()
		hello := []byte(`{"type":"hello","name":"ann"}`)
		frame := append([]byte{0x81, 0x80 | byte(len(hello)), 0, 0, 0, 0}, hello...) // masked with zeros
		if _, err := conn.Write(frame); err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(r) // and no pong ever
		if d := time.Since(start); d < 35*time.Second || d > 41*time.Second {
			t.Errorf("gave up after %v", d)
		}
		code := binary.BigEndian.AppendUint16(nil, parley.CloseHeartbeat)
		if !bytes.Contains(got, []byte(`"code":4001`)) || !bytes.Contains(got, code) {
			t.Errorf("ended with %q", got)
		}
	})
}

func TestHeartbeatKeepsAQuietConnection(t *testing.T) {
	bubble(t, options{}, func(t *testing.T, b *bubbleServer) {
		c := b.dial()
		defer c.CloseNow()
		enter(t, c, "ann")
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, data, err := c.Read(ctx) // answers the pings
		if ctx.Err() == nil {
			t.Errorf("an hour of silence ended with %s, %v", data, err)
		}
	})
}

func TestSlowReaderIsEnded(t *testing.T) {
	unlimited := chat.Limits{Connections: 16}
	for name, messages := range map[string]int{"5 s behind": 1, "1 MiB behind": 40} {
		t.Run(name, func(t *testing.T) {
			bubble(t, options{limits: unlimited}, func(t *testing.T, b *bubbleServer) {
				slow, ann := b.dial(), b.dial()
				defer slow.CloseNow()
				defer ann.CloseNow()
				enter(t, slow, "slow")
				enter(t, ann, "ann")
				synctest.Wait()
				go readAll(ann) // so that she is not slow herself
				for i := range messages {
					say(t, ann, fmt.Sprintf(`{"type":"publish","room":"lobby","id":"%d","kind":"x-big","body":"%s"}`, i, strings.Repeat("x", 60000)))
					synctest.Wait() // she has taken what came
				}
				time.Sleep(6 * time.Second) // not a byte is read in this time
				bye := expectEnd(t, slow, parley.CloseOverloaded)
				if bye["retry_after"] == nil {
					t.Errorf("bye %v does not say when to come back", bye)
				}
			})
		})
	}
}

func TestSignalsThrowNobodyOut(t *testing.T) {
	unlimited := chat.Limits{Connections: 16}
	bubble(t, options{limits: unlimited}, func(t *testing.T, b *bubbleServer) {
		slow, ann := b.dial(), b.dial()
		defer slow.CloseNow()
		defer ann.CloseNow()
		enter(t, slow, "slow")
		enter(t, ann, "ann")
		go readAll(ann)
		body := strings.Repeat("x", 4000)
		var signals sync.WaitGroup
		signals.Go(func() { // 200 KB a second of them
			for {
				time.Sleep(20 * time.Millisecond)
				if ann.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, `{"type":"signal","room":"lobby","kind":"move","body":%q}`, body)) != nil {
					return
				}
			}
		})
		for start := time.Now(); time.Since(start) < 30*time.Second; { // 40 KB a second
			time.Sleep(100 * time.Millisecond)
			if _, err := hear(t, slow); err != nil {
				t.Fatalf("ended after %v: %v", time.Since(start), err)
			}
		}
		say(t, slow, `{"type":"ping","ref":"heard"}`)
		hearUntil(t, slow, "ack")
		ann.CloseNow()
		signals.Wait()
	})
}

func TestSignalsAreDroppedFirst(t *testing.T) {
	unlimited := chat.Limits{Connections: 16}
	bubble(t, options{limits: unlimited}, func(t *testing.T, b *bubbleServer) {
		slow, ann := b.dial(), b.dial()
		defer slow.CloseNow()
		defer ann.CloseNow()
		enter(t, slow, "slow")
		enter(t, ann, "ann")
		body := strings.Repeat("x", 4000)
		for i := range 1000 { // 4 MB, which would be four times too much
			say(t, ann, fmt.Sprintf(`{"type":"signal","ref":%d,"room":"lobby","kind":"move","body":%q}`, i, body))
			hearUntil(t, ann, "ack")
		}
		say(t, ann, `{"type":"publish","ref":"p","room":"lobby","id":"1","body":{"text":"important"}}`)
		synctest.Wait()
		if m := hearUntil(t, slow, parley.EventMessage); m["seq"] != 1.0 {
			t.Errorf("heard %v", m)
		}
	})
}

func TestWhoAsksMuchMustReadTheAnswers(t *testing.T) {
	unlimited := chat.Limits{Connections: 16}
	bubble(t, options{limits: unlimited}, func(t *testing.T, b *bubbleServer) {
		c := b.dial()
		defer c.CloseNow()
		enter(t, c, "ann")
		for i := range 10 {
			say(t, c, fmt.Sprintf(`{"type":"publish","ref":%d,"room":"lobby","id":"%d","kind":"x-big","body":"%s"}`, i, i, strings.Repeat("x", 60000)))
			hearUntil(t, c, "ack")
		}
		// 5 MB of history, asked for at once and read slowly, below 5 s a piece.
		done := make(chan error, 1)
		go func() {
			for i := range 10 {
				if err := c.Write(t.Context(), websocket.MessageText, fmt.Appendf(nil, `{"type":"history","ref":%d,"room":"lobby","after":0}`, i)); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		pages := 0
		for pages < 10 {
			time.Sleep(2 * time.Second)
			m, err := hear(t, c)
			if err != nil {
				t.Fatalf("after %d pages: %v", pages, err)
			}
			if m["type"] == "ack" {
				pages++
			}
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestMessageSizes(t *testing.T) {
	bubbleOver(t, plain, options{}, func(t *testing.T, b *bubbleServer) {
		pad := func(text string, n int) string { // to n bytes, with a field that is not known
			return strings.TrimSuffix(text, "}") + `,"pad":"` + strings.Repeat("x", n-len(text)-len(`,"pad":""`)) + `"}`
		}
		c := b.dial()
		for _, hello := range []string{pad(`{"type":"hello","ref":7,"name":"ann"}`, 8<<10+1), pad(`{"type":"hello","ref":7,"name":"ann"}`, 72<<10)} {
			say(t, c, hello)
			if m, _ := hear(t, c); m["code"] != string(parley.CodeTooLarge) || m["ref"] != 7.0 {
				t.Fatalf("a hello of %d bytes was answered %v", len(hello), m)
			}
		}
		say(t, c, pad(`{"type":"hello","ref":7,"name":"ann"}`, 8<<10))
		if m, _ := hear(t, c); m["type"] != "ack" {
			t.Fatalf("a hello of 8 KiB was answered %v", m)
		}
		say(t, c, pad(`{"type":"ping","ref":8}`, 72<<10))
		if m, _ := hear(t, c); m["type"] != "ack" {
			t.Fatalf("a message of 72 KiB was answered %v", m)
		}
		go c.Write(t.Context(), websocket.MessageText, []byte(pad(`{"type":"ping","ref":8}`, 72<<10+1)))
		expectEnd(t, c, parley.CloseTooBig)

		early := b.dial()
		go early.Write(t.Context(), websocket.MessageText, []byte(pad(`{"type":"hello","name":"ann"}`, 72<<10+1)))
		expectEnd(t, early, parley.CloseTooBig)
	})
}

func TestShutdownSaysGoodbye(t *testing.T) {
	bubble(t, options{limits: chat.Limits{Connections: 100}}, func(t *testing.T, b *bubbleServer) {
		var conns []wire
		for i := range 20 {
			c := b.dial()
			enter(t, c, fmt.Sprint("guest ", i))
			conns = append(conns, c)
		}
		publisher := conns[0]
		say(t, publisher, `{"type":"publish","ref":"last","room":"lobby","id":"1","body":{"text":"the last word"}}`)
		synctest.Wait()
		stopped := make(chan error)
		go func() { stopped <- b.Shutdown(t.Context()) }()
		synctest.Wait()
		acked := false
		later := map[any]bool{}
		for _, c := range conns {
			for {
				m, err := hear(t, c)
				if err != nil {
					if websocket.CloseStatus(err) != parley.CloseRestart {
						t.Fatalf("closed with %v", err)
					}
					break
				}
				acked = acked || m["ref"] == "last"
				if m["type"] == parley.EventBye {
					later[m["retry_after"]] = true
				}
			}
		}
		if !acked {
			t.Error("the last message was not acked")
		}
		if len(later) < 10 {
			t.Errorf("20 clients come back at %d moments", len(later))
		}
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}

func TestShutdownDoesNotWaitForTheDead(t *testing.T) {
	bubbleOver(t, plain, options{}, func(t *testing.T, b *bubbleServer) {
		conn, _ := b.raw() // never reads
		defer conn.Close()
		synctest.Wait()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		b.Shutdown(ctx)
		if d := time.Since(start); d > 15*time.Second {
			t.Errorf("took %v", d)
		}
	})
}

func TestHandshakesRefused(t *testing.T) {
	const granting = 0
	base := startServer(t, options{})
	for _, test := range []struct {
		what   string
		status int
		change func(*http.Request)
	}{
		{"granted", granting, func(*http.Request) {}},
		{"own Origin", granting, func(r *http.Request) { r.Header.Set("Origin", base) }},
		{"foreign Origin", 403, func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }},
		{"Origin of another port", 403, func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") }},
		{"Origin of another scheme", 403, func(r *http.Request) { r.Header.Set("Origin", strings.Replace(base, "http", "https", 1)) }},
		{"null Origin", 403, func(r *http.Request) { r.Header.Set("Origin", "null") }},
		{"Origin with our name in it", 403, func(r *http.Request) { r.Header.Set("Origin", base+".evil.example") }},
		{"Origin with a user", 403, func(r *http.Request) { r.Header.Set("Origin", strings.Replace(base, "http://", "http://a@", 1)) }},
		{"two Origins", 403, func(r *http.Request) { r.Header["Origin"] = []string{base, base} }},
		{"localhost", granting, func(r *http.Request) { r.Host = "localhost:8080" }},
		{"a name under localhost", granting, func(r *http.Request) { r.Host = "chat.localhost" }},
		{"an address", granting, func(r *http.Request) { r.Host = "[::1]:8080" }},
		{"foreign Host", 421, func(r *http.Request) { r.Host = "evil.example" }},
		{"foreign Host with our port", 421, func(r *http.Request) { r.Host = "127.0.0.1.evil.example:8080" }},
		{"public Host", granting, func(r *http.Request) { r.Host = "chat.example.org" }},
		{"public Origin", granting, func(r *http.Request) { r.Header.Set("Origin", "https://chat.example.org") }},
		{"bearer token", 401, func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }},
		{"token as a subprotocol", 401, func(r *http.Request) { r.Header.Set("Sec-WebSocket-Protocol", "parley.v1.json, parley.token.x") }},
		{"too many fields", 431, func(r *http.Request) {
			for i := range 70 {
				r.Header.Add("X-Many", fmt.Sprint(i))
			}
		}},
	} {
		t.Run(test.what, func(t *testing.T) {
			base := base
			if strings.HasPrefix(test.what, "public") {
				base = startServer(t, options{config: server.Config{PublicURL: mustURL("https://chat.example.org/")}})
			}
			for path, granted := range map[string]int{
				"/ws": 101, "/socket.io/?EIO=4&transport=websocket": 101, "/socket.io/?EIO=4&transport=polling": 200,
			} {
				req, _ := http.NewRequest("GET", base+path, nil)
				if granted == 101 {
					req.Header = upgradeHeader()
				}
				test.change(req)
				resp, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				want := test.status
				if want == granting {
					want = granted
				}
				if resp.StatusCode != want {
					t.Errorf("%s answered %s, want %d", path, resp.Status, want)
				}
			}
		})
	}
}

// upgradeHeader returns the fields that ask for a WebSocket.
func upgradeHeader() http.Header {
	h := http.Header{}
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
	} {
		h.Set(name, value)
	}
	return h
}

func TestHostIsCheckedEverywhere(t *testing.T) {
	base := startServer(t, options{})
	for _, path := range []string{"/", "/healthz", "/ws", "/socket.io/"} {
		req, _ := http.NewRequest("GET", base+path, nil)
		req.Host = "evil.example"
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("%s answered %s", path, resp.Status)
		}
	}
}
