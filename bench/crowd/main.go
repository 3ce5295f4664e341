// Crowd measures what many people at once cost: how long a message takes to the
// last of a room, on one node and on three, and how a crowd comes through a
// restart.
//
//	go run ./crowd -out crowd.md
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	out := flag.String("out", "", "file for the results (default: standard output)")
	largest := flag.Int("largest", 10_000, "the largest crowd")
	messages := flag.Int("messages", 100, "messages for each room")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var text bytes.Buffer
	err := run(ctx, &text, *largest, *messages)
	switch {
	case err != nil:
		log.Fatal(err)
	case *out == "":
		os.Stdout.Write(text.Bytes())
	default:
		err = os.WriteFile(*out, text.Bytes(), 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w *bytes.Buffer, largest, messages int) error {
	folder, err := os.MkdirTemp("", "parley-crowd-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	binary, err := build(ctx, folder)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "# What many people at once cost\n\nMeasured %s on %d CPUs.\n\n", time.Now().UTC().Format("2006-01-02 15:04 MST"), runtime.NumCPU())

	one, err := start(binary, filepath.Join(folder, "one"), "127.0.0.1:0")
	if err != nil {
		return err
	}
	var all []delivered
	for _, size := range sizes(largest) {
		d, err := deliver(ctx, []*node{one}, size, messages)
		if err != nil {
			one.stop()
			return err
		}
		log.Printf("1 node, %d in the room: median %v", size, round(d.at(0.5)))
		all = append(all, d)
	}
	if err := one.stop(); err != nil {
		return err
	}
	reportDeliveries(w, "SQLite", all)

	r, err := restart(ctx, binary, folder, largest)
	if err != nil {
		return err
	}
	r.report(w)
	return nil
}

// sizes are of the rooms: 10, 1,000, 10,000, and no more than the largest.
func sizes(largest int) (all []int) {
	for _, n := range []int{10, 1000, 10_000} {
		if n < largest {
			all = append(all, n)
		}
	}
	return append(all, largest)
}
