package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A delivered says how long it takes from a message's publishing until the last
// of its room has it.
type delivered struct {
	store        string
	nodes, crowd int
	times        []time.Duration // sorted
}

// deliver publishes messages, one after the other, in a room of so many clients
// spread over the nodes.
func deliver(ctx context.Context, nodes []*node, size, messages int) (delivered, error) {
	room := fmt.Sprint("delivery-", size)
	crowd, err := gather(ctx, size, nodes, room)
	if err != nil {
		return delivered{}, err
	}
	var reading sync.WaitGroup
	defer reading.Wait()
	defer func() {
		for _, c := range crowd {
			c.conn.CloseNow()
		}
	}()
	var missing atomic.Int64
	all := make(chan struct{}, 1)
	for _, c := range crowd {
		reading.Go(func() {
			c.read(ctx, func() {
				if missing.Add(-1) == 0 {
					all <- struct{}{}
				}
			})
		})
	}
	publisher := &client{addr: nodes[0].addr}
	if err := publisher.enter(ctx, room); err != nil {
		return delivered{}, err
	}
	defer publisher.conn.CloseNow()
	d := delivered{nodes: len(nodes), crowd: size}
	for i := range messages {
		missing.Add(int64(size))
		began := time.Now()
		_, err := publisher.ask(ctx, map[string]any{
			"type": "publish", "ref": 1, "room": room, "id": fmt.Sprint("m", i), "body": map[string]string{"text": "how long does this take?"},
		})
		if err != nil {
			return delivered{}, err
		}
		select {
		case <-all:
		case <-time.After(30 * time.Second):
			return delivered{}, errors.New("a message did not reach everybody within 30 s")
		case <-ctx.Done():
			return delivered{}, ctx.Err()
		}
		d.times = append(d.times, time.Since(began))
		time.Sleep(60 * time.Millisecond) // 20 a second may be published
	}
	slices.Sort(d.times)
	return d, nil
}

func (d delivered) at(share float64) time.Duration {
	return d.times[min(int(share*float64(len(d.times))), len(d.times)-1)]
}

func reportDeliveries(w io.Writer, all []delivered) {
	fmt.Fprintf(w, "## From publishing to the last delivery\n\n")
	fmt.Fprintf(w, "Through the disk, one message at a time; clients, servers, PostgreSQL and NATS share the machine's CPUs.\n\n")
	fmt.Fprintf(w, "| store | nodes | in the room | messages | median | 95th percentile | slowest |\n|---|---:|---:|---:|---:|---:|---:|\n")
	for _, d := range all {
		fmt.Fprintf(w, "| %s | %d | %d | %d | %v | %v | %v |\n", d.store, d.nodes, d.crowd, len(d.times), round(d.at(0.5)), round(d.at(0.95)), round(d.at(1)))
	}
	fmt.Fprintln(w)
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
