// Command parley is the work of the benchmarks done by Parley's websocket package. It serves /echo, which sends each message
// back, and /broadcast, which sends each message to every connection on that path. Messages may have up to 64 MiB. SIGUSR1
// has it give memory back.
package main

import (
	"crypto/tls"
	"flag"
	"log"
	"net/http"

	"github.com/seed-4a326f83/parley/bench/servers/internal/serve"
	"github.com/seed-4a326f83/parley/websocket"
)

func main() {
	mode := flag.String("mode", "event", "`how` connections are served: event, without a goroutine for each; blocking, with one; or bare, as event, but without net/http")
	cert := flag.String("tls-cert", "", "serve TLS with the certificate in this `file`")
	key := flag.String("tls-key", "", "the certificate's key is in this `file`")
	l := serve.Listen()
	if *mode != "event" && *mode != "blocking" && *mode != "bare" {
		log.Fatalf("--mode is event, blocking or bare, not %q", *mode)
	}
	if *cert != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		if err != nil {
			log.Fatal(err)
		}
		l = tls.NewListener(websocket.NewListener(l), &tls.Config{Certificates: []tls.Certificate{pair}})
	}

	opts := &websocket.AcceptOptions{
		InsecureSkipVerify: true, // anybody may measure, from any page
		KeepaliveInterval:  -1,   // the others have none
		SlowPeer:           websocket.SlowPeerDrop,
	}
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
	var r room
	if *mode == "bare" {
		log.Fatal(serveBare(l, opts, &r))
	}
	http.HandleFunc("/echo", func(w http.ResponseWriter, req *http.Request) {
		if c := accept(w, req); c != nil && *mode == "event" {
			c.Handle(echo{})
		} else if c != nil {
			go echoBlocking(c) // the handler's goroutine has a large stack, and ends
		}
	})
	http.HandleFunc("/broadcast", func(w http.ResponseWriter, req *http.Request) {
		if c := accept(w, req); c != nil && *mode == "event" {
			r.handle(c)
		} else if c != nil {
			go r.serve(c)
		}
	})
	log.Fatal(http.Serve(l, nil))
}
