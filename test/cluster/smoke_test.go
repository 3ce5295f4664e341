package cluster

import (
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/test/chaos"
)

var unlimited = []string{
	"--publish-rate", "0", "--join-rate", "0", "--handshake-rate", "0", "--connections-per-address", "0",
}

func TestSmoke(t *testing.T) {
	seed := chaos.Seed(t)
	n := NewNode(t.TempDir(), "node-1", binary, unlimited...)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Kill)
	crew := chaos.Start(t, chaos.Config{Seed: seed, Clients: 24, Rooms: []string{"a", "b", "c", "d", "e", "f"}, Pace: 200 * time.Millisecond,
		Nodes: func() []string {
			if a := n.Addr(); a != "" {
				return []string{a}
			}
			return []string{"127.0.0.1:1"}
		}})
	t.Log("settled", crew.Settle())
	for range 3 {
		time.Sleep(2 * time.Second)
		victims := crew.At(n.Addr())
		at := n.Addr()
		crew.Surge(at)
		n.Kill()
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		t.Log("whole", len(victims), crew.Whole(victims, at), "settled", crew.Settle())
	}
	t.Log(crew.Judge())
	if t.Failed() {
		t.Log(n.Log(4000))
	}
}
