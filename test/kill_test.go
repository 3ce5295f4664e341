package test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/test/chaos"
)

const (
	kills      = 20
	publishers = 8
)

// killRooms is where the load goes, so that groups commit to several rooms.
var killRooms = []string{"lobby", "busy", "quiet"}

// TestKill ends the server as kill -9 does, at random moments while 8
// publishers write as fast as they may, 20 times and sometimes again while it
// recovers. What package chaos asks of a history must then be so.
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
	seed := chaos.Seed(t)
	rng := chaos.Rand(seed, "ends")
	s := newServer(t, unlimited...)
	p := newProxy(t, s.addr()) // so that its address stays the same
	crew := chaos.Start(t, chaos.Config{
		Seed: seed, Clients: publishers, Rooms: killRooms, Ordered: true,
		Nodes: func() []string { return []string{p.addr()} },
	})
	midFlight := 0
	for range times {
		crew.Settle()
		time.Sleep(time.Duration(rng.Int64N(int64(700 * time.Millisecond))))
		if crew.Flying() > 0 {
			midFlight++
		}
		end(s, rng)
		s.start()
		p.aim(s.addr())
		if t.Failed() {
			return
		}
	}
	crew.Settle()
	t.Log(crew.Judge([]string{s.addr()}))
	t.Logf("%d of %d ends came upon messages in flight", midFlight, times)
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
