package server

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// memoryShare is how much of the process's memory limit may be in use for
	// more connections to be taken in: those that are there must be able to go
	// on, and the garbage collector to do its work.
	memoryShare = 0.8
	// memoryAge is for how long a measurement is good.
	memoryAge = 250 * time.Millisecond
)

// A memoryGauge says whether memory runs short, by the limit that GOMEMLIMIT or
// [debug.SetMemoryLimit] gives the process. Where there is none, it never does.
// It is not safe for concurrent use.
type memoryGauge struct {
	used  func() uint64
	limit func() int64

	at    time.Time // of the last measurement
	short bool
}

func newMemoryGauge() memoryGauge {
	return memoryGauge{used: memoryInUse, limit: func() int64 { return debug.SetMemoryLimit(-1) }}
}

// runsShort measures, where the last measurement is old.
func (g *memoryGauge) runsShort(now time.Time) bool {
	if now.Sub(g.at) < memoryAge {
		return g.short
	}
	g.at = now
	limit := g.limit()
	g.short = limit < math.MaxInt64 && float64(g.used()) > memoryShare*float64(limit)
	return g.short
}

// memoryInUse returns the bytes that the process cannot do without: what the
// runtime has from the system, less what it has given back, what is free, and
// what was allocated since the last collection.
func memoryInUse() uint64 {
	samples := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/live:bytes"},
	}
	metrics.Read(samples)
	value := func(i int) uint64 { return samples[i].Value.Uint64() }
	used := value(0) - value(1) - value(2)
	if objects, live := value(3), value(4); objects > live {
		// Allocated since: near the limit collections come often, so that what of
		// it stays is soon known.
		used -= objects - live
	}
	return used
}
