// Package serve is what the servers written in Go have in common, so that they differ in nothing but what is compared.
package serve

import (
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
)

// MessageLimit is the most bytes a message may have.
const MessageLimit = 64 << 20

var (
	listen   = flag.String("listen", "127.0.0.1:0", "listen on this `address`; port 0 takes any that is free")
	compress = flag.Bool("compress", false, "agree to permessage-deflate without context takeover")
)

// Listen parses the flags, and listens where they say. The address is printed in a line of its own. From now on SIGUSR1 has
// memory collected, and what is free given back to the system.
func Listen() net.Listener {
	flag.Parse()
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	free := make(chan os.Signal, 1)
	signal.Notify(free, syscall.SIGUSR1)
	go func() {
		for range free {
			runtime.GC()
			debug.FreeOSMemory()
		}
	}()
	fmt.Println("listening on", l.Addr())
	return l
}

// Compress reports whether --compress was given. Call Listen before.
func Compress() bool { return *compress }
