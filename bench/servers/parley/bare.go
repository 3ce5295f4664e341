package main

import (
	"net"
	"net/http"

	"github.com/seed-4a326f83/parley/bench/servers/internal/serve"
	"github.com/seed-4a326f83/parley/websocket"
)

// serveBare serves without net/http.
func serveBare(l net.Listener, opts *websocket.AcceptOptions, r *room) error {
	o := &websocket.UpgradeOptions{AcceptOptions: *opts, OnRequest: func(r *websocket.UpgradeRequest) error {
		if r.Path != "/echo" && r.Path != "/broadcast" {
			return websocket.Refuse(http.StatusNotFound, "there are /echo and /broadcast")
		}
		return nil
	}}
	return websocket.Serve(l, o, func(c *websocket.Conn, req *websocket.UpgradeRequest) websocket.Handler {
		c.SetReadLimit(serve.MessageLimit)
		if req.Path == "/echo" {
			return echo{}
		}
		r.members.Join(c)
		return r
	})
}
