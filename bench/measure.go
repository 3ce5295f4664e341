package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A rowResult is what a row's rounds have given.
type rowResult struct {
	row
	rounds []map[string]float64 // the figures, by the party's name
	sizes  map[string]int64     // what a message takes on its way back, if it is compressed
}

// all does all rounds of all rows.
func (b *bench) all(ctx context.Context, rows []row, parties []party, rounds int) ([]rowResult, error) {
	left := newEstimate(rows, parties, rounds)
	var done []rowResult
	for _, r := range rows {
		result := rowResult{row: r, sizes: map[string]int64{}}
		for round := range rounds {
			fmt.Fprintf(os.Stderr, "%s: round %d of %d; %s left in all\n", r.name, round+1, rounds, left.String())
			figures := map[string]float64{}
			for _, p := range order(parties, round) {
				if !r.takes(p) {
					continue
				}
				m, err := b.one(ctx, r, p)
				if err != nil {
					return nil, fmt.Errorf("%s by %s: %w", r.name, p.name, err)
				}
				figures[p.name] = r.figure(m)
				if r.kind == "deflated" {
					result.sizes[p.name] = m.Bytes
				}
				left.did(r, p)
			}
			result.rounds = append(result.rounds, figures)
		}
		for _, line := range result.summary() {
			fmt.Fprintln(os.Stderr, "  "+line)
		}
		done = append(done, result)
	}
	return done, nil
}

// order has everybody at another place in each round, and neighbours the other way round.
func order(parties []party, round int) []party {
	list := slices.Clone(parties)
	n := round * 3 % len(list)
	list = append(list[n:], list[:n]...)
	if round%2 == 1 {
		slices.Reverse(list)
	}
	return list
}

// one is one measurement.
func (b *bench) one(ctx context.Context, r row, p party) (measured, error) {
	cpus, err := cpusFor(r)
	if err != nil {
		return measured{}, err
	}
	s, err := startServer(p.command(b.bin, r, b.tls), cpus)
	if err != nil {
		return measured{}, err
	}
	defer s.stop()
	m, err := runLoad(ctx, filepath.Join(b.bin, "load"), r.loadArgs(p, s, b.tls), cpus)
	if err != nil {
		s.stop() // so that it says nothing more
		return m, fmt.Errorf("%w\nthe server says: %.2000s", err, s.stderr.Bytes())
	}
	return m, nil
}

// An estimate says how long it will still take.
type estimate struct {
	began          time.Time
	planned, spent time.Duration
}

func newEstimate(rows []row, parties []party, rounds int) *estimate {
	e := &estimate{began: time.Now()}
	for _, r := range rows {
		for _, p := range parties {
			if r.takes(p) {
				e.planned += time.Duration(rounds) * plan(r, p)
			}
		}
	}
	return e
}

func plan(r row, p party) time.Duration { return r.cost + r.measure + p.warm }

func (e *estimate) did(r row, p party) { e.spent += plan(r, p) }

func (e *estimate) String() string {
	left := e.planned - e.spent
	if e.spent > 0 {
		left = time.Duration(float64(left) * float64(time.Since(e.began)) / float64(e.spent))
	}
	return left.Round(time.Second).String()
}
