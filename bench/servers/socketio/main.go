// Command socketio is the Socket.IO work of the benchmarks done by Parley's socketio package: an "echo" event goes back to whom
// it came from, a "broadcast" event to all, with the values that it came with. With --typed they are decoded into a struct, and
// encoded anew, as by a program that looks at them. SIGUSR1 has it give memory back.
package main

import (
	"flag"
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
	typed := flag.Bool("typed", false, "decode events into a struct, and encode them anew")
	l := serve.Listen()
	io := socketio.NewServer(nil)
	io.On("connection", func(socket *socketio.Socket) {
		if *typed {
			socketio.On(socket, "echo", func(m message) { socket.Emit("echo", m) })
			socketio.On(socket, "broadcast", func(m message) { io.Emit("broadcast", m) })
			return
		}
		socket.On("echo", func(e *socketio.Event) { socket.Emit("echo", e.Values()...) })
		socket.On("broadcast", func(e *socketio.Event) { io.Emit("broadcast", e.Values()...) })
	})
	http.Handle("/socket.io/", io)
	log.Fatal(http.Serve(l, nil))
}
