package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// A restarted says how a crowd came through a restart.
type restarted struct {
	crowd   int
	down    time.Duration // from the signal until the next process answers
	back    time.Duration // from then until the last client is back, and in its room
	busiest int           // how many came back in the busiest second
	median  int           // and in the median one
	refused int           // how often one of them had to try again
	cpu     time.Duration // of the new process, until all were back
}

// restart restarts a node that holds a crowd; each client comes back when it was
// told to.
func restart(ctx context.Context, binary, folder string, size int) (restarted, error) {
	const room = "restart"
	data := filepath.Join(folder, "restart")
	n, err := start(binary, data, "127.0.0.1:0")
	if err != nil {
		return restarted{}, err
	}
	crowd, err := gather(ctx, size, []*node{n}, room)
	if err != nil {
		n.stop()
		return restarted{}, err
	}
	var (
		mu      sync.Mutex
		times   []time.Time // when each was back
		refused int
		failed  error
		coming  sync.WaitGroup
	)
	answering := make(chan struct{}) // closed when the new process answers
	for _, c := range crowd {
		coming.Go(func() {
			bye := c.read(ctx, func() {})
			told := time.Now().Add(time.Duration(bye.RetryAfter) * time.Millisecond)
			<-answering // its start is not what is measured
			for {
				select {
				case <-time.After(time.Until(told)):
				case <-ctx.Done():
					return
				}
				err := c.enter(ctx, room)
				mu.Lock()
				if err == nil {
					times = append(times, time.Now())
				} else if refused++; refused > size {
					failed = err
				}
				stop := err == nil || failed != nil
				mu.Unlock()
				if stop {
					return
				}
				told = time.Now().Add(time.Second)
			}
		})
	}
	began := time.Now()
	if err := n.stop(); err != nil {
		close(answering)
		return restarted{}, fmt.Errorf("stopping: %w", err)
	}
	again, err := start(binary, data, n.addr)
	answered := time.Now()
	close(answering)
	if err != nil {
		return restarted{}, err
	}
	coming.Wait()
	if failed != nil {
		again.stop()
		return restarted{}, failed
	}
	for _, c := range crowd {
		c.conn.CloseNow()
	}
	if err := again.stop(); err != nil {
		return restarted{}, err
	}
	slices.SortFunc(times, time.Time.Compare)
	perSecond := make(map[int]int)
	for _, t := range times {
		perSecond[int(t.Sub(answered)/time.Second)]++
	}
	var rates []int
	for _, n := range perSecond {
		rates = append(rates, n)
	}
	slices.Sort(rates)
	return restarted{
		crowd: size, down: answered.Sub(began), back: times[len(times)-1].Sub(answered),
		busiest: rates[len(rates)-1], median: rates[len(rates)/2], refused: refused,
		cpu: again.cmd.ProcessState.UserTime() + again.cmd.ProcessState.SystemTime(),
	}, ctx.Err()
}

func (r restarted) report(w io.Writer) {
	fmt.Fprintf(w, "## A restart with %d clients in one room\n\n", r.crowd)
	fmt.Fprintf(w, "Each comes back when the server's goodbye told it to, says hello with its session and joins from where it was.\n\n")
	fmt.Fprintf(w, "- from SIGTERM until the next process answered: %v\n", r.down.Round(time.Millisecond))
	fmt.Fprintf(w, "- from then until the last client was in its room again: %v\n", r.back.Round(time.Millisecond))
	fmt.Fprintf(w, "- came back in the busiest second: %d, in the median one: %d; tries that failed: %d\n", r.busiest, r.median, r.refused)
	fmt.Fprintf(w, "- CPU time of the new process in all: %v, %v a client\n\n", r.cpu.Round(time.Millisecond), (r.cpu / time.Duration(r.crowd)).Round(time.Microsecond))
}
