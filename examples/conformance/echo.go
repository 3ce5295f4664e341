package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

// settings are what both roles have in common.
type settings struct {
	limit        int64
	maxFragments int
	event        bool // connections are given to Conn.Handle
	sendBuffer   int  // bytes that a socket takes to be sent; 0: as the system has it
}

func (s *settings) setMode(mode string) error {
	if mode != "blocking" && mode != "event" {
		return fmt.Errorf("--mode %q is not one of blocking and event", mode)
	}
	s.event = mode == "event"
	return nil
}

// ServeHTTP echoes on each connection until it ends.
func (s settings) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	options := s.acceptOptions()
	conn, err := websocket.Accept(w, r, &options)
	if err == nil {
		s.echo(conn, func() {})
	}
}

// serveBare does so without net/http.
func (s settings) serveBare(listener net.Listener) error {
	options := &websocket.UpgradeOptions{AcceptOptions: s.acceptOptions()}
	if s.event {
		return websocket.Serve(listener, options, func(conn *websocket.Conn, _ *websocket.UpgradeRequest) websocket.Handler {
			conn.SetReadLimit(s.limit)
			return echoHandler{func() {}}
		})
	}
	for {
		nc, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			if conn, err := websocket.Upgrade(nc, options); err == nil {
				s.echo(conn, func() {})
			}
		}()
	}
}

func (s settings) acceptOptions() websocket.AcceptOptions {
	return websocket.AcceptOptions{
		InsecureSkipVerify: true, // a suite may run in a page
		KeepaliveInterval:  -1,   // suites count every frame
		MaxFragments:       s.maxFragments,
		CompressionMode:    websocket.CompressionContextTakeover,
	}
}

// patience is for a peer to take an echo.
const patience = time.Minute

// echo sends back what comes until the connection ends, and then calls ended. In event mode it returns before that.
func (s settings) echo(conn *websocket.Conn, ended func()) {
	conn.SetReadLimit(s.limit)
	if s.event {
		if conn.Handle(echoHandler{ended}) != nil {
			conn.CloseNow()
			ended()
		}
		return
	}
	defer ended()
	defer conn.CloseNow()
	for {
		typ, message, err := conn.Read(context.Background())
		if err != nil {
			return // most cases end so: the suite closes, or breaks the protocol to see what happens
		}
		if write(conn, typ, message) != nil {
			return
		}
	}
}

func write(conn *websocket.Conn, typ websocket.MessageType, message []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return conn.Write(ctx, typ, message)
}

// An echoHandler is the event mode's echo.
type echoHandler struct{ ended func() }

func (echoHandler) OnMessage(conn *websocket.Conn, typ websocket.MessageType, message []byte) {
	if write(conn, typ, message) != nil {
		conn.CloseNow()
	}
}

func (h echoHandler) OnClose(*websocket.Conn, error) { h.ended() }

// narrow makes the buffer of a socket as small as is asked for, so that it is full soon.
func (s settings) narrow(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok && s.sendBuffer > 0 {
		tcp.SetWriteBuffer(s.sendBuffer)
	}
}

// A narrowListener is a listener whose connections have the buffer that is asked for.
type narrowListener struct {
	net.Listener
	settings
}

func (l narrowListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.narrow(conn)
	}
	return conn, err
}
