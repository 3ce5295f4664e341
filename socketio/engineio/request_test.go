package engineio_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/socketio/engineio"
)

func TestBadRequests(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		polling := w.poll()
		ws := w.dial("")
		carried := w.parseHandshake(ws.next()).SID
		for _, tt := range []struct {
			method, query string
			code          engineio.ErrorCode
		}{
			{"GET", "transport=polling", engineio.UnsupportedVersion},
			{"GET", "EIO=abc&transport=polling", engineio.UnsupportedVersion},
			{"GET", "EIO=&transport=polling", engineio.UnsupportedVersion},
			{"GET", "EIO=3&transport=polling", engineio.UnsupportedVersion},
			{"GET", "EIO=4", engineio.UnknownTransport},
			{"GET", "EIO=4&transport=abc", engineio.UnknownTransport},
			{"GET", "EIO=4&transport=Polling", engineio.UnknownTransport},
			{"GET", "EIO=4&transport=webtransport", engineio.UnknownTransport},
			{"GET", "EIO=4&transport=constructor", engineio.UnknownTransport},
			{"GET", "", engineio.UnknownTransport},
			{"GET", "EIO=4&transport=%zz", engineio.BadRequest},
			{"GET", "EIO=4;transport=polling", engineio.BadRequest},
			{"POST", "EIO=4&transport=polling", engineio.BadHandshakeMethod},
			{"PUT", "EIO=4&transport=polling", engineio.BadHandshakeMethod},
			{"DELETE", "EIO=4&transport=polling", engineio.BadHandshakeMethod},
			{"POST", "EIO=4&transport=websocket", engineio.BadHandshakeMethod},
			{"GET", "EIO=4&transport=websocket", engineio.BadRequest}, // without an upgrade
			{"GET", "EIO=4&transport=polling&sid=abc", engineio.UnknownSession},
			{"GET", "EIO=4&transport=polling&sid=__proto__", engineio.UnknownSession},
			{"POST", "EIO=4&transport=polling&sid=abc", engineio.UnknownSession},
			{"PUT", "EIO=4&transport=polling&sid=" + polling, engineio.BadRequest},
			{"GET", "EIO=3&transport=polling&sid=" + polling, engineio.BadRequest},
			{"GET", "transport=polling&sid=" + polling, engineio.BadRequest},
			{"GET", "EIO=4&transport=websocket&sid=" + polling, engineio.BadRequest},
			{"GET", "EIO=4&transport=polling&sid=" + carried, engineio.BadRequest},
			{"POST", "EIO=4&transport=polling&sid=" + carried, engineio.BadRequest},
			{"GET", "EIO=4&transport=websocket&sid=" + carried, engineio.BadRequest},
		} {
			t.Log(tt.method, tt.query)
			w.do(tt.method, tt.query, "", "").wantError(t, 400, tt.code)
		}
		// HEAD is as bad as the others, and its answer has no body.
		if r := w.do("HEAD", "EIO=4&transport=polling", "", ""); r.status != 400 {
			t.Errorf("HEAD was answered %d", r.status)
		}
		// Nothing of this ended anything.
		w.post(polling, "4a").want(t, 200, "ok")
		ws.send("4b")
		ws.want("4b")
		w.ended()
	})
}

// TestBadWebSocketRequests: they are refused before any 101.
func TestBadWebSocketRequests(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		polling := w.poll()
		for _, tt := range []struct {
			query string
			code  engineio.ErrorCode
		}{
			{"transport=websocket", engineio.UnsupportedVersion},
			{"EIO=abc&transport=websocket", engineio.UnsupportedVersion},
			{"EIO=3&transport=websocket", engineio.UnsupportedVersion},
			{"EIO=4", engineio.UnknownTransport},
			{"EIO=4&transport=abc", engineio.UnknownTransport},
			{"EIO=4&transport=polling", engineio.BadRequest},
			{"EIO=4&transport=polling&sid=" + polling, engineio.BadRequest},
			{"EIO=4&transport=websocket&sid=abc", engineio.UnknownSession},
			{"EIO=3&transport=websocket&sid=" + polling, engineio.BadRequest}, // an upgrade cannot change it
			{"transport=websocket&sid=" + polling, engineio.BadRequest},
		} {
			t.Log(tt.query)
			_, resp, err := w.tryDial(tt.query)
			if err == nil {
				t.Fatal("it was opened")
			}
			body, readErr := io.ReadAll(resp.Body)
			if readErr != nil {
				t.Fatal(readErr)
			}
			response{resp.StatusCode, string(body), resp.Header}.wantError(t, 400, tt.code)
		}
		w.ended()
	})
}

