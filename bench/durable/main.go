// Durable measures how many messages a second are acknowledged that are on disk:
// by Parley's committer over its stores, and by NATS JetStream with `sync:
// always`. All write to the same disk and take turns; nobody else writes.
//
//	go run ./durable -out durable.md
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A party acknowledges what is on disk.
type party struct {
	name  string
	start func(ctx context.Context, folder string, publishers int) (running, error)
}

// running is a party that was started.
type running struct {
	// publish stores one message of a publisher, numbered by n, and returns when
	// it is on disk. Any number of publishers call it at once.
	publish func(ctx context.Context, publisher int, n int64) error
	stop    func()
}

const (
	warmUp  = 500 * time.Millisecond
	measure = 3 * time.Second
)

var loads = []int{1, 64, 512}

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 5, "how often each is measured")
	dir := flag.String("dir", "", "folder on the disk to measure (default: the system's for temporary files)")
	out := flag.String("out", "", "file for the results (default: standard output)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *rounds, *dir, *out); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, rounds int, dir, out string) error {
	ps, clean, err := parties()
	if err != nil {
		return err
	}
	defer clean()
	began := time.Now()
	rates := make(map[string][]float64) // by party and load
	for round := range rounds {
		for _, load := range loads {
			turn := slices.Clone(ps)
			rand.Shuffle(len(turn), func(i, j int) { turn[i], turn[j] = turn[j], turn[i] })
			for _, p := range turn {
				rate, err := measureOne(ctx, p, dir, load)
				if err != nil {
					return fmt.Errorf("%s with %d publishers: %w", p.name, load, err)
				}
				rates[key(p.name, load)] = append(rates[key(p.name, load)], rate)
				log.Printf("round %d of %d, %3d publishers, %-28s %8.0f acked/s", round+1, rounds, load, p.name, rate)
			}
		}
	}
	w := os.Stdout
	if out != "" {
		if w, err = os.Create(out); err != nil {
			return err
		}
		defer w.Close()
	}
	return report(w, ps, rates, rounds, began)
}

func key(party string, load int) string { return fmt.Sprint(party, " ", load) }

// measureOne runs one party under one load and returns messages acked a second.
func measureOne(ctx context.Context, p party, dir string, publishers int) (float64, error) {
	folder, err := os.MkdirTemp(dir, "parley-durable-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	r, err := p.start(ctx, folder, publishers)
	if err != nil {
		return 0, err
	}
	defer r.stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		acked, next atomic.Int64
		failed      atomic.Pointer[error]
		publishing  sync.WaitGroup
	)
	for i := range publishers {
		publishing.Go(func() {
			for ctx.Err() == nil {
				if err := r.publish(ctx, i, next.Add(1)); err != nil {
					if ctx.Err() == nil {
						failed.Store(&err)
						cancel()
					}
					return
				}
				acked.Add(1)
			}
		})
	}
	wait(ctx, warmUp)
	from, began := acked.Load(), time.Now()
	wait(ctx, measure)
	n, took := acked.Load()-from, time.Since(began)
	cancel()
	publishing.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	if n == 0 {
		return 0, fmt.Errorf("nothing was acked in %v", took)
	}
	return float64(n) / took.Seconds(), nil
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func median(of []float64) float64 {
	sorted := slices.SortedFunc(slices.Values(of), cmp.Compare[float64])
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}
