package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/server"
	"github.com/seed-4a326f83/parley/websocket"
)

// The tests of this file are of what is beneath Socket.IO: its requests, how
// long they wait, whom they come from, and the change to WebSocket.

// TestAPollOutlivesTheTimeOfAnswers has a GET request wait for longer than the
// HTTP server gives others.
func TestAPollOutlivesTheTimeOfAnswers(t *testing.T) {
	o := options{heartbeat: chat.Heartbeat{Interval: 10 * time.Minute, Timeout: 10 * time.Minute}}
	bubbleOver(t, ioPolling, o, func(t *testing.T, b *bubbleServer) {
		c, ann := b.dial(), b.dial()
		defer c.CloseNow()
		defer ann.CloseNow()
		enter(t, c, "cat")
		enter(t, ann, "ann")
		hearUntil(t, c, parley.EventPresence)
		go func() {
			time.Sleep(5 * time.Minute)
			ann.Write(context.Background(), websocket.MessageText, []byte(`{"type":"publish","room":"lobby","id":"1","body":{"text":"at last"}}`))
		}()
		start := time.Now()
		hearUntil(t, c, parley.EventMessage)
		if d := time.Since(start); d < 5*time.Minute {
			t.Errorf("it took %v", d)
		}
	})
}

func TestHeartbeatLostOverSocketIO(t *testing.T) {
	var log bytes.Buffer
	o := options{config: server.Config{Log: slog.New(slog.NewTextHandler(&log, nil))}}
	bubbleIO(t, o, func(t *testing.T, b *bubbleServer) {
		log.Reset()
		ann := b.dial()
		defer ann.CloseNow()
		enter(t, ann, "ann")
		dead := b.dial() // reads no more, and so answers no ping
		enter(t, dead, "dead")
		start := time.Now()
		for {
			if m := hearUntil(t, ann, parley.EventPresence); m["online"] == false {
				break
			}
		}
		if d := time.Since(start); d < 30*time.Second || d > 41*time.Second {
			t.Errorf("gave up after %v", d)
		}
		if !strings.Contains(log.String(), "code=4001") {
			t.Errorf("the log tells %q", log.String())
		}
	})
}

func TestShutdownDoesNotWaitForWhoPollsNoMore(t *testing.T) {
	bubbleOver(t, ioPolling, options{}, func(t *testing.T, b *bubbleServer) {
		enter(t, b.dial(), "gone")
		b.openIO(nil) // and not connected
		synctest.Wait()
		start := time.Now()
		if err := b.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d > 15*time.Second {
			t.Errorf("took %v", d)
		}
		resp, err := b.client.Get("http://localhost/socket.io/?EIO=4&transport=polling")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
			t.Errorf("a handshake after the shutdown: %s", resp.Status)
		}
	})
}

// TestASessionGoesOnOverWebSocket says some things by polling and some over the
// WebSocket that takes over: it is one session, which loses nothing.
func TestASessionGoesOnOverWebSocket(t *testing.T) {
	bubbleOver(t, ioPolling, options{limits: chat.Limits{Connections: 16}}, func(t *testing.T, b *bubbleServer) {
		ann := b.dial()
		defer ann.CloseNow()
		enter(t, ann, "ann")
		c := b.dial().(*ioClient)
		defer c.CloseNow()
		enter(t, c, "cat")
		const before, after = 20, 20
		publish := func(n int) {
			for i := range n {
				say(t, ann, fmt.Sprintf(`{"type":"publish","ref":"p","room":"lobby","id":"%d of %d","body":{"text":"hi"}}`, i, n))
			}
		}
		publish(before)
		say(t, c, `{"type":"ping","ref":"polling"}`)
		if err := c.upgrade(t.Context()); err != nil {
			t.Fatal(err)
		}
		say(t, c, `{"type":"ping","ref":"websocket"}`)
		publish(after - 1)
		publish(1)
		seq, acks := 0.0, ""
		for seq < before+after {
			m, err := hear(t, c)
			switch {
			case err != nil:
				t.Fatal(err)
			case m["type"] == "ack":
				acks += fmt.Sprint(m["ref"], " ")
			case m["type"] == parley.EventMessage:
				if seq++; m["seq"] != seq {
					t.Fatalf("heard %v, want seq %v", m, seq)
				}
			}
		}
		if acks != "polling websocket " {
			t.Errorf("acks for %s", acks)
		}
	})
}

