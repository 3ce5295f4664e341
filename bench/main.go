// Command bench has Parley's websocket and socketio packages and others do the same work, side by side, and compares what it
// costs their servers. It needs Linux.
//
//	go run .                                                       # everything: some 14 minutes
//	go run . -rows echo-1000 -servers parley-event,raw -rounds 5   # a part of it
//
// Every measurement has a server of its own, in a process of its own. In each round each server has its turn, in another order
// than in the round before; ratios are of figures from one round; what is told is the median of all rounds.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	only := flag.String("rows", "", "measure these `rows` only, by name, comma-separated: "+strings.Join(names(rows, func(r row) string { return r.name }), ","))
	who := flag.String("servers", "", "measure these `servers` only: "+strings.Join(names(parties, func(p party) string { return p.name }), ","))
	rounds := flag.Int("rounds", 5, "do it so many times")
	out := flag.String("out", "", "write results.md and results.svg into this `folder`")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *only, *who, *rounds, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func names[T any](all []T, name func(T) string) []string {
	var list []string
	for _, t := range all {
		list = append(list, name(t))
	}
	return list
}

// choose returns those of all that are in list, which are names with commas between them; all if it is empty.
func choose[T any](all []T, name func(T) string, list string) ([]T, error) {
	if list == "" {
		return all, nil
	}
	var chosen []T
	for want := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(all, func(t T) bool { return name(t) == strings.TrimSpace(want) })
		if i < 0 {
			return nil, fmt.Errorf("there is no %q; there are %s", want, strings.Join(names(all, name), ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func run(ctx context.Context, only, who string, rounds int, out string) error {
	chosenRows, err := choose(rows, func(r row) string { return r.name }, only)
	if err != nil {
		return err
	}
	chosenParties, err := choose(parties, func(p party) string { return p.name }, who)
	if err != nil {
		return err
	}
	if who == "" {
		chosenParties = slices.DeleteFunc(slices.Clone(parties), func(p party) bool { return p.extra })
	}
	b, err := prepare()
	if err != nil {
		return err
	}
	defer b.close()
	began := time.Now()
	done, err := b.all(ctx, chosenRows, chosenParties, rounds)
	if err != nil {
		return err
	}
	report := &report{rows: done, parties: chosenParties, rounds: rounds, began: began, took: time.Since(began)}
	if report.about, err = b.about(chosenParties); err != nil {
		return err
	}
	fmt.Println()
	fmt.Print(report.markdown())
	if out == "" {
		return nil
	}
	if err := os.WriteFile(filepath.Join(out, "results.md"), []byte(report.markdown()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "results.svg"), []byte(report.chart()), 0o644)
}

// A bench has what all measurements need.
type bench struct {
	bin string
	tls certificate
}

// prepare builds the programs.
func prepare() (*bench, error) {
	dir, err := os.MkdirTemp("", "parley-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{bin: dir}
	build := exec.Command("go", "build", "-o", dir, "./load", "./servers/...")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		b.close()
		return nil, fmt.Errorf("building the servers (is this run in bench/?): %w", err)
	}
	if b.tls, err = makeCertificate(dir); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) close() { os.RemoveAll(b.bin) }
