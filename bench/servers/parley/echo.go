package main

import (
	"context"

	"github.com/seed-4a326f83/parley/bench/servers/internal/serve"
	"github.com/seed-4a326f83/parley/websocket"
)

// echo sends each message back.
type echo struct{}

// OnMessage sends data back. Write has a peer that takes nothing wait for itself, where Send would drop the message.
func (echo) OnMessage(c *websocket.Conn, typ websocket.MessageType, data []byte) {
	c.Write(context.Background(), typ, data) // an error is what OnClose gets
}

func (echo) OnClose(*websocket.Conn, error) {}

func echoBlocking(c *websocket.Conn) {
	defer c.CloseNow()
	ctx := context.Background()
	for {
		typ, r, err := c.Reader(ctx)
		if err != nil {
			return
		}
		p := serve.Borrow()
		if _, err = p.ReadFrom(r); err == nil {
			err = c.Write(ctx, typ, p.Bytes())
		}
		serve.GiveBack(p)
		if err != nil {
			return
		}
	}
}
