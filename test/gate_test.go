package test

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"testing"
)

// A gate is a web proxy in front of a server, as companies and hotels have
// them. Requests pass. What becomes of an upgrade is set by let:
//
//	pass       it goes through
//	hang       it is never answered
//	swallow    it is answered 101, and what it carries goes nowhere
//	403, ...   it is refused with this status
type gate struct {
	url     string
	forward http.Handler

	mu       sync.Mutex
	upgrades string
	seen     seen
}

// seen is what came to a gate: upgrades that it let through, those that it did
// not, and requests of long-polling.
type seen struct {
	Passed  int `json:"passed"`
	Stopped int `json:"stopped"`
	Polls   int `json:"polls"`
}

func newGate(t testing.TB, target, upgrades string) (*gate, error) {
	t.Helper()
	g := &gate{}
	if err := g.let(upgrades); err != nil {
		return nil, err
	}
	g.forward = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: target})
			r.Out.Host = r.In.Host
		},
		ErrorLog: log.New(io.Discard, "", 0), // servers are killed behind it
	}
	srv := httptest.NewServer(g)
	t.Cleanup(func() {
		srv.CloseClientConnections() // upgrades that hang
		srv.Close()
	})
	g.url = srv.URL
	return g, nil
}

func (g *gate) let(upgrades string) error {
	switch upgrades {
	case "pass", "hang", "swallow":
	default:
		if status, err := strconv.Atoi(upgrades); err != nil || http.StatusText(status) == "" {
			return fmt.Errorf("a gate cannot %q upgrades", upgrades)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.upgrades = upgrades
	return nil
}

func (g *gate) saw() seen {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seen
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch what := g.look(r); what {
	case "pass":
		g.forward.ServeHTTP(w, r)
	case "hang":
		<-r.Context().Done()
	case "swallow":
		swallow(w, r)
	default:
		status, _ := strconv.Atoi(what) // let has checked it
		http.Error(w, "No upgrades here.", status)
	}
}

// look counts a request and says what becomes of it.
func (g *gate) look(r *http.Request) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case r.Header.Get("Upgrade") == "":
		if r.URL.Path == "/socket.io/" {
			g.seen.Polls++
		}
		return "pass"
	case g.upgrades == "pass":
		g.seen.Passed++
	default:
		g.seen.Stopped++
	}
	return g.upgrades
}

// swallow accepts a WebSocket (RFC 6455, section 4.2.2), and never says
// anything on it.
func swallow(w http.ResponseWriter, r *http.Request) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	key := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(key[:]), r.Header.Get("Sec-WebSocket-Protocol"))
	io.Copy(io.Discard, buffered)
}
