// Command socketio is the Socket.IO work of the benchmarks done by Parley's socketio package: an "echo" event goes back to whom
// it came from, a "broadcast" event to all. Each is decoded and encoded anew, as a program would that looks at it. SIGUSR1 has
// it give memory back.
package main

import (
	"log"
	"net/http"

	"github.com/seed-4a326f83/parley/bench/servers/internal/serve"
	"github.com/seed-4a326f83/parley/socketio"
)

// A message is what the events carry.
type message struct {
	ID   int    `json:"id"`
	Room string `json:"room"`
	User string `json:"user"`
	At   int64  `json:"at"`
	Text string `json:"text"`
}

func main() {
	l := serve.Listen()
	io := socketio.NewServer(nil)
	io.On("connection", func(socket *socketio.Socket) {
		socketio.On(socket, "echo", func(m message) { socket.Emit("echo", m) })
		socketio.On(socket, "broadcast", func(m message) { io.Emit("broadcast", m) })
	})
	http.Handle("/socket.io/", io)
	log.Fatal(http.Serve(l, nil))
}
