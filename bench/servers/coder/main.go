// Command coder is the work of the benchmarks done by github.com/coder/websocket.
package main

import (
	"context"
	"log"
	"net/http"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/seed-4a326f83/parley/bench/servers/internal/serve"
)

func main() {
	l := serve.Listen()
	opts := &websocket.AcceptOptions{InsecureSkipVerify: true} // anybody may measure, from any page
	if serve.Compress() {
		opts.CompressionMode = websocket.CompressionNoContextTakeover
	}
	accept := func(w http.ResponseWriter, r *http.Request) *websocket.Conn {
		c, err := websocket.Accept(w, r, opts)
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
	var room serve.Room[*websocket.Conn]
	http.HandleFunc("/broadcast", func(w http.ResponseWriter, r *http.Request) {
		if c := accept(w, r); c != nil {
			go broadcast(c, &room)
		}
	})
	log.Fatal(http.Serve(l, nil))
}

func echo(c *websocket.Conn) {
	defer c.CloseNow()
	ctx := context.Background()
	for {
		typ, p, err := c.Read(ctx)
		if err != nil {
			return
		}
		if typ == websocket.MessageText && !utf8.Valid(p) { // which the library leaves to the application
			c.Close(websocket.StatusInvalidFramePayloadData, "")
			return
		}
		if err := c.Write(ctx, typ, p); err != nil {
			return
		}
	}
}

// broadcast sends each message to all. There is nothing to encode it once with.
func broadcast(c *websocket.Conn, room *serve.Room[*websocket.Conn]) {
	defer c.CloseNow()
	room.Join(c)
	defer room.Leave(c)
	ctx := context.Background()
	for {
		typ, p, err := c.Read(ctx)
		if err != nil {
			return
		}
		room.Each(func(c *websocket.Conn) { c.Write(ctx, typ, p) }) // whose connection is broken finds out by reading
	}
}
