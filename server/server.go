// Package server is Parley over HTTP: the page, the gateways that carry the
// words of package chat, and what is checked before any of them is heard. It is
// an [http.Handler] that can be mounted in a server of one's own.
package server

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/socketio"
)

// Config is what a [Server] is made of. Chat is required.
type Config struct {
	Chat *chat.Chat
	// Page serves everything that is not Parley's own path; nil: 404.
	Page http.Handler
	// PublicURL is the address under which people reach the server, where that
	// is not the one it listens on: its host is believed in Host, its origin in
	// Origin. nil: there is none.
	PublicURL *url.URL
	// AllowOrigins are those of other sites' pages that may use this server
	// besides its own, each a scheme and a host, and a port where it is not the
	// scheme's.
	AllowOrigins []*url.URL
	// TrustedProxies are believed in what they say of where a request came from.
	TrustedProxies []netip.Prefix
	// SignIns is how people come in, besides as guests ([chat.Config.Guests]) and
	// with tokens ([chat.Config.Verify]).
	SignIns SignIns
	// Limits are the bounds on connections. Zero: [DefaultLimits].
	Limits Limits
	// Log hears of connections that were ended, and why; never of payloads. nil:
	// slog.Default().
	Log *slog.Logger
}

// SignIns is how people come in.
type SignIns struct {
	Accounts bool  // by a name and a password; see [chat.SetupTicket] for the first
	OIDC     *OIDC // by a provider of OpenID Connect; nil: none
}

// A Server answers HTTP. It is safe for concurrent use.
type Server struct {
	chat      *chat.Chat
	guard     guard
	admission *admission
	calls     *rates
	log       *slog.Logger

	signIns        SignIns
	trustedProxies []netip.Prefix
	mux            *http.ServeMux
	io             *socketio.Server
	prepare        func(*parley.Event) any // for io; see parley.Event.Framed

	// reading ends when requests are not read any more.
	reading     context.Context
	stopReading context.CancelFunc

	mu       sync.Mutex
	first    *conn // of a list of those that are open
	count    int
	draining bool
	idle     chan struct{} // closed when draining and the last connection has gone
	gone     sync.Once
}

// New returns a server. Shut it down with [Server.Shutdown].
func New(c Config) *Server {
	if c.Limits == (Limits{}) {
		c.Limits = DefaultLimits()
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Page == nil {
		c.Page = http.NotFoundHandler()
	}
	s := &Server{
		chat:      c.Chat,
		guard:     guard{publicURL: c.PublicURL, allowed: c.AllowOrigins},
		admission: newAdmission(c.Limits),
		calls:     newRates(c.Limits.CallRate, c.Limits.CallBurst),
		log:       c.Log,
		signIns:   c.SignIns,

		trustedProxies: c.TrustedProxies,
		mux:            http.NewServeMux(),
		idle:           make(chan struct{}),
	}
	s.reading, s.stopReading = context.WithCancel(context.Background())
	s.mux.HandleFunc("GET /healthz", s.health)
	s.mux.HandleFunc("/ws", s.servePlain)
	s.io, s.prepare = newSocketIO(s)
	s.mux.Handle("/socket.io/{$}", s.io)
	s.mux.Handle("/socket.io", s.io) // some clients leave the slash out
	s.routeAPI()
	s.mux.Handle("/", c.Page)
	return s
}

// ServeHTTP refuses what the guard refuses, then routes.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.guard.checkRequest(r); err != nil {
		err.write(w)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// health tells a load balancer whether to send people here.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	draining := s.draining
	s.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if draining {
		w.WriteHeader(http.StatusServiceUnavailable)
		w.Write([]byte("the server restarts\n"))
		return
	}
	w.Write([]byte("ok\n"))
}

// Shutdown takes no more connections, answers what was asked, then tells every
// client to come back, each at another moment, and closes. It returns when all
// are gone, or with ctx's error; the chat is closed then.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	conns := make([]*conn, 0, s.count)
	for c := s.first; c != nil; c = c.next {
		conns = append(conns, c)
	}
	s.idleLocked()
	s.mu.Unlock()

	s.stopReading()
	err := s.chat.Close(ctx) // every ack that is owed is queued now
	for _, c := range conns {
		c.out.end(restarting(len(conns)))
	}
	defer s.io.Close()
	select {
	case <-s.idle:
		return err
	case <-ctx.Done():
		for _, c := range conns {
			c.out.carrier.drop()
		}
		return ctx.Err()
	}
}

// restarting ends one of n connections, and says when to come back: each at
// another moment, about 500 a second in all, within 30 s.
func restarting(n int) parley.Ending {
	const soonest = 250 * time.Millisecond
	span := min(max(time.Duration(n)*2*time.Millisecond, 500*time.Millisecond), 30*time.Second)
	return parley.Ending{
		Code: parley.CloseRestart, Reason: "the server restarts",
		RetryAfter: (soonest + rand.N(span)).Truncate(time.Millisecond),
	}
}

// add counts a connection in, unless the server is closing.
func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	if c.next = s.first; c.next != nil {
		c.next.before = c
	}
	s.first = c
	s.count++
	return true
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case c.before != nil:
		c.before.next = c.next
	case s.first == c:
		s.first = c.next
	default:
		return // it was never added
	}
	if c.next != nil {
		c.next.before = c.before
	}
	s.count--
	s.idleLocked()
}

// idleLocked notes, once, that the last connection of a server that is closing
// has gone. s.mu is held.
func (s *Server) idleLocked() {
	if s.draining && s.count == 0 {
		s.gone.Do(func() { close(s.idle) })
	}
}

func (s *Server) noteEnd(e parley.Ending) {
	s.log.Info("a connection is ended", "code", e.Code, "reason", e.Reason)
}
