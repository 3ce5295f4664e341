// Command coder is the work of the benchmarks done by github.com/coder/websocket.
package main

import (
	"bytes"
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

// read does what Conn.Read does, with buffers that are used again.
func read(ctx context.Context, c *websocket.Conn) (typ websocket.MessageType, p *bytes.Buffer, err error) {
	p = serve.Borrow()
	typ, r, err := c.Reader(ctx)
	if err == nil {
		_, err = p.ReadFrom(r)
	}
	return typ, p, err
}

func echo(c *websocket.Conn) {
	defer c.CloseNow()
	ctx := context.Background()
	for {
		typ, p, err := read(ctx, c)
		if err == nil && typ == websocket.MessageText && !utf8.Valid(p.Bytes()) { // which the library leaves to the application
			err = c.Close(websocket.StatusInvalidFramePayloadData, "")
		}
		if err == nil {
			err = c.Write(ctx, typ, p.Bytes()) // which fails after Close
		}
		serve.GiveBack(p)
		if err != nil {
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
		typ, p, err := read(ctx, c)
		if err == nil {
			room.Each(func(c *websocket.Conn) { c.Write(ctx, typ, p.Bytes()) }) // whose connection is broken finds out by reading
		}
		serve.GiveBack(p)
		if err != nil {
			return
		}
	}
}
