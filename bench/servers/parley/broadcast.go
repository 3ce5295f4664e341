package main

import (
	"context"

	"github.com/seed-4a326f83/parley/bench/servers/internal/serve"
	"github.com/seed-4a326f83/parley/websocket"
)

// A room sends each message to all who are in it.
type room struct {
	members serve.Room[*websocket.Conn]
}

func (r *room) handle(c *websocket.Conn) {
	r.members.Join(c)
	if c.Handle(r) != nil {
		r.members.Leave(c)
		c.CloseNow()
	}
}

// OnMessage sends data to all. A member that takes too little is waited for, as nothing may be lost here.
func (r *room) OnMessage(_ *websocket.Conn, typ websocket.MessageType, data []byte) {
	m := websocket.Prepare(typ, data)
	r.members.Each(func(c *websocket.Conn) {
		if c.SendPrepared(m) == websocket.ErrSendLimit {
			c.WritePrepared(context.Background(), m)
		}
	})
}

func (r *room) OnClose(c *websocket.Conn, _ error) { r.members.Leave(c) }

// serve does the same in blocking mode.
func (r *room) serve(c *websocket.Conn) {
	defer c.CloseNow()
	r.members.Join(c)
	defer r.members.Leave(c)
	ctx := context.Background()
	for msg, err := range c.Messages(ctx) {
		if err != nil {
			return
		}
		m := websocket.Prepare(msg.Type, msg.Data)
		r.members.Each(func(c *websocket.Conn) { c.WritePrepared(ctx, m) })
	}
}
