// Package inmemory lets the tests of the examples talk to their handlers without a network, within testing/synctest, which
// stands for the clock.
package inmemory

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/seed-4a326f83/parley/websocket"
)

// A Server serves a handler until the test ends.
type Server struct {
	t        testing.TB
	listener listener
}

// Serve starts a server.
func Serve(t testing.TB, handler http.Handler) *Server {
	server := &http.Server{Handler: handler}
	s := ServeBare(t, server.Serve)
	t.Cleanup(func() { server.Close() })
	return s
}

// ServeBare starts a server that needs no handler, and returns when its listener is closed.
func ServeBare(t testing.TB, serve func(net.Listener) error) *Server {
	s := &Server{t, listener{make(chan net.Conn), make(chan struct{}), new(sync.Once)}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve(s.listener)
	}()
	t.Cleanup(func() {
		s.listener.Close()
		<-done
	})
	return s
}

// Options are those to dial the server with.
func (s *Server) Options() *websocket.DialOptions {
	return &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{DialContext: s.listener.dial}}}
}

// Dial connects to the handler, and waits until that has nothing more to do. The connection is closed when the test ends. A
// write to it returns when the server has read it, and the other way round.
func (s *Server) Dial(path string, o *websocket.DialOptions) *websocket.Conn {
	s.t.Helper()
	var options websocket.DialOptions
	if o != nil {
		options = *o
	}
	options.HTTPClient = s.Options().HTTPClient
	conn, _, err := websocket.Dial(context.Background(), "ws://example"+path, &options)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.CloseNow() })
	synctest.Wait()
	return conn
}

// listener is a net.Listener of pipes.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   *sync.Once
}

func (l listener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l listener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "pipe"} }
