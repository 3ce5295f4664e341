// Command echo sends back every message that it receives, text as text (behind --prefix, if that is set) and binary as binary,
// and every 2,500 ms the time, as text. It agrees to the first subprotocol that is offered.
//
// Opened in a browser it serves a page on which to connect, send and close, and to watch both ends: what the browser is
// told, and what the server saw of the handshake and of every frame (watch.go, frame.go). The echo itself is in this file.
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

	"github.com/seed-4a326f83/parley/websocket"
)

const (
	interval   = 2500 * time.Millisecond
	maxMessage = 16 << 20         // bytes; longer ones close their sender with 1009
	patience   = 10 * time.Second // a client that does not take its echo for so long is dropped
)

//go:embed index.html
var page []byte

func main() {
	listen := flag.String("listen", "127.0.0.1:8081", "`address` to listen on")
	prefix := flag.String("prefix", "", "`text` that goes before the echo of a text message")
	flag.Parse()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("echo is at ws://%s/; open http://%[1]s/ in a browser", listener.Addr())
	e := newEcho(*prefix)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /watch", e.watchers.serve)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			e.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.Serve(listener))
}

type echo struct {
	prefix   []byte
	watchers watchers
}

func newEcho(prefix string) *echo { return &echo{prefix: []byte(prefix)} }

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w, watcher := e.watchers.tap(w, r)
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:       offered(r),
		InsecureSkipVerify: true, // pages from anywhere may connect, also those opened as files
		CompressionMode:    websocket.CompressionContextTakeover,
	})
	if err == nil {
		defer conn.CloseNow()
		err = e.run(conn)
	}
	watcher.end(err)
}

// offered returns the subprotocols that the client offers.
func offered(r *http.Request) (names []string) {
	for _, name := range strings.Split(strings.Join(r.Header.Values("Sec-WebSocket-Protocol"), ","), ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// run echoes until the connection ends, and returns why it did.
func (e *echo) run(conn *websocket.Conn) error {
	conn.SetReadLimit(maxMessage)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go tellTime(ctx, conn)
	for {
		typ, message, err := conn.Read(ctx)
		if err != nil {
			return err // the client closed, broke the protocol, or is lost
		}
		if typ == websocket.MessageText && len(e.prefix) > 0 {
			message = append(e.prefix[:len(e.prefix):len(e.prefix)], message...)
		}
		if err := send(ctx, conn, typ, message); err != nil {
			return err
		}
	}
}

func tellTime(ctx context.Context, conn *websocket.Conn) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			text := now.UTC().Format("2006-01-02T15:04:05.000Z")
			if send(ctx, conn, websocket.MessageText, []byte(text)) != nil {
				return
			}
		}
	}
}

func send(ctx context.Context, conn *websocket.Conn, typ websocket.MessageType, message []byte) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return conn.Write(ctx, typ, message)
}
