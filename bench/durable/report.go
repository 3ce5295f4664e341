package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// A bar is how many times as fast as JetStream a party is to be.
type bar struct {
	party  string
	load   int
	factor float64
}

var bars = []bar{
	{"SQLite", 64, 3},
	{"PostgreSQL", 64, 1.5},
}

func report(to io.Writer, ps []party, rates map[string][]float64, rounds int, began time.Time) error {
	w := bufio.NewWriter(to)
	fmt.Fprintf(w, "# Messages acknowledged a second that are on disk\n\n")
	fmt.Fprintf(w, "Higher is better. Medians of %d rounds of %v each, begun %s; in brackets the lowest and the highest. One program,\n",
		rounds, measure, began.UTC().Format("2006-01-02 15:04 MST"))
	fmt.Fprintf(w, "one disk, the sides taking turns; each publisher sends its next message when the last one is acked. A message has %d bytes.\n", len(body))
	fmt.Fprintf(w, "\"Not searchable\" are messages of a kind that is not put into the index for full-text search, which is what that costs.\n\n")
	fmt.Fprintf(w, "| |%s\n|---|%s\n", columns(func(load int) string { return fmt.Sprintf(" %d publishers |", load) }), columns(func(int) string { return "---:|" }))
	for _, p := range ps {
		fmt.Fprintf(w, "| %s |%s\n", p.name, columns(func(load int) string {
			of := rates[key(p.name, load)]
			return fmt.Sprintf(" %.0f (%.0f to %.0f) |", median(of), slices.Min(of), slices.Max(of))
		}))
	}
	fmt.Fprintf(w, "\nRatios are of figures of the same round.\n\n| goal | measured | |\n|---|---:|---|\n")
	for _, b := range bars {
		ours, theirs := rates[key(b.party, b.load)], rates[key(jetStream, b.load)]
		if len(ours) == 0 {
			continue
		}
		ratios := make([]float64, len(ours))
		for i := range ours {
			ratios[i] = ours[i] / theirs[i]
		}
		verdict := "met"
		if median(ratios) < b.factor {
			verdict = "**missed**"
		}
		fmt.Fprintf(w, "| %s, %d publishers: at least %g times JetStream | %.2f (%.2f to %.2f) | %s |\n",
			b.party, b.load, b.factor, median(ratios), slices.Min(ratios), slices.Max(ratios), verdict)
	}
	return w.Flush()
}

func columns(of func(load int) string) string {
	var b strings.Builder
	for _, load := range loads {
		b.WriteString(of(load))
	}
	return b.String()
}
