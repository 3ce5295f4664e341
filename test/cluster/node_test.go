package cluster

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/test/chaos"
)

// TestKillNode ends one node of three as kill -9 does, while it has messages in
// hand, and starts it again: three times.
func TestKillNode(t *testing.T) {
	t.Parallel()
	seed := chaos.Seed(t)
	rng := chaos.Rand(seed, "faults")
	c := newCluster(t, sharedPostgres(t), 1)
	crew := talk(t, seed, c.Addrs, true)
	for range 3 {
		victim := c.Nodes[rng.IntN(len(c.Nodes))]
		addr := victim.Addr()
		crew.Surge(addr)
		hit := crew.At(addr)
		killed := time.Now()
		victim.Kill()
		t.Logf("kill -9 of %s: its %d clients were whole on the others in %s (wanted: 10 s)",
			victim.Name, len(hit), crew.Whole(hit, addr, killed))
		crew.Settle()
		must(t, victim.Start())
		crew.Settle()
	}
	judge(t, crew, c)
}

// TestFrozenNode stops one node of three by SIGSTOP for a minute: its
// connections stay, and nobody answers there. Afterwards it goes on where it
// was, with what was in its hands.
func TestFrozenNode(t *testing.T) {
	t.Parallel()
	seed := chaos.Seed(t)
	rng := chaos.Rand(seed, "faults")
	c := newCluster(t, sharedPostgres(t), 1)
	crew := talk(t, seed, c.Addrs, false)
	number := rng.IntN(len(c.Nodes))
	victim := c.Nodes[number]
	addr := victim.Addr()
	elsewhere := enter(t, c.Nodes[(number+1)%len(c.Nodes)].Addr(), "elsewhere", "quiet")
	crew.Surge(addr)
	hit := crew.At(addr)
	frozen := time.Now()
	must(t, victim.Signal(syscall.SIGSTOP))
	// The frozen node may have rooms locked, until PostgreSQL ends its session; what
	// is said elsewhere waits with what is said in those.
	elsewhere.say("while a node is frozen")
	t.Logf("SIGSTOP of %s: elsewhere a message was acked in %s", victim.Name, time.Since(frozen).Round(time.Millisecond))
	t.Logf("its %d clients, who give up on an answer after 5 s, were whole on the others in %s",
		len(hit), crew.Whole(hit, addr, frozen))
	crew.Settle()
	time.Sleep(time.Until(frozen.Add(time.Minute)))
	must(t, victim.Signal(syscall.SIGCONT))
	thawed := time.Now()
	// Whoever comes there now misses nothing that was said meanwhile.
	for {
		if got, err := chaos.Read(addr, rooms); err == nil && len(got) == len(rooms) {
			break
		} else if time.Since(thawed) > chaos.Patience {
			t.Fatalf("%s is of no use %s after SIGCONT: %v", victim.Name, chaos.Patience, err)
		}
	}
	t.Logf("%s was of use %s after SIGCONT", victim.Name, time.Since(thawed).Round(time.Millisecond))
	crew.Settle()
	judge(t, crew, c)
}

// TestResendOnTwoNodes has one person send one id from two sockets on two nodes
// at once, and again after the nodes were killed and started: it is said once,
// and every ack is the same.
func TestResendOnTwoNodes(t *testing.T) {
	t.Parallel()
	seed := chaos.Seed(t)
	rng := chaos.Rand(seed, "choices")
	c := newCluster(t, sharedPostgres(t), 1)
	const ids = 100
	logs := &chaos.Log{Client: "twins", Seen: map[string][]chaos.Sighting{}}
	for i := range ids {
		logs.Said = append(logs.Said, &chaos.Said{Room: rooms[rng.IntN(len(rooms))], ID: fmt.Sprintf("once-%d", i), Body: `{"text":"once"}`})
	}
	var session string
	connect := func(addr string) *chaos.Wire {
		t.Helper()
		w, err := chaos.Dial(addr)
		must(t, err)
		t.Cleanup(w.Close)
		hello := map[string]any{"type": "hello", "name": "twins"}
		if session != "" {
			hello = map[string]any{"type": "hello", "session": session}
		}
		f, err := w.Call(hello)
		must(t, err)
		if session == "" {
			session, logs.User = f.Session, f.User
			for _, room := range rooms {
				_, err := w.Call(map[string]any{"type": "join", "room": room})
				must(t, err)
			}
		}
		return w
	}
	// say sends every id on both sockets, without waiting, and gathers the acks.
	say := func(a, b *chaos.Wire) {
		t.Helper()
		type outcome struct {
			acks []chaos.Ack
			err  error
		}
		send := func(w *chaos.Wire) <-chan outcome {
			done := make(chan outcome, 1)
			go func() {
				var o outcome
				for _, s := range logs.Said {
					f, err := w.Call(map[string]any{"type": "publish", "room": s.Room, "id": s.ID, "body": map[string]string{"text": "once"}})
					if err != nil {
						o.err = err
						break
					}
					o.acks = append(o.acks, chaos.Ack{Seq: f.Seq, Time: f.Time})
				}
				done <- o
			}()
			return done
		}
		for _, done := range []<-chan outcome{send(a), send(b)} {
			o := <-done
			must(t, o.err)
			for i, ack := range o.acks {
				logs.Said[i].Acks = append(logs.Said[i].Acks, ack)
			}
		}
	}
	addrs := c.Addrs()
	say(connect(addrs[0]), connect(addrs[1]))
	for _, n := range c.Nodes {
		n.Kill()
		must(t, n.Start())
	}
	addrs = c.Addrs()
	rng.Shuffle(len(addrs), func(i, j int) { addrs[i], addrs[j] = addrs[j], addrs[i] })
	say(connect(addrs[0]), connect(addrs[1]))

	history, err := chaos.Read(addrs[2], rooms)
	must(t, err)
	for _, wrong := range chaos.Judge(history, []*chaos.Log{logs}) {
		t.Error(wrong)
	}
	stored := 0
	for _, messages := range history {
		stored += len(messages)
	}
	t.Logf("%d ids, each sent 4 times over 2 nodes and a restart of all: %d messages", ids, stored)
	if stored != ids || slices.ContainsFunc(logs.Said, func(s *chaos.Said) bool { return len(s.Acks) != 4 }) {
		t.Errorf("%d messages of %d ids; every id was to be acked 4 times", stored, ids)
	}
}
