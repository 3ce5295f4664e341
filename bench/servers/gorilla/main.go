// Command gorilla is the work of the benchmarks done by github.com/gorilla/websocket.
package main

import (
	"bytes"
	"errors"
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

var errNotUTF8 = errors.New("a text message is not UTF-8")

// read does what ReadMessage does, with buffers that are used again.
func read(c *websocket.Conn) (typ int, p *bytes.Buffer, err error) {
	p = serve.Borrow()
	typ, r, err := c.NextReader()
	if err == nil {
		_, err = p.ReadFrom(r)
	}
	return typ, p, err
}

func echo(c *websocket.Conn) {
	defer c.Close()
	for {
		typ, p, err := read(c)
		if err == nil && typ == websocket.TextMessage && !utf8.Valid(p.Bytes()) { // which the library leaves to the application
			c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseInvalidFramePayloadData, ""))
			err = errNotUTF8
		}
		if err == nil {
			err = c.WriteMessage(typ, p.Bytes())
		}
		serve.GiveBack(p)
		if err != nil {
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
		typ, p, err := read(c)
		var prepared *websocket.PreparedMessage
		if err == nil {
			prepared, err = websocket.NewPreparedMessage(typ, p.Bytes()) // which copies them
		}
		serve.GiveBack(p)
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
