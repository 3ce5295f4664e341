// Command soak wears a WebSocket server out: thousands of connections in event mode open, talk, idle and die in every way
// there is, for an hour or as long as it is told. It fails if a message is not answered, or if the server does not come back
// to what it held before: descriptors, goroutines, memory.
//
//	go run ./soak --connections 10000 --duration 1h
//
// The server is a process of its own, so that either has all the descriptors that a process may have. What each connection
// does follows from the seed, which is printed, and from its number.
package main

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "server" {
		if err := serve(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	var p plan
	flag.IntVar(&p.connections, "connections", 10_000, "`number` of connections that are open at once")
	flag.DurationVar(&p.duration, "duration", time.Hour, "`time` during which they talk")
	flag.DurationVar(&p.pause, "pause", 20*time.Second, "`time` that a connection idles between two talks, on average")
	flag.DurationVar(&p.patience, "patience", time.Minute, "`time` after which a message counts as not answered")
	flag.Uint64Var(&p.seed, "seed", rand.Uint64(), "what connections do follows from this `number`")
	flag.Parse()
	if err := p.run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A plan is what a soak is to be.
type plan struct {
	connections int
	duration    time.Duration
	pause       time.Duration
	patience    time.Duration
	seed        uint64
}

// What may remain that was not there before, of a server on which nobody is any more: goroutines of the runtime and of
// package net/http that come and go, and what the garbage collector has not given back.
const (
	spareGoroutines = 8
	spareHeap       = 4 << 20
)

// run soaks a server and writes to out how it goes.
func (p plan) run(out io.Writer) error {
	fmt.Fprintf(out, "%d connections for %s, --seed %d\n", p.connections, p.duration, p.seed)
	// A ping must not hide that the server has forgotten somebody who waits for an answer: it comes later than patience ends.
	keepalive := 3 * p.patience / 2
	server, err := startServer(keepalive, p.patience)
	if err != nil {
		return err
	}
	defer server.stop()
	s := &soak{plan: p, server: server, keepalive: keepalive, out: out, slots: make([]slot, p.connections)}

	// What is made once and kept, such as pools and the poller's threads, belongs to the base.
	if err := s.cycle(min(p.duration/10, 20*time.Second)); err != nil {
		return err
	}
	base, err := server.rest(p.patience)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "base: %s\n", base)
	if err := s.cycle(p.duration); err != nil {
		return err
	}
	end, err := server.rest(p.patience)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "end:  %s\n%s\n", end, s.counts.report())
	switch {
	case end.Descriptors > base.Descriptors:
		return fmt.Errorf("the server holds %d descriptors, and held %d before", end.Descriptors, base.Descriptors)
	case end.Goroutines > base.Goroutines+spareGoroutines:
		return fmt.Errorf("the server has %d goroutines, and had %d before:\n%s", end.Goroutines, base.Goroutines, server.stacks())
	case end.Heap > base.Heap+spareHeap:
		return fmt.Errorf("the server's heap holds %d bytes, and held %d before", end.Heap, base.Heap)
	}
	return nil
}
