// Command raw sends back the bytes that come over a TCP connection, or, with --broadcast, sends them to all. It knows of no
// messages and no WebSocket: it is what the system costs, and so the limit. One thread does it, with an epoll of its own.
//
// With --goroutines a goroutine for each connection does it, as programs in Go do.
package main

import (
	"flag"
	"log"
	"net"

	"github.com/seed-4a326f83/parley/bench/servers/internal/serve"
)

func main() {
	broadcast := flag.Bool("broadcast", false, "send what comes to every connection")
	goroutines := flag.Bool("goroutines", false, "have a goroutine for each connection")
	l := serve.Listen()
	if *goroutines {
		log.Fatal(serveGoroutines(l, *broadcast))
	}
	log.Fatal(serveEpoll(l.(*net.TCPListener), *broadcast))
}
