package server_test

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/hub"
	"github.com/seed-4a326f83/parley/server"
	"github.com/seed-4a326f83/parley/sqlite"
	"github.com/seed-4a326f83/parley/websocket"
)

// options change a test's server from its defaults.
type options struct {
	limits chat.Limits
	config server.Config
}

// newServer returns a server on a store of its own, which ends with the test.
func newServer(t *testing.T, o options) *server.Server {
	t.Helper()
	store, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "parley.db"))
	if err != nil {
		t.Fatal(err)
	}
	bus := hub.NewBus(1024)
	heartbeat := o.config.Heartbeat
	if heartbeat == (chat.Heartbeat{}) {
		heartbeat = server.DefaultHeartbeat
	}
	o.config.Chat = chat.New(chat.Config{Store: store, Bus: bus, Limits: o.limits, Heartbeat: heartbeat})
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

// dial opens a connection of the plain gateway that ends with the test.
func dial(t *testing.T, base string) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(base, "http")+"/ws", &websocket.DialOptions{
		Subprotocols: []string{server.PlainProtocol},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return conn
}