func TestTransportsCanBeTurnedOff(t *testing.T) {
	inWorld(t, engineio.Options{Transports: []engineio.Transport{engineio.Polling}}, func(t *testing.T, w *world) {
		r := w.do("GET", "EIO=4&transport=polling", "", "")
		h := w.parseHandshake(r.body)
		if len(h.Upgrades) != 0 {
			t.Errorf("upgrades: %q", h.Upgrades)
		}
		for _, query := range []string{"EIO=4&transport=websocket", "EIO=4&transport=websocket&sid=" + h.SID} {
			if _, resp, err := w.tryDial(query); err == nil || resp.StatusCode != 400 {
				t.Errorf("%s: %v", query, err)
			}
		}
	})
}

func TestOrigins(t *testing.T) {
	patterns := engineio.Options{OriginPatterns: []string{"*.friend.net", "https://other.org"}, Credentials: true}
	for _, tt := range []struct {
		name, origin string
		opts         engineio.Options
		allowed      bool
	}{
		{"none", "", engineio.Options{}, true},
		{"our own", "http://example.com", engineio.Options{}, true},
		{"our own, with the port", "http://example.com:80", engineio.Options{}, true},
		{"another port", "http://example.com:8080", engineio.Options{}, false},
		{"another scheme", "https://example.com", engineio.Options{}, false},
		{"another", "http://evil.com", engineio.Options{}, false},
		{"null", "null", engineio.Options{}, false},
		{"null, and any", "null", engineio.Options{AnyOrigin: true}, true},
		{"any", "http://evil.com", engineio.Options{AnyOrigin: true}, true},
		{"a pattern", "http://a.friend.net", patterns, true},
		{"a pattern with a scheme", "https://OTHER.org", patterns, true},
		{"not that scheme", "http://other.org", patterns, false},
		{"the end of a pattern", "http://friend.net.evil.com", patterns, false},
		{"a function", "x", engineio.Options{CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") == "x" }}, true},
		{"a function that does not", "http://example.com", engineio.Options{CheckOrigin: func(*http.Request) bool { return false }}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, tt.opts, func(t *testing.T, w *world) {
				if tt.origin != "" {
					w.header.Set("Origin", tt.origin)
				}
				r := w.do("GET", "EIO=4&transport=polling", "", "")
				_, resp, err := w.tryDial("EIO=4&transport=websocket")
				if !tt.allowed {
					r.wantError(t, 403, engineio.Forbidden)
					if err == nil || resp.StatusCode != 403 {
						t.Errorf("the WebSocket was answered %v", err)
					}
					if h := r.header.Get("Access-Control-Allow-Origin"); h != "" {
						t.Errorf("Access-Control-Allow-Origin: %s", h)
					}
					return
				}
				if r.status != 200 || err != nil {
					t.Fatalf("polling was answered %d, the WebSocket %v", r.status, err)
				}
				if h := r.header.Get("Access-Control-Allow-Origin"); h != tt.origin {
					t.Errorf("Access-Control-Allow-Origin: %q", h)
				}
				credentials := r.header.Get("Access-Control-Allow-Credentials") == "true"
				if credentials != (tt.opts.Credentials && tt.origin != "") {
					t.Errorf("Access-Control-Allow-Credentials: %v", credentials)
				}
				if (r.header.Get("Vary") == "Origin") != (tt.origin != "") {
					t.Errorf("Vary: %q", r.header["Vary"])
				}
			})
		})
	}
}

func TestPreflight(t *testing.T) {
	inWorld(t, engineio.Options{OriginPatterns: []string{"friend.net"}, Credentials: true}, func(t *testing.T, w *world) {
		w.header.Set("Origin", "http://friend.net")
		w.header.Set("Access-Control-Request-Method", "POST")
		w.header.Set("Access-Control-Request-Headers", "x-mine")
		r := w.do("OPTIONS", "EIO=4&transport=polling", "", "")
		if r.status != 204 || r.header.Get("Access-Control-Allow-Origin") != "http://friend.net" ||
			r.header.Get("Access-Control-Allow-Credentials") != "true" || r.header.Get("Access-Control-Allow-Headers") != "x-mine" ||
			!strings.Contains(r.header.Get("Access-Control-Allow-Methods"), "POST") {
			t.Errorf("was answered %d %v", r.status, r.header)
		}
		// A page that uses a method that is bad hears so from the server, and not from the browser that it may not.
		if all := r.header.Get("Access-Control-Allow-Methods"); !strings.Contains(all, "PUT") {
			t.Errorf("methods %q", all)
		}
		r = w.do("PUT", "EIO=4&transport=polling", "", "")
		r.wantError(t, 400, engineio.BadHandshakeMethod)
		if r.header.Get("Access-Control-Allow-Origin") != "http://friend.net" {
			t.Errorf("was answered %v", r.header)
		}
		w.header.Set("Origin", "http://evil.com")
		w.do("OPTIONS", "EIO=4&transport=polling", "", "").wantError(t, 403, engineio.Forbidden)
	})
}

