// Command conformance is the server and the client that test suites for WebSocket talk to. Everything that the library does is
// on in them.
//
//	conformance server --listen 127.0.0.1:9001
//	conformance client --url ws://127.0.0.1:9001 --agent parley
//
// The server echoes every message. The client does what suites expect that are servers themselves, such as Autobahn's: it
// asks at /getCaseCount how many cases there are, echoes what it gets at /runCase for each of them, and has the reports
// written at /updateReports.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

const usage = `Usage:
  conformance server [--listen ADDR] [--cert FILE --key FILE] [--limit BYTES] [--max-fragments N]
  conformance client [--url URL] [--agent NAME] [--ca FILE] [--limit BYTES] [--max-fragments N]
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	var s settings
	flags.Int64Var(&s.limit, "limit", 64<<20, "the most `bytes` of a message")
	flags.IntVar(&s.maxFragments, "max-fragments", -1, "the most frames of a message; negative: any `number`")
	var err error
	switch os.Args[1] {
	case "server":
		listen := flags.String("listen", "127.0.0.1:9001", "`address` to listen on")
		cert := flags.String("cert", "", "`file` with a certificate: speak TLS")
		key := flags.String("key", "", "`file` with the certificate's key")
		flags.Parse(os.Args[2:])
		err = serve(s, *listen, *cert, *key)
	case "client":
		var c client
		flags.StringVar(&c.url, "url", "ws://127.0.0.1:9001", "`URL` of the suite's server")
		flags.StringVar(&c.agent, "agent", "parley", "`name` to appear under in the reports")
		ca := flags.String("ca", "", "`file` with the authority that has signed the server's certificate, if not one of the system's")
		flags.Parse(os.Args[2:])
		c.settings = s
		if err = c.trust(*ca); err == nil {
			err = c.run(context.Background())
		}
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func serve(s settings, listen, cert, key string) error {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	if cert == "" {
		log.Printf("conformance echoes at ws://%s/", listener.Addr())
		return server.Serve(listener)
	}
	log.Printf("conformance echoes at wss://%s/", listener.Addr())
	return server.ServeTLS(listener, cert, key)
}

// settings are what both roles have in common.
type settings struct {
	limit        int64
	maxFragments int
}

// ServeHTTP echoes on each connection until it ends.
func (s settings) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // a suite may run in a page
		KeepaliveInterval:  -1,   // suites count every frame
		MaxFragments:       s.maxFragments,
		CompressionMode:    websocket.CompressionContextTakeover,
	})
	if err == nil {
		s.echo(conn)
	}
}

// patience is for a peer to take an echo.
const patience = time.Minute

// echo sends back what comes until the connection ends.
func (s settings) echo(conn *websocket.Conn) {
	defer conn.CloseNow()
	conn.SetReadLimit(s.limit)
	for {
		typ, message, err := conn.Read(context.Background())
		if err != nil {
			return // most cases end so: the suite closes, or breaks the protocol to see what happens
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err = conn.Write(ctx, typ, message)
		cancel()
		if err != nil {
			return
		}
	}
}
