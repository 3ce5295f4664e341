// Command gws is the work of the benchmarks done by github.com/lxzan/gws, with its own server.
package main

import (
	"log"
	"net"
	"net/http"

	"github.com/lxzan/gws"

	"github.com/seed-4a326f83/parley/bench/servers/internal/serve"
)

func main() {
	l := serve.Listen()
	s := gws.NewServer(&handler{}, &gws.ServerOption{
		ReadMaxPayloadSize:  serve.MessageLimit,
		WriteMaxPayloadSize: serve.MessageLimit,
		CheckUtf8Enabled:    true,
		PermessageDeflate:   gws.PermessageDeflate{Enabled: serve.Compress()},
		Authorize: func(r *http.Request, session gws.SessionStorage) bool {
			if r.URL.Path == "/broadcast" {
				session.Store(inRoom, true)
			}
			return r.URL.Path == "/broadcast" || r.URL.Path == "/echo"
		},
	})
	s.OnError = func(c net.Conn, _ error) { c.Close() } // what is no handshake, or breaks off
	log.Fatal(s.RunListener(l))
}

// inRoom is the key under which a connection's session has that it is on /broadcast.
const inRoom = "in the room"

type handler struct {
	gws.BuiltinEventHandler
	room serve.Room[*gws.Conn]
}

func (h *handler) OnOpen(c *gws.Conn) {
	if _, ok := c.Session().Load(inRoom); ok {
		h.room.Join(c)
	}
}

func (h *handler) OnClose(c *gws.Conn, _ error) { h.room.Leave(c) }

func (h *handler) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	if _, ok := c.Session().Load(inRoom); !ok {
		c.WriteMessage(m.Opcode, m.Bytes()) // an error closes the connection
		return
	}
	b := gws.NewBroadcaster(m.Opcode, m.Bytes())
	defer b.Close()
	h.room.Each(func(c *gws.Conn) { b.Broadcast(c) })
}
