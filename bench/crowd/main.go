// Crowd measures what many people at once cost: how long a message takes to the
// last of a room, on one node and on three, and how a crowd comes through a
// restart.
//
//	go run ./crowd -out crowd.md
package main

import (
	"bytes"
	"context"
	"errors"
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

	c, err := newCluster()
	if err != nil {
		return err
	}
	defer c.stop()
	var all []delivered
	for _, s := range []struct {
		store string
		nodes int
		args  []string
	}{{"SQLite", 1, nil}, {"PostgreSQL", 1, c.args}, {"PostgreSQL", 3, c.args}} {
		some, err := deliverOn(ctx, binary, filepath.Join(folder, fmt.Sprint(s.store, s.nodes)), s.nodes, sizes(largest), messages, s.args)
		if err != nil {
			return err
		}
		for _, d := range some {
			d.store = s.store
			all = append(all, d)
		}
	}
	reportDeliveries(w, all)

	r, err := restart(ctx, binary, folder, largest)
	if err != nil {
		return err
	}
	r.report(w)
	return nil
}

// deliverOn starts nodes and measures deliveries in rooms of the sizes.
func deliverOn(ctx context.Context, binary, folder string, n int, sizes []int, messages int, args []string) (all []delivered, err error) {
	var nodes []*node
	defer func() {
		for _, node := range nodes {
			err = errors.Join(err, node.stop())
		}
	}()
	for i := range n {
		node, err := start(binary, fmt.Sprint(folder, "-", i), "127.0.0.1:0", args...)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	for _, size := range sizes {
		d, err := deliver(ctx, nodes, size, messages)
		if err != nil {
			return nil, fmt.Errorf("%d nodes, %d in the room: %w", n, size, err)
		}
		log.Printf("%d nodes, %d in the room: median %v", n, size, round(d.at(0.5)))
		all = append(all, d)
	}
	return all, nil
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