func TestPagesOfOtherOrigins(t *testing.T) {
	base := startServer(t, options{config: server.Config{AllowOrigins: mustURLs("https://intranet.example")}})
	for _, test := range []struct {
		method, origin string
		status         int
		allowed        string
	}{
		{"GET", "https://intranet.example", 200, "https://intranet.example"},
		{"GET", "https://evil.example", 403, ""},
		{"GET", "null", 403, ""},
		{"GET", "", 200, ""},
		{"OPTIONS", "https://intranet.example", 204, "https://intranet.example"},
		{"OPTIONS", "https://evil.example", 403, ""},
		{"POST", "https://evil.example", 403, ""},
	} {
		req, _ := http.NewRequest(test.method, base+"/socket.io/?EIO=4&transport=polling", nil)
		if test.origin != "" {
			req.Header.Set("Origin", test.origin)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		credentials := ""
		if test.allowed != "" {
			credentials = "true"
		}
		if resp.StatusCode != test.status || resp.Header.Get("Access-Control-Allow-Origin") != test.allowed ||
			resp.Header.Get("Access-Control-Allow-Credentials") != credentials {
			t.Errorf("%s with Origin %q: %s, %v", test.method, test.origin, resp.Status, resp.Header)
		}
	}
}

func TestRequestsThatAreNoEngineIO(t *testing.T) {
	base := startServer(t, options{})
	for path, status := range map[string]int{
		"/socket.io/":                                       400,
		"/socket.io/?EIO=3&transport=polling":               400,
		"/socket.io/?EIO=4&transport=polling&sid=unknown":   400,
		"/socket.io/?EIO=4&transport=websocket":             400, // and no upgrade
		"/socket.io/?EIO=4&transport=flashsocket":           400,
		"/socket.io/other?EIO=4&transport=polling":          404,
		"/socket.io?EIO=4&transport=polling":                200,
		"/socket.io/?EIO=4&transport=polling&t=a&b64=1&j=0": 200,
	} {
		resp, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != status || status == 400 && !json.Valid(body) {
			t.Errorf("%s: %s %s, want %d", path, resp.Status, body, status)
		}
	}
}

// TestSecretsAreNotLogged goes through what is logged, and finds neither what a
// client said nor what its connection is known by.
func TestSecretsAreNotLogged(t *testing.T) {
	var log bytes.Buffer
	o := options{config: server.Config{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}}
	bubbleIO(t, o, func(t *testing.T, b *bubbleServer) {
		log.Reset()
		c := b.openIO(nil)
		sid := c.url[strings.LastIndex(c.url, "=")+1:]
		c.tell(t, `40{"name":"payload"}`, `421["hello",{}]`)
		c.want(t, `40`)
		session := sessionIn(c.want(t, `431`))
		c.tell(t, `421["join",{"room":"lobby"}]`, `42["publish",{"room":"lobby","id":"1","body":{"text":"payload"}}]`)
		c.tell(t, `42["hello",{"session":"payload"}]`)
		c.wantEnd(t)
		other := b.openIO(nil)
		other.tell(t, `40{"session":"payload"}`)
		other.wantEnd(t)
		if len(sid) < 20 || len(session) < 20 || !strings.Contains(log.String(), "code=4500") {
			t.Fatalf("sid %q, session %q, logged %s", sid, session, log.String())
		}
		for _, secret := range []string{sid, session, "payload"} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("%q was logged: %s", secret, log.String())
			}
		}
	})
}
