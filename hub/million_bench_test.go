package hub_test

import (
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/hub"
)

// A far is a connection of the simulation: one piece of memory with its session,
// as a gateway's is. It counts what it is told.
type far struct {
	session hub.Session
	told    *atomic.Int64
}

func (f *far) Deliver(*parley.Event) { f.told.Add(1) }
func (f *far) End(parley.Ending)     {}

// BenchmarkMillionSessions holds a million sessions of a million people in one
// hub, and measures what each costs there and how long it takes from a message's
// arrival until the last of its room was told. It needs about 2 GB.
func BenchmarkMillionSessions(b *testing.B) {
	const million = 1_000_000
	for _, size := range []int{100, 10_000, million} {
		b.Run(fmt.Sprintf("rooms of %d", size), func(b *testing.B) { benchSessions(b, million, size, 1) })
	}
	b.Run("five rooms of 1000 each", func(b *testing.B) { benchSessions(b, million, 1000, 5) })
}

// benchSessions connects n sessions, each of which listens to so many rooms of
// size sessions.
func benchSessions(b *testing.B, n, size, each int) {
	var told atomic.Int64
	rooms := make([]parley.Room, n/size*each)
	for i := range rooms {
		id := "room-" + strconv.Itoa(i)
		rooms[i] = parley.Room{ID: id, Name: id, Kind: parley.Public}
	}
	before := heapInUse()
	began := time.Now()
	h := hub.New(gone)
	all := make([]*far, n)
	for i := range all {
		f := &far{told: &told}
		f.session.To(f)
		h.Connect(&f.session, "c"+strconv.Itoa(i), parley.User{ID: "u" + strconv.Itoa(i), Name: "person " + strconv.Itoa(i)})
		f.session.Watch(nil)
		for k := range each {
			join(&f.session, rooms[i/size*each+k], 0)
		}
		all[i] = f
	}
	joined := time.Since(began)
	held := heapInUse() - before - uint64(n)*8 // the list of them is ours

	seqs := make([]int64, len(rooms))
	publish := func(at int) {
		seqs[at]++
		want := told.Load() + int64(size)
		h.Deliver(message(rooms[at].ID, seqs[at]))
		for told.Load() < want {
			runtime.Gosched()
		}
	}
	// Comings are told to small rooms a little later: not while we count.
	for at := told.Load(); ; at = told.Load() {
		time.Sleep(time.Second)
		if told.Load() == at {
			break
		}
	}
	b.ResetTimer()
	for i := range b.N {
		publish(i % len(rooms))
	}
	b.StopTimer()
	perOp := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(float64(held)/float64(n), "B/session")
	b.ReportMetric(float64(joined.Nanoseconds())/float64(n), "ns/join")
	b.ReportMetric(float64(perOp.Nanoseconds())/float64(size), "ns/delivery")
	runtime.KeepAlive(all)
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
