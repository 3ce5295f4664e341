package main

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-4a326f83/parley/websocket"
)

func TestAddressesThatAreUnderstood(t *testing.T) {
	for address, want := range map[string]string{
		"ws://h/p?q=1":         "ws://h/p?q=1",
		"wss://h":              "wss://h",
		"http://h":             "http://h",
		"https://h":            "https://h",
		"localhost:8080/ws":    "ws://localhost:8080/ws",
		"example.com":          "ws://example.com",
		"[::1]:80/x":           "ws://[::1]:80/x",
		"ftp://h":              "error: the address begins with ftp://",
		"ws://":                "error: the address ws:// names no host",
		"":                     "error: the address ws:// names no host",
		"ws://h:port":          "error: the address is malformed",
		"127.0.0.1:1/\x7fpath": "error: the address is malformed",
	} {
		u, err := target(address)
		want, bad := strings.CutPrefix(want, "error: ")
		if bad && (err == nil || !strings.HasPrefix(err.Error(), want)) || !bad && (err != nil || u.String() != want) {
			t.Errorf("target(%q) = %v, %v; want %q", address, u, err, want)
		}
	}
}

func TestHeadersAndSubprotocolsAreSent(t *testing.T) {
	address := newServer(t, &websocket.AcceptOptions{Subprotocols: []string{"b"}}, func(ctx context.Context, conn *websocket.Conn, r *http.Request) {
		for _, s := range []string{r.Header.Get("X-One"), strings.Join(r.Header["X-Two"], "+"), r.Host, r.Header.Get("Sec-WebSocket-Protocol"), conn.Subprotocol()} {
			conn.Write(ctx, websocket.MessageText, []byte(s))
		}
		conn.Close(websocket.StatusNormalClosure, "")
	})
	got, err := pipeFrom(t, &connectCmd{
		URL:         address,
		Header:      []string{"X-One: a, b:c", "x-two:1", "X-Two: 2", "Host: other.example"},
		Subprotocol: []string{"a", "b"},
	}, stay(t))
	if want := "a, b:c\n1+2\nother.example\na, b\nb\n"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	refuse := func(status int, says string) string {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, says)
		}))
		t.Cleanup(srv.Close)
		return srv.URL
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)

	for _, test := range []struct {
		name string
		c    connectCmd
		want []string
	}{
		{"nobody listens", connectCmd{URL: free.Addr().String()}, []string{"nothing listens at " + free.Addr().String()}},
		{"401", connectCmd{URL: refuse(401, "")}, []string{"answered 401 (Unauthorized)", "Authorization"}},
		{"403", connectCmd{URL: refuse(403, "wrong origin\x1b[2J\n")}, []string{"answered 403 (Forbidden)", "Origin", `It says: "wrong origin\x1b[2J"`}},
		{"404", connectCmd{URL: refuse(404, "<html>")}, []string{"answered 404 (Not Found)", "check the path"}},
		{"503", connectCmd{URL: refuse(503, "")}, []string{"answered 503", "try again later"}},
		{"200", connectCmd{URL: refuse(200, "")}, []string{"answered 200 (OK)", "no WebSocket address"}},
		{"unknown certificate", connectCmd{URL: secure.URL}, []string{"cannot be trusted", "--insecure"}},
		{"no TLS there", connectCmd{URL: strings.Replace(refuse(200, ""), "http", "wss", 1)}, []string{"does not speak TLS", "ws://"}},
		{"bad header", connectCmd{URL: "h", Header: []string{"nonsense"}}, []string{`--header "nonsense"`, "NAME: VALUE"}},
		{"bad subprotocol", connectCmd{URL: "h", Subprotocol: []string{"a b"}}, []string{`"a b"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := test.c.dial(t.Context(), nil)
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "<html>") {
					t.Errorf("got %v, want %q", err, want)
				}
			}
		})
	}

	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := (&connectCmd{URL: secure.URL}).dial(ctx, nil); err == nil || !strings.Contains(err.Error(), "interrupted") {
			t.Errorf("got %v", err)
		}
	})
}

func TestInsecureConnectsToAnyCertificate(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, err := websocket.Accept(w, r, nil); err == nil {
			conn.Write(r.Context(), websocket.MessageText, []byte("in"))
			conn.Close(websocket.StatusNormalClosure, "")
		}
	}))
	defer srv.Close()
	got, err := pipeFrom(t, &connectCmd{URL: srv.URL, Insecure: true}, stay(t))
	if err != nil || got != "in\n" {
		t.Errorf("got %q, %v", got, err)
	}
}
