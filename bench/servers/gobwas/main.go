// Command gobwas is the work of the benchmarks done by github.com/gobwas/ws, with a server of its own, as its zero-copy upgrade
// wants it. Text is checked by the application, as the library's own check takes several times as long.
package main

import (
	"errors"
	"log"
	"net"
	"unicode/utf8"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"

	"github.com/seed-4a326f83/parley/bench/servers/internal/serve"
)

func main() {
	l := serve.Listen()
	var room serve.Room[*conn]
	for {
		nc, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			defer nc.Close()
			c, path, err := upgrade(nc)
			switch {
			case err != nil: // the client has been answered
			case path == "/echo":
				echo(c)
			default:
				broadcast(c, &room)
			}
		}()
	}
}

func upgrade(nc net.Conn) (c *conn, path string, err error) {
	e := wsflate.Extension{Parameters: wsflate.DefaultParameters} // no context takeover
	u := ws.Upgrader{OnRequest: func(uri []byte) error {
		path = string(uri)
		if path != "/echo" && path != "/broadcast" {
			return ws.RejectConnectionError(ws.RejectionStatus(404))
		}
		return nil
	}}
	if serve.Compress() {
		u.Negotiate = e.Negotiate
	}
	if _, err := u.Upgrade(nc); err != nil {
		return nil, "", err
	}
	_, deflates := e.Accepted()
	return newConn(nc, deflates), path, nil
}

var errNotUTF8 = errors.New("a text message is not UTF-8")

func echo(c *conn) {
	for {
		op, p, err := c.read()
		if err == nil && op == ws.OpText && !utf8.Valid(p.Bytes()) {
			ws.WriteFrame(c.nc, ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusInvalidFramePayloadData, "")))
			err = errNotUTF8
		}
		if err == nil {
			err = c.write(op, p.Bytes())
		}
		serve.GiveBack(p)
		if err != nil {
			return
		}
	}
}

func broadcast(c *conn, room *serve.Room[*conn]) {
	room.Join(c)
	defer room.Leave(c)
	for {
		op, p, err := c.read()
		if err == nil {
			var frame []byte
			if frame, err = ws.CompileFrame(ws.NewFrame(op, true, p.Bytes())); err == nil {
				room.Each(func(c *conn) { c.send(frame) }) // whose connection is broken finds out by reading
			}
		}
		serve.GiveBack(p)
		if err != nil {
			return
		}
	}
}
