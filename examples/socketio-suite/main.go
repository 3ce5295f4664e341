// Command socketio-suite serves what the test suites of the Engine.IO (version 4) and Socket.IO (version 5) protocols talk
// to: at /engine.io/ an echo without Socket.IO, and at /socket.io/ Socket.IO, which tells clients what they sent to sign in, in
// two namespaces, and sends back the messages of the first.
package main

import (
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/seed-4a326f83/parley/socketio"
	"github.com/seed-4a326f83/parley/socketio/engineio"
	"github.com/seed-4a326f83/parley/websocket"
)

func main() {
	listen := flag.String("listen", ":3000", "`address` to listen on: by default all, of IPv6 and IPv4")
	flag.Parse()
	server := &http.Server{Addr: *listen, Handler: newHandler(), ReadHeaderTimeout: 5 * time.Second}
	log.Printf("listening on %s", *listen)
	log.Fatal(server.ListenAndServe())
}

func newHandler() http.Handler {
	options := engineio.Options{
		PingInterval: 300 * time.Millisecond,
		PingTimeout:  200 * time.Millisecond,
		MaxPayload:   1_000_000,
		AnyOrigin:    true, // the suites run in browsers, too
		Credentials:  true,
	}
	io := socketio.NewServer(&socketio.Options{Engine: options, ConnectTimeout: time.Second})
	io.On("connection", serve)
	io.Of("/custom").On("connection", welcome)

	mux := http.NewServeMux()
	mux.Handle("/engine.io/", engineio.NewServer(&options, echo{}))
	mux.Handle("/socket.io/", io)
	return mux
}

// aside is how long the event that follows the answer to a CONNECT is kept back: the suite listens for one message at a time,
// and does not hear the second of two that are read at once, as they are on a machine that is busy.
const aside = 50 * time.Millisecond

// welcome tells the client what it sent to sign in.
func welcome(socket *socketio.Socket) {
	time.Sleep(aside)
	socket.Emit("auth", socket.Handshake().Auth)
}

func serve(socket *socketio.Socket) {
	welcome(socket)
	socket.On("message", func(e *socketio.Event) {
		socket.Emit("message-back", e.Values()...)
	})
	socket.On("message-with-ack", func(e *socketio.Event) {
		e.Ack(e.Values()...)
	})
}

// An echo sends messages back, as what they came.
type echo struct{}

func (echo) OnOpen(*engineio.Session)                   {}
func (echo) OnClose(*engineio.Session, engineio.Reason) {}

func (echo) OnMessage(s *engineio.Session, typ websocket.MessageType, data []byte) {
	if typ == websocket.MessageText {
		s.Send(engineio.Text(data))
	} else {
		s.Send(engineio.Binary(data))
	}
}
