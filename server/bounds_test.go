package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/hub"
	"github.com/seed-4a326f83/parley/server"
	"github.com/seed-4a326f83/parley/websocket"
)

// A site is a server as people reach it: over HTTP, or over TLS.
type site struct {
	t       *testing.T
	base    string
	client  *http.Client
	framing framing
}

// onAll runs a test over each framing against a server over HTTP, and another
// one over TLS.
func onAll(t *testing.T, o func() options, test func(t *testing.T, s *site)) {
	t.Helper()
	onEach(t, func(t *testing.T, f framing) {
		onBoth(t, o, func(t *testing.T, s *site) {
			s.framing = f
			test(t, s)
		})
	})
}

// onBoth runs a test against a server over HTTP, and another one over TLS.
func onBoth(t *testing.T, o func() options, test func(t *testing.T, s *site)) {
	t.Helper()
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			h := httptest.NewUnstartedServer(newServer(t, o()))
			if scheme == "https" {
				h.StartTLS()
			} else {
				h.Start()
			}
			t.Cleanup(h.Close)
			test(t, &site{t, h.URL, h.Client(), plain})
		})
	}
}

// browser returns a browser that trusts the site.
func (s *site) browser() *browser {
	b := newBrowser(s.t, s.base)
	b.client.Transport = s.client.Transport
	return b
}

// connect opens a connection, from a client whose address a proxy tells.
func (s *site) connect(header http.Header) (wire, *http.Response, error) {
	return s.framing.dial(s.t.Context(), s.client, s.base, header)
}

// enter returns a connection that has said hello, and the session it was given.
func (s *site) enter(hello string) (c *side, session string) {
	s.t.Helper()
	conn, _, err := s.connect(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.CloseNow() })
	c = newSide(s.t, conn)
	ack := c.ask(hello)
	if !strings.Contains(ack, `"type":"ack"`) {
		s.t.Fatalf("%s: %s", hello, ack)
	}
	_, session, _ = strings.Cut(ack, `"session":"`)
	session, _, _ = strings.Cut(session, `"`)
	return c, session
}

// never is a rate at which nothing is given back while a test runs.
const never = 1e-6

// TestRatesAreBounded passes each rate of what people send: so many are answered,
// and the next is told when to come again. A person's connections share theirs.
func TestRatesAreBounded(t *testing.T) {
	limits := chat.Limits{
		PublishRate: never, PublishBurst: 3, SignalRate: never, SignalBurst: 2,
		JoinRate: never, JoinBurst: 2, Connections: 16,
	}
	onAll(t, func() options { return options{limits: limits} }, func(t *testing.T, s *site) {
		first, session := s.enter(`{"type":"hello","name":"ann"}`)
		other, _ := s.enter(`{"type":"hello","name":"ben"}`)
		n := 0
		pass := func(c *side, what string, most int, request func(n int) string) {
			t.Helper()
			for range most {
				n++
				if got := c.ask(request(n)); !strings.Contains(got, `"type":"ack"`) {
					t.Fatalf("%s, within the rate: %s", what, got)
				}
			}
			n++
			got := c.ask(request(n))
			if !strings.Contains(got, `"code":"rate_limited"`) || !strings.Contains(got, `"retry_after":`) {
				t.Errorf("%s, over the rate: %s", what, got)
			}
		}
		pass(first, "joining", 2, func(n int) string { return fmt.Sprintf(`{"type":"join","room":"room-%d"}`, n) })
		first.ask(`{"type":"join","room":"room-1"}`) // coming back is not limited
		if got := other.ask(`{"type":"join","room":"room-1"}`); !strings.Contains(got, `"type":"ack"`) {
			t.Errorf("another person's joining: %s", got)
		}
		for range 3 { // what a person's connections share is three times a connection's
			pass(first, "publishing", 3, func(n int) string {
				return fmt.Sprintf(`{"type":"publish","room":"room-1","id":"%d","body":{"text":"hi"}}`, n)
			})
			pass(first, "signalling", 2, func(int) string { return `{"type":"signal","room":"room-1","kind":"typing"}` })
			first, _ = s.enter(`{"type":"hello","session":"` + session + `"}`)
		}
		got := first.ask(`{"type":"publish","room":"room-1","id":"last","body":{"text":"hi"}}`)
		if !strings.Contains(got, `"code":"rate_limited"`) {
			t.Errorf("publishing with a fourth connection: %s", got)
		}
		if got := first.ask(`{"type":"signal","room":"room-1","kind":"typing"}`); !strings.Contains(got, `"code":"rate_limited"`) {
			t.Errorf("signalling with a fourth connection: %s", got)
		}
	})
}

