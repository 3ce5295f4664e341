package test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	kills      = 20
	publishers = 8
	window     = 8 // messages a publisher sends ahead of their acks
)

// killRooms is where the load goes, so that groups commit to several rooms.
var killRooms = []string{"lobby", "busy", "quiet"}

// TestKill ends the server as kill -9 does, at random moments while 8
// publishers write, 20 times and sometimes again while it recovers. What an ack
// promised must then be so: the message is in the history, once, at the seq of
// its ack; seq has no holes; what one publisher said in one room stands in the
// order it was said; and all readers saw one order.
func TestKill(t *testing.T) {
	underLoad(t, kills, func(s *server, rng *rand.Rand) {
		s.kill()
		if rng.IntN(4) == 0 {
			s.killAtStart(time.Duration(rng.Int64N(int64(150 * time.Millisecond))))
		}
	})
}

// TestStopUnderLoad asks the server to end, as an update does, and expects of
// it what TestKill does.
func TestStopUnderLoad(t *testing.T) {
	underLoad(t, 3, func(s *server, _ *rand.Rand) { s.stop() })
}

// underLoad ends and starts a server again, times times, while publishers write.
func underLoad(t *testing.T, times int, end func(*server, *rand.Rand)) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("PARLEY_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("PARLEY_SEED: %v", err)
		}
	}
	t.Logf("replay with PARLEY_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))

	s := newServer(t, unlimited...)
	l := &load{t: t}
	l.addr.Store(s.addr())
	crew := make([]*publisher, publishers)
	var running sync.WaitGroup
	for i := range crew {
		crew[i] = newPublisher(l, i, rand.New(rand.NewPCG(seed, uint64(i+1))))
		running.Go(crew[i].run)
	}
	stopped := sync.OnceFunc(func() {
		l.stop.Store(true)
		running.Wait()
	})
	t.Cleanup(stopped)

	midFlight := 0
	for range times {
		l.settle(crew)
		time.Sleep(time.Duration(rng.Int64N(int64(700 * time.Millisecond))))
		if l.inFlight(crew) > 0 {
			midFlight++
		}
		end(s, rng)
		s.start()
		l.addr.Store(s.addr())
		if t.Failed() {
			return
		}
	}
	l.settle(crew)
	stopped()
	if t.Failed() {
		return
	}

	acked := judge(t, s, crew)
	t.Logf("%d messages acked, %d of %d ends came upon messages in flight", acked, midFlight, times)
	if midFlight*2 < times {
		t.Errorf("only %d of %d ends came upon messages in flight: this tests nothing", midFlight, times)
	}
}

// killAtStart runs the server and kills it after d, most likely while it opens
// its data.
func (s *server) killAtStart(d time.Duration) {
	s.t.Helper()
	p, stdout := s.launch()
	go func() {
		buf := make([]byte, 4096)
		for {
			if _, err := stdout.Read(buf); err != nil {
				break
			}
		}
		p.wait()
	}()
	time.Sleep(d)
	p.kill()
}

// load is what the publishers of one run share.
type load struct {
	t    *testing.T
	addr atomic.Value // string: where the server is, or was last
	stop atomic.Bool
}

// settle waits until every publisher has had an ack from now on.
func (l *load) settle(crew []*publisher) {
	l.t.Helper()
	deadline := time.Now().Add(patience)
	for _, p := range crew {
		for was := p.acks.Load(); p.acks.Load() == was && !l.t.Failed(); {
			if time.Now().After(deadline) {
				l.t.Fatalf("publisher %d had no ack in %s", p.number, patience)
			}
			time.Sleep(time.Millisecond)
		}
	}
}

func (l *load) inFlight(crew []*publisher) (n int64) {
	for _, p := range crew {
		n += p.flying.Load()
	}
	return n
}

// judge holds the history that a newcomer reads against what was promised and
// what was seen, and returns how many messages were acked.
func judge(t *testing.T, s *server, crew []*publisher) (acked int) {
	t.Helper()
	c, _ := guest(t, s.addr(), "judge")
	log := map[string][]message{}
	for _, room := range killRooms {
		c.must(object{"type": "join", "room": room})
		log[room] = c.wholeHistory(room)
		for i, m := range log[room] {
			if m.Seq != int64(i+1) {
				t.Fatalf("history of %q: seq %d stands at place %d", room, m.Seq, i+1)
			}
		}
	}
	for _, p := range crew {
		acked += p.judge(log)
	}
	return acked
}
