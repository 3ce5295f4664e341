// Command relay is a chat in which people share images, or anything else. Clients send
//
//	{"type":"join","data":"ann"}         a name; without one they become Anonymous(n)
//	{"type":"message","data":"hello"}
//
// and binary messages. Everyone who is connected gets, the sender included,
//
//	{"type":"join","data":"ann"}
//	{"type":"message","username":"ann","data":"hello"}
//	{"type":"leave","data":"ann"}
//
// and each binary message behind one byte with the length of the sender's name and the name in UTF-8, cut to 255 bytes. Binary
// messages may be of any size: they are forwarded while they arrive. Who sends something without having joined has joined
// as Anonymous(n); who joins again has left first. Text that is none of the above is ignored.
//
// Nothing is held but what is on its way, at most 1 MiB a receiver and message, so that everyone is as fast as the slowest,
// within reason (stream.go): a receiver that takes nothing for 5 s, or that keeps the others waiting for 5 s and half of the
// time that a message takes, is closed with 1013, and cut off if it does not take that either. A sender is a receiver too. One
// that pauses for 30 s in the middle of a message is closed with 1008. When a sender is lost in the middle of a message,
// those who have its beginning are closed with 1011: WebSocket has no way to take a message back.
package main

import (
	"context"
	_ "embed"
	"flag"
	"log"
	"net"
	"net/http"
	"strings"
	"time"
)

//go:embed index.html
var page []byte

func main() {
	listen := flag.String("listen", "127.0.0.1:3333", "`address` to listen on")
	flag.Parse()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("relay is at ws://%s/ and /ws; open http://%[1]s/ in a browser", listener.Addr())
	chat := newRoom()
	mux := http.NewServeMux()
	mux.Handle("/ws", chat)
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			chat.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ConnContext: hold}
	log.Fatal(server.Serve(listener))
}

// hold bounds what the kernel holds for a receiver: otherwise that can be some megabytes, behind which a close frame comes
// too late for the slow.
func hold(ctx context.Context, conn net.Conn) context.Context {
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetWriteBuffer(256 << 10) // an error leaves it as it was
	}
	return ctx
}
