package engineio

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

// A Handler is called with what happens to sessions. One Handler may serve any number of them.
//
// For one session, calls come one after the other, OnOpen is the first and OnClose the last. They may block: that keeps back
// what comes after on that session, and nothing on others.
type Handler interface {
	// OnOpen is called when a session begins.
	OnOpen(s *Session)
	// OnMessage is called with each message. data is good until OnMessage returns: copy what is to be kept.
	OnMessage(s *Session, typ websocket.MessageType, data []byte)
	// OnClose is called once, when the session has ended; without OnOpen, if the handshake failed after AllowRequest had
	// allowed it.
	OnClose(s *Session, reason Reason)
}

// A Server holds sessions, and is the http.Handler of the path that their requests go to, "/engine.io/" by convention.
// Any number of goroutines may use it.
type Server struct {
	opts    Options
	handler Handler
	accept  websocket.AcceptOptions
	epoch   time.Time

	parkAfter time.Duration // the constant, but for tests

	mu       sync.Mutex
	sessions map[string]*Session
	polling  int // how many of them are
	closed   bool
}

// NewServer returns a server whose sessions h handles. opts may be nil.
func NewServer(opts *Options, h Handler) *Server {
	s := &Server{opts: opts.withDefaults(), handler: h, epoch: time.Now(), parkAfter: parkAfter, sessions: make(map[string]*Session)}
	s.accept = websocket.AcceptOptions{
		InsecureSkipVerify:   true, // checkOrigin has, for both transports alike
		KeepaliveInterval:    -1,   // the protocol has pings of its own
		SendLimit:            s.opts.SendLimit,
		CompressionMode:      s.opts.CompressionMode,
		CompressionThreshold: s.opts.CompressionThreshold,
	}
	return s
}

// Sessions returns how many sessions there are.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Close ends all sessions, and refuses new ones. Clients see that the transport was closed, and come back by themselves. It
// does not wait for OnClose of the sessions.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	all := make([]*Session, 0, len(s.sessions))
	for _, session := range s.sessions {
		all = append(all, session)
	}
	s.mu.Unlock()
	for _, session := range all {
		session.end(ServerShutdown)
	}
	return nil
}

// now is a clock that goes on steadily.
func (s *Server) now() time.Duration { return time.Since(s.epoch) }

// ServeHTTP answers the requests of all sessions. It does not look at their path.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.checkOrigin(w, r) {
		refuseWith(w, http.StatusForbidden, Forbidden, "Pages of this origin may not connect here, unless the server is told to allow them")
		return
	}
	if r.Method == http.MethodOptions {
		preflight(w, r)
		return
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		refuse(w, BadRequest)
		return
	}
	transport := Transport(query.Get("transport"))
	if !slices.Contains(s.opts.Transports, transport) {
		refuse(w, UnknownTransport)
		return
	}
	is4 := query.Get("EIO") == "4"
	// A proxy or a client may ask for other upgrades; they are not for us.
	upgrade := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	if (transport == WebSocket) != upgrade {
		// Also a WebSocket handshake is GET only, which is what a client with another method should hear first.
		if query.Get("sid") == "" && r.Method != http.MethodGet {
			refuse(w, BadHandshakeMethod)
		} else {
			refuse(w, BadRequest)
		}
		return
	}
	if sid := query.Get("sid"); sid != "" {
		session := s.find(sid)
		switch {
		case session == nil:
			refuse(w, UnknownSession)
		case !is4: // it was 4 to begin with
			refuse(w, BadRequest)
		case transport == WebSocket && r.Method == http.MethodGet:
			session.serveUpgrade(w, r)
		case r.Method == http.MethodGet:
			session.servePoll(w, r)
		case r.Method == http.MethodPost && transport == Polling:
			session.servePost(w, r)
		default:
			refuse(w, BadRequest)
		}
		return
	}
	switch {
	case r.Method != http.MethodGet:
		refuse(w, BadHandshakeMethod)
	case !is4:
		refuse(w, UnsupportedVersion)
	default:
		s.open(w, r, transport)
	}
}

// open begins a session.
func (s *Server) open(w http.ResponseWriter, r *http.Request, transport Transport) {
	session := newSession(s, transport)
	if err := s.add(session); err != nil {
		refuseFor(w, err)
		return
	}
	if err := s.ask(session, r); err != nil {
		refuseFor(w, err)
		return
	}
	if c := s.opts.Cookie; c != nil {
		named := *c
		named.Value = session.id
		if named.Path == "" {
			named.Path = "/"
		}
		http.SetCookie(w, &named)
	}
	if transport == Polling {
		session.openPolling(w)
	} else {
		session.openWebSocket(w, r)
	}
}

// ask asks AllowRequest about a session. There is none if it returns an error, or panics.
func (s *Server) ask(session *Session, r *http.Request) (err error) {
	if s.opts.AllowRequest == nil {
		return nil
	}
	allowed := false
	defer func() {
		if !allowed {
			s.remove(session, session.polling != nil)
		}
	}()
	session.value, err = s.opts.AllowRequest(r)
	allowed = err == nil
	return err
}

func (s *Server) find(sid string) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[sid]
}

// add makes room for a session, or returns why there is none.
func (s *Server) add(session *Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	polling := session.polling != nil
	switch {
	case s.closed:
		return goingAway
	case s.opts.MaxSessions >= 0 && len(s.sessions) >= s.opts.MaxSessions,
		polling && s.opts.MaxPolling >= 0 && s.polling >= s.opts.MaxPolling:
		return tooMany
	}
	s.sessions[session.id] = session
	if polling {
		s.polling++
	}
	return nil
}

func (s *Server) remove(session *Session, polling bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[session.id] != session {
		return
	}
	delete(s.sessions, session.id)
	if polling {
		s.polling--
	}
}

// upgraded notes that a session is not polling any more.
func (s *Server) upgraded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.polling--
}