// TestConnectionsAreBounded passes each bound on connections: of a person, of an
// address, how fast an address opens them, and in all.
func TestConnectionsAreBounded(t *testing.T) {
	from := func(addr string) http.Header { return http.Header{"X-Forwarded-For": {addr}} }
	start := func(limits server.Limits) func() options {
		return func() options {
			return options{
				limits: chat.Limits{Connections: 2},
				config: server.Config{Limits: limits, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
			}
		}
	}
	refused := func(t *testing.T, s *site, header http.Header) {
		t.Helper()
		conn, resp, err := s.connect(header)
		if err == nil {
			conn.CloseNow()
			t.Fatal("one connection too many was let in")
		}
		if resp == nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
			t.Errorf("one too many: %v, %v; want 503 and Retry-After", resp, err)
		}
	}
	granted := func(t *testing.T, s *site, header http.Header) wire {
		t.Helper()
		conn, _, err := s.connect(header)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.CloseNow() })
		return conn
	}
	t.Run("of a person", func(t *testing.T) {
		onAll(t, start(server.Limits{}), func(t *testing.T, s *site) {
			_, session := s.enter(`{"type":"hello","name":"ann"}`)
			s.enter(`{"type":"hello","session":"` + session + `"}`)
			third := newSide(t, granted(t, s, nil))
			third.send(websocket.MessageText, `{"type":"hello","ref":1,"session":"`+session+`"}`)
			third.hear(`"code":"unavailable"`)
			third.hear(`"retry_after":`)
			third.ends(4030)
			s.enter(`{"type":"hello","name":"ben"}`)
		})
	})
	t.Run("of an address", func(t *testing.T) {
		onAll(t, start(server.Limits{PerAddress: 2}), func(t *testing.T, s *site) {
			for range 2 {
				granted(t, s, from("192.0.2.1"))
			}
			refused(t, s, from("192.0.2.1"))
			refused(t, s, from("203.0.113.9, 192.0.2.1")) // what a client says of itself is not believed
			granted(t, s, from("192.0.2.2"))
		})
	})
	t.Run("opened by an address", func(t *testing.T) {
		onAll(t, start(server.Limits{HandshakeRate: never, HandshakeBurst: 2}), func(t *testing.T, s *site) {
			for range 2 {
				granted(t, s, from("192.0.2.1")).CloseNow()
			}
			refused(t, s, from("192.0.2.1"))
			granted(t, s, from("192.0.2.2"))
		})
	})
	t.Run("in all", func(t *testing.T) {
		onAll(t, start(server.Limits{Connections: 2}), func(t *testing.T, s *site) {
			for _, addr := range []string{"192.0.2.1", "192.0.2.2"} {
				granted(t, s, from(addr))
			}
			refused(t, s, from("192.0.2.3"))
			refused(t, s, nil) // loopback too
		})
	})
}

// TestCallsAreBoundedByPersonAndAddress passes the rate of the HTTP API.
func TestCallsAreBoundedByPersonAndAddress(t *testing.T) {
	o := func() options {
		return options{verify: tokens, config: server.Config{
			Limits:         server.Limits{CallRate: never, CallBurst: 2},
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		}}
	}
	onBoth(t, o, func(t *testing.T, s *site) {
		b := s.browser()
		for _, test := range []struct{ header, who, path string }{
			{"X-Forwarded-For", "192.0.2.1", "/api/config"},
			{"X-Forwarded-For", "192.0.2.2", "/api/config"},
			{"Authorization", "Bearer good.of.ann", "/api/me"},
			{"Authorization", "Bearer good.of.ben", "/api/me"},
		} {
			b.header = http.Header{test.header: {test.who}}
			for range 2 {
				b.get("GET", test.path, "")
			}
			b.refused(429, "rate_limited", "GET", test.path, "")
		}
		b.header = http.Header{}
		for range 5 { // oneself, on one's own machine
			b.get("GET", "/api/config", "")
		}
	})
}

