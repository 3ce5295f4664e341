package server_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/hub"
	"github.com/seed-4a326f83/parley/server"
	"github.com/seed-4a326f83/parley/sqlite"
)

// options change a test's server from its defaults.
type options struct {
	limits    chat.Limits
	noGuests  bool
	setup     parley.SessionToken // makes the first admin; "": nobody becomes it
	verify    func(context.Context, string) (parley.Claims, error)
	heartbeat chat.Heartbeat
	config    server.Config
	bus       *hub.Bus // nil: one of its own. It is closed with the server
}

// chat returns a chat as the options have it.
func (o options) chat(store parley.Store, bus parley.Bus) *chat.Chat {
	return chat.New(chat.Config{Store: store, Bus: bus, Guests: !o.noGuests, Verify: o.verify, Limits: o.limits, Heartbeat: o.heartbeat, Log: o.config.Log})
}

// newServer returns a server on a store of its own, which ends with the test.
func newServer(t *testing.T, o options) *server.Server {
	t.Helper()
	store, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "parley.db"))
	if err != nil {
		t.Fatal(err)
	}
	bus := o.bus
	if bus == nil {
		bus = hub.NewBus(1024)
	}
	if o.setup != "" {
		ticket := parley.Ticket{Hash: o.setup.Hash(), ID: "setup", Uses: 1, Expires: time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)}
		if err := store.CreateTicket(context.Background(), ticket); err != nil {
			t.Fatal(err)
		}
	}
	o.config.Chat = o.chat(store, bus)
	s := server.New(o.config)
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("shutting down: %v", err)
		}
		bus.Close()
		if err := store.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return s
}

// startServer returns the http URL of a server that ends with the test.
func startServer(t *testing.T, o options) string {
	t.Helper()
	s := newServer(t, o)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return h.URL
}

// dial opens a connection that ends with the test.
func dial(t *testing.T, f framing, base string) wire {
	t.Helper()
	conn, _, err := f.dial(t.Context(), nil, base, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return conn
}

// bubble runs a test over each framing against a server inside a bubble of
// testing/synctest, over connections in memory, so that its clock is the test's.
func bubble(t *testing.T, o options, test func(t *testing.T, b *bubbleServer)) {
	t.Helper()
	onEach(t, func(t *testing.T, f framing) { bubbleOver(t, f, o, test) })
}

// bubbleOver is bubble for one framing.
func bubbleOver(t *testing.T, f framing, o options, test func(t *testing.T, b *bubbleServer)) {
	path := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(time.Minute) // socketio's goroutines stay a little while when they are idle
		store, err := sqlite.Open(context.Background(), filepath.Join(path, "parley.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		bus := hub.NewBus(1024)
		defer bus.Close()
		o.config.Chat = o.chat(store, bus)
		b := &bubbleServer{t: t, Server: server.New(o.config), framing: f, accept: make(chan net.Conn), closed: make(chan struct{})}
		b.client = &http.Client{Transport: &http.Transport{
			DialContext: func(context.Context, string, string) (net.Conn, error) { return b.connect() },
		}}
		defer b.client.CloseIdleConnections()
		// As in cmd/parley.
		h := &http.Server{Handler: b.Server, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second}
		go h.Serve(b)
		defer h.Close()
		defer b.Shutdown(context.Background())
		test(t, b)
	})
}

// A bubbleServer is a server and the net.Listener it listens on.
type bubbleServer struct {
	t *testing.T
	*server.Server
	framing framing
	client  *http.Client
	accept  chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (b *bubbleServer) Accept() (net.Conn, error) {
	select {
	case c := <-b.accept:
		return c, nil
	case <-b.closed:
		return nil, net.ErrClosed
	}
}

func (b *bubbleServer) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

func (b *bubbleServer) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080} }

// connect returns the client's end of a connection.
func (b *bubbleServer) connect() (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case b.accept <- loopbackConn{server}:
		return client, nil
	case <-b.closed: // somebody polls on
		return nil, net.ErrClosed
	}
}

// A loopbackConn says that it comes from loopback.
type loopbackConn struct{ net.Conn }

func (loopbackConn) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 50000}
}

// dial opens a connection over the bubble's framing.
func (b *bubbleServer) dial() wire {
	b.t.Helper()
	conn, _, err := b.framing.dial(b.t.Context(), b.client, "http://localhost", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return conn
}

// openIO opens a connection of Engine.IO over the bubble's framing.
func (b *bubbleServer) openIO(header http.Header) *ioClient {
	b.t.Helper()
	c, _, err := openIO(b.t.Context(), b.framing, b.client, "http://localhost", header)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// raw opens a connection of the plain gateway, of which the test sees the bytes.
func (b *bubbleServer) raw() (net.Conn, *bufio.Reader) {
	b.t.Helper()
	conn, err := b.connect()
	if err != nil {
		b.t.Fatal(err)
	}
	go conn.Write([]byte("GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"))
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		b.t.Fatalf("the handshake: %v, %v", resp, err)
	}
	return conn, r
}

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

func mustURLs(all ...string) (urls []*url.URL) {
	for _, s := range all {
		urls = append(urls, mustURL(s))
	}
	return urls
}
