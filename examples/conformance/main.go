// Command conformance is the server and the client that test suites for WebSocket talk to. Everything that the library does is
// on in them.
//
//	conformance server --listen 127.0.0.1:9001
//	conformance client --url ws://127.0.0.1:9001 --agent parley
//
// Either works in blocking mode, with a goroutine that reads, or with --mode event through Conn.Handle.
//
// The server echoes every message. With --bare it answers handshakes itself, without net/http. The client does what suites expect that are servers themselves, such as Autobahn's: it
// asks at /getCaseCount how many cases there are, echoes what it gets at /runCase for each of them, and has the reports
// written at /updateReports.
package main

import (
	"context"
	"crypto/tls"
	"errors"
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
  conformance server [--listen ADDR] [--bare] [--cert FILE --key FILE] [--mode blocking|event] [--send-buffer BYTES] [--limit BYTES] [--max-fragments N]
  conformance client [--url URL] [--agent NAME] [--ca FILE] [--mode blocking|event] [--send-buffer BYTES] [--limit BYTES] [--max-fragments N]
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
	mode := flags.String("mode", "blocking", "`blocking` or event")
	flags.IntVar(&s.sendBuffer, "send-buffer", 0, "`bytes` that a socket takes to be sent; 0: as the system has it")
	var err error
	switch os.Args[1] {
	case "server":
		listen := flags.String("listen", "127.0.0.1:9001", "`address` to listen on")
		cert := flags.String("cert", "", "`file` with a certificate: speak TLS")
		key := flags.String("key", "", "`file` with the certificate's key")
		bare := flags.Bool("bare", false, "answer handshakes without net/http")
		flags.Parse(os.Args[2:])
		if err = s.setMode(*mode); err == nil {
			err = serve(s, *listen, *cert, *key, *bare)
		}
	case "client":
		var c client
		flags.StringVar(&c.url, "url", "ws://127.0.0.1:9001", "`URL` of the suite's server")
		flags.StringVar(&c.agent, "agent", "parley", "`name` to appear under in the reports")
		ca := flags.String("ca", "", "`file` with the authority that has signed the server's certificate, if not one of the system's")
		flags.Parse(os.Args[2:])
		err = s.setMode(*mode)
		c.settings = s
		if err = errors.Join(err, c.prepare(*ca)); err == nil {
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

func serve(s settings, listen, cert, key string, bare bool) error {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	listener = narrowListener{listener, s}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	if cert == "" {
		log.Printf("conformance echoes at ws://%s/", listener.Addr())
		if bare {
			return s.serveBare(listener)
		}
		return server.Serve(listener)
	}
	log.Printf("conformance echoes at wss://%s/", listener.Addr())
	listener = websocket.NewListener(listener)
	if bare {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return err
		}
		return s.serveBare(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{pair}}))
	}
	return server.ServeTLS(listener, cert, key)
}