// TestOriginAndHostWithCookies calls and connects with a session's cookie as
// pages of others could have a browser do.
func TestOriginAndHostWithCookies(t *testing.T) {
	o := func() options {
		return options{noGuests: true, setup: "first", config: server.Config{
			SignIns:      server.SignIns{Accounts: true},
			AllowOrigins: mustURLs("https://intranet.example"),
		}}
	}
	onBoth(t, o, func(t *testing.T, s *site) {
		ann := s.browser()
		ann.get("POST", "/api/setup", `{"token":"first","name":"ann","password":"correct horse"}`)
		at, _ := url.Parse(s.base)
		cookie := ann.client.Jar.Cookies(at)[0]
		if secure := strings.HasPrefix(cookie.Name, "__Host-"); secure != (at.Scheme == "https") {
			t.Errorf("the cookie is called %s", cookie.Name)
		}
		other := "https"
		if at.Scheme == "https" {
			other = "http"
		}
		for _, test := range []struct {
			what, origin, host  string
			upgrade, poll, call int
		}{
			{"its own", s.base, "", 101, 200, 200},
			{"one that is allowed", "https://intranet.example", "", 101, 200, 200},
			{"none", "", "", 403, 200, 400},
			{"another site's", "https://evil.example", "", 403, 403, 404},
			{"null", "null", "", 403, 403, 404},
			{"another scheme", other + "://" + at.Host, "", 403, 403, 404},
			{"another port", at.Scheme + "://127.0.0.1:1", "", 403, 403, 404},
			{"one that begins alike", s.base + ".evil.example", "", 403, 403, 404},
			{"a foreign Host", s.base, "evil.example", 421, 421, 421},
			{"a name rebound to us", "http://evil.example", "evil.example", 421, 421, 421},
		} {
			for call, want := range map[string]int{
				"GET /ws": test.upgrade, "GET /socket.io/?EIO=4&transport=websocket": test.upgrade,
				"GET /socket.io/?EIO=4&transport=polling": test.poll, "POST /api/invites": test.call,
			} {
				method, path, _ := strings.Cut(call, " ")
				req, _ := http.NewRequestWithContext(t.Context(), method, s.base+path, strings.NewReader(`{}`))
				switch {
				case method == "POST":
					req.Header.Set("Content-Type", "application/json")
				case !strings.Contains(path, "polling"):
					req.Header = upgradeHeader()
					fallthrough
				default:
					req.Body, req.ContentLength = nil, 0
				}
				req.Header.Set("Cookie", cookie.Name+"="+cookie.Value)
				if test.origin != "" {
					req.Header.Set("Origin", test.origin)
				}
				if req.Host = test.host; test.host == "" {
					req.Host = at.Host
				}
				resp, err := s.client.Transport.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != want {
					t.Errorf("an Origin of %s: %s %s, want %d", test.what, call, resp.Status, want)
				}
			}
		}
	})
}

// TestSlowReadersAreEnded has somebody read nothing while much is said: they are
// told why and to come back, and who reads has it all.
func TestSlowReadersAreEnded(t *testing.T) {
	var bus *hub.Bus
	start := func() options {
		bus = hub.NewBus(1024)
		return options{bus: bus, limits: chat.Limits{Connections: 16}}
	}
	onBoth(t, start, func(t *testing.T, s *site) {
		slow, _, err := s.connect(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer slow.CloseNow()
		enter(t, slow, "slow")
		quick, _ := s.enter(`{"type":"hello","name":"quick"}`)
		quick.ask(`{"type":"join","room":"lobby"}`)
		body := json.RawMessage(`"` + strings.Repeat("x", 60_000) + `"`)
		const messages = 250 // 15 MB: more than the kernel holds for who does not read
		for seq := range int64(messages) {
			// Straight to the hub: who reads nothing for long is dropped without a word.
			if err := bus.Publish(t.Context(), parley.News{Message: &parley.Message{Room: "lobby", Seq: seq + 1, ID: "m", Kind: "x-big", Body: body}}); err != nil {
				t.Fatal(err)
			}
			quick.hear(fmt.Sprintf(`"room":"lobby","seq":%d,`, seq+1))
		}
		for last := ""; ; {
			_, data, err := slow.Read(t.Context())
			if err != nil {
				if websocket.CloseStatus(err) != 1013 || !strings.HasPrefix(last, `{"type":"bye","code":1013`) || !strings.Contains(last, `"retry_after":`) {
					t.Errorf("who read nothing ended with %v, after %.100s", err, last)
				}
				return
			}
			last = string(data)
		}
	})
}
