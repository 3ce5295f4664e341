// Command gorilla is the work of the benchmarks done by github.com/gorilla/websocket.
package main

import (
	"log"
	"net/http"
	"sync"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"github.com/seed-4a326f83/parley/bench/servers/internal/serve"
)

// A member can be written to from any goroutine, which a Conn of gorilla's cannot.
type member struct {
	mu sync.Mutex
	c  *websocket.Conn
}

func main() {
	l := serve.Listen()
	upgrader := websocket.Upgrader{EnableCompression: serve.Compress()}
	accept := func(w http.ResponseWriter, r *http.Request) *websocket.Conn {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return nil // the client has been answered
		}
		c.SetReadLimit(serve.MessageLimit)
		return c
	}
	http.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		if c := accept(w, r); c != nil {
			go echo(c) // the handler's goroutine has a large stack, and ends
		}
	})
	var room serve.Room[*member]
	http.HandleFunc("/broadcast", func(w http.ResponseWriter, r *http.Request) {
		if c := accept(w, r); c != nil {
			go broadcast(c, &room)
		}
	})
	log.Fatal(http.Serve(l, nil))
}

func echo(c *websocket.Conn) {
	defer c.Close()
	for {
		typ, p, err := c.ReadMessage()
		if err != nil {
			return
		}
		if typ == websocket.TextMessage && !utf8.Valid(p) { // which the library leaves to the application
			c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseInvalidFramePayloadData, ""))
			return
		}
		if err := c.WriteMessage(typ, p); err != nil {
			return
		}
	}
}

func broadcast(c *websocket.Conn, room *serve.Room[*member]) {
	defer c.Close()
	m := &member{c: c}
	room.Join(m)
	defer room.Leave(m)
	for {
		typ, p, err := c.ReadMessage()
		if err != nil {
			return
		}
		prepared, err := websocket.NewPreparedMessage(typ, p)
		if err != nil {
			return
		}
		room.Each(func(m *member) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.c.WritePreparedMessage(prepared) // whose connection is broken finds out by reading
		})
	}
}
