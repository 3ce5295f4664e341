package socketio

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley/socketio/engineio"
	"github.com/seed-4a326f83/parley/websocket"
)

// A Server is an http.Handler that Socket.IO clients connect to, at "/socket.io/" by convention. Its methods are those of its
// main namespace, "/", and some more. Any number of goroutines may use it.
type Server struct {
	*Namespace

	opts   Options
	log    *slog.Logger
	engine *engineio.Server
	crew   crew

	mu         sync.RWMutex
	namespaces map[string]*Namespace
}

// NewServer returns a server. opts may be nil.
func NewServer(opts *Options) *Server {
	io := &Server{namespaces: make(map[string]*Namespace)}
	if opts != nil {
		io.opts = *opts
	}
	if io.opts.ConnectTimeout == 0 {
		io.opts.ConnectTimeout = defaultConnectTimeout
	}
	if io.log = io.opts.Logger; io.log == nil {
		io.log = slog.Default()
	}
	io.Namespace = io.Of("/")
	engineOpts := io.opts.Engine
	engineOpts.AllowRequest = io.allow
	io.engine = engineio.NewServer(&engineOpts, (*below)(io))
	return io
}

// ServeHTTP answers the requests of all connections. It does not look at their path.
func (io *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { io.engine.ServeHTTP(w, r) }

// Of returns the namespace of that name, and makes it if there is none. A name begins with "/", which may be left out; what
// is behind a "?" does not belong to it.
func (io *Server) Of(name string) *Namespace {
	name, _, _ = strings.Cut(name, "?")
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	io.mu.Lock()
	defer io.mu.Unlock()
	n := io.namespaces[name]
	if n == nil {
		n = newNamespace(io, name)
		io.namespaces[name] = n
	}
	return n
}

func (io *Server) find(namespace string) *Namespace {
	io.mu.RLock()
	defer io.mu.RUnlock()
	return io.namespaces[namespace]
}

// Connections returns how many clients are connected, by whatever transport, to however many namespaces.
func (io *Server) Connections() int { return io.engine.Sessions() }

// Close ends all connections, and refuses new ones. Clients see that the transport was closed, and come back by themselves.
// It does not wait for the handlers that are told.
func (io *Server) Close() error {
	err := io.engine.Close()
	io.crew.close()
	return err
}

// allow is Engine.IO's AllowRequest.
func (io *Server) allow(r *http.Request) (any, error) {
	if handshakeSize(r) > maxHandshake {
		return nil, headerTooLarge
	}
	c := &client{server: io, handshake: newHandshake(r)}
	if io.opts.Engine.AllowRequest == nil {
		return c, nil
	}
	value, err := io.opts.Engine.AllowRequest(r)
	if err != nil {
		return nil, err
	}
	c.value = value
	return c, nil
}

// below handles what Engine.IO tells.
type below Server

func (b *below) OnOpen(s *engineio.Session) {
	c := s.Value().(*client)
	c.open(s)
	if b.opts.OnOpen != nil {
		defer b.recovered("OnOpen", s.Close)
		b.opts.OnOpen(c.value, s)
	}
}

// recovered is deferred where a function of the application's is called that no socket's handler is: its panic must not end
// the program. then is called after one.
func (b *below) recovered(name string, then func()) {
	if p := recover(); p != nil {
		b.log.Error("socketio: "+name+" panicked", "panic", p, "stack", string(debug.Stack()))
		then()
	}
}

func (*below) OnMessage(s *engineio.Session, typ websocket.MessageType, data []byte) {
	s.Value().(*client).receive(typ, data)
}

func (b *below) OnClose(s *engineio.Session, reason engineio.Reason) {
	c := s.Value().(*client)
	c.closed(reason)
	if b.opts.OnClose != nil {
		defer b.recovered("OnClose", func() {})
		b.opts.OnClose(c.value)
	}
}

// A Handshake tells how a socket's connection began.
type Handshake struct {
	Host       string // as asked for
	URI        string // as asked for: path and query
	RemoteAddr string // the network address of the client, or of a proxy
	Secure     bool   // it came over TLS, to this server
	Time       time.Time
	// Auth is what the client sent with the connection to the namespace: a JSON object.
	Auth json.RawMessage

	header string // as in HTTP: many fields are held by few, small pieces of memory
}

func newHandshake(r *http.Request) Handshake {
	var header strings.Builder
	r.Header.Write(&header) // to a strings.Builder: cannot fail
	return Handshake{
		Host: r.Host, URI: r.RequestURI, RemoteAddr: r.RemoteAddr, Secure: r.TLS != nil, Time: time.Now(),
		header: strings.Clone(header.String()), // without the room that the builder has left
	}
}