func TestAllowRequest(t *testing.T) {
	var refusal error
	opts := engineio.Options{AllowRequest: func(r *http.Request) (any, error) { return r.Header.Get("X-Name"), refusal }}
	inWorld(t, opts, func(t *testing.T, w *world) {
		w.header.Set("X-Name", "Ann")
		w.poll()
		if v := w.session().Value(); v != "Ann" {
			t.Errorf("the value is %v", v)
		}
		w.dial("").next()
		if v := w.session().Value(); v != "Ann" {
			t.Errorf("the value is %v", v)
		}
		for _, tt := range []struct {
			err    error
			status int
			code   engineio.ErrorCode
			retry  string
		}{
			{errors.New("a secret"), 403, engineio.Forbidden, ""},
			{&engineio.Refusal{Message: "no"}, 403, engineio.UnknownTransport, ""},
			{&engineio.Refusal{Status: 429, Code: engineio.Forbidden, Message: "later", RetryAfter: 1500 * time.Millisecond}, 429, engineio.Forbidden, "2"},
		} {
			refusal = tt.err
			r := w.do("GET", "EIO=4&transport=polling", "", "")
			r.wantError(t, tt.status, tt.code)
			if strings.Contains(r.body, "secret") || r.header.Get("Retry-After") != tt.retry {
				t.Errorf("was answered %v %s", r.header, r.body)
			}
			if _, resp, err := w.tryDial("EIO=4&transport=websocket"); err == nil || resp.StatusCode != tt.status {
				t.Errorf("the WebSocket was answered %v", err)
			}
		}
		if n := w.server.Sessions(); n != 2 {
			t.Errorf("%d sessions", n)
		}
		// A handshake that fails later on its own is told of as an end.
		refusal = nil
		w.header.Set("Connection", "Upgrade")
		w.header.Set("Upgrade", "websocket")
		if r := w.do("GET", "EIO=4&transport=websocket", "", ""); r.status == 101 || r.status == 200 {
			t.Errorf("a WebSocket without a key was answered %d", r.status)
		}
		w.ended(engineio.TransportError)
		if n := w.server.Sessions(); n != 2 {
			t.Errorf("%d sessions", n)
		}
	})
}

// TestAllowRequestThatPanics: there is no session then that would count for good.
func TestAllowRequestThatPanics(t *testing.T) {
	opts := engineio.Options{MaxPolling: 1, AllowRequest: func(r *http.Request) (any, error) {
		if r.Header.Get("X-Name") == "" {
			panic("as asked")
		}
		return nil, nil
	}}
	inWorld(t, opts, func(t *testing.T, w *world) {
		func() {
			defer func() { recover() }()
			w.server.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/engine.io/?EIO=4&transport=polling", nil))
			t.Error("it did not panic")
		}()
		w.header.Set("X-Name", "Ann")
		w.poll()
		if n := w.server.Sessions(); n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestCookie(t *testing.T) {
	opts := engineio.Options{Cookie: &http.Cookie{Name: "io", HttpOnly: true, SameSite: http.SameSiteLaxMode}}
	inWorld(t, opts, func(t *testing.T, w *world) {
		r := w.do("GET", "EIO=4&transport=polling", "", "")
		sid := w.parseHandshake(r.body).SID
		if c := r.header.Get("Set-Cookie"); c != "io="+sid+"; Path=/; HttpOnly; SameSite=Lax" {
			t.Errorf("Set-Cookie: %s", c)
		}
		if r := w.post(sid, "4a"); r.header.Get("Set-Cookie") != "" {
			t.Error("another Set-Cookie")
		}
		// It is for load balancers: it makes no request one of the session.
		w.header.Set("Cookie", "io="+sid)
		if other := w.poll(); other == sid {
			t.Error("a session was taken over by its cookie")
		}
	})
}

func TestMaxSessions(t *testing.T) {
	inWorld(t, engineio.Options{MaxSessions: 2, MaxPolling: 1}, func(t *testing.T, w *world) {
		sid := w.poll()
		r := w.do("GET", "EIO=4&transport=polling", "", "")
		r.wantError(t, 503, engineio.Forbidden)
		if r.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		ws := w.dial("")
		ws.next()
		if _, resp, err := w.tryDial("EIO=4&transport=websocket"); err == nil || resp.StatusCode != 503 {
			t.Errorf("a third session: %v", err)
		}
		// An upgraded session is not polling any more, and room comes with those that end.
		up := w.upgrade(sid)
		up.send("1")
		up.wantEnd(0)
		w.poll()
		w.do("GET", "EIO=4&transport=polling", "", "").wantError(t, 503, engineio.Forbidden)
		ws.send("1")
		ws.wantEnd(0)
		w.ended(engineio.TransportClose, engineio.TransportClose)
		w.dial("").next()
	})
}

func TestErrorsHaveWords(t *testing.T) {
	for code := engineio.UnknownTransport; code <= engineio.UnsupportedVersion; code++ {
		if s := code.String(); strings.Contains(s, "ErrorCode") {
			t.Errorf("%d is %s", code, s)
		}
	}
	if _, err := json.Marshal(engineio.ErrorCode(99).String()); err != nil {
		t.Error(err)
	}
}
