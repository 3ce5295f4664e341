package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// values are a party's figures, round by round.
func (r rowResult) values(party string) []float64 {
	var v []float64
	for _, round := range r.rounds {
		if f, ok := round[party]; ok {
			v = append(v, f)
		}
	}
	return v
}

// bestGoPeer is the one of the lowest median, or "" if there is none.
func (r rowResult) bestGoPeer() string {
	best, lowest := "", math.Inf(1)
	for _, p := range parties {
		if m := median(r.values(p.name)); p.kind == goPeer && m < lowest {
			best, lowest = p.name, m
		}
	}
	return best
}

// ratios are party's figures by those of another in the same round.
func (r rowResult) ratios(party, other string) []float64 {
	var v []float64
	for _, round := range r.rounds {
		a, ok := round[party]
		if b, ok2 := round[other]; ok && ok2 {
			v = append(v, a/b)
		}
	}
	return v
}

// A verdict says what has become of a bar.
type verdict struct {
	what   string  // the bar, in words
	figure float64 // what was measured: a ratio, or a figure if the bar is one
	low    float64 // the lowest and highest of the rounds
	high   float64
	most   float64
	ratio  bool
	met    bool
}

func (v verdict) String() string {
	word := "MISSED"
	if v.met {
		word = "met"
	}
	format := "%s: %.0f (%.0f to %.0f), %s"
	if v.ratio {
		format = "%s: %.3f (%.3f to %.3f), %s"
	}
	return fmt.Sprintf(format, v.what, v.figure, v.low, v.high, word)
}

// verdicts are those on the row's bars, as far as the parties have been measured, and on whether our best is below every Go
// peer.
func (r rowResult) verdicts() []verdict {
	var list []verdict
	best := r.bestGoPeer()
	for _, b := range append(slices.Clone(r.bars), bar{cmp.Or(r.best, "parley-event"), best, 1}) {
		of, _ := partyNamed(b.of)
		v := verdict{what: fmt.Sprintf("%s: at most %g", of.label, b.factor), most: b.factor * tolerance, ratio: b.than != ""}
		values := r.values(b.of)
		if v.ratio {
			than := b.than
			if than == bestPeer {
				than = best
			}
			with, _ := partyNamed(than)
			v.what = fmt.Sprintf("%s: at most %g x %s", of.label, b.factor, with.label)
			if than == best {
				v.what += ", the best Go peer"
			}
			values = r.ratios(b.of, than)
		}
		if len(values) == 0 || b.than == "" && b.factor == 1 {
			continue
		}
		v.figure, v.low, v.high = median(values), slices.Min(values), slices.Max(values)
		v.met = v.figure <= v.most
		list = append(list, v)
	}
	return list
}

// summary says in some lines what has come out.
func (r rowResult) summary() []string {
	var lines []string
	for _, p := range parties {
		if v := r.values(p.name); len(v) > 0 {
			lines = append(lines, fmt.Sprintf("%-16s %8s %s (%s to %s)", p.name, number(median(v)), r.unit, number(slices.Min(v)), number(slices.Max(v))))
		}
	}
	for _, v := range r.verdicts() {
		lines = append(lines, v.String())
	}
	return lines
}

// number has three digits or so.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return ""
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	case v < 10_000:
		return fmt.Sprintf("%.0f", v)
	default:
		n := int(math.Round(v))
		return fmt.Sprintf("%d,%03d", n/1000, n%1000)
	}
}
