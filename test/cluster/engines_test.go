package cluster

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/internal/pgtest"
	"github.com/seed-4a326f83/parley/test/chaos"
)

// A guest is somebody in one room, for tests that look at single messages.
type guest struct {
	t *testing.T
	*chaos.Wire
	room string
}

// enter brings somebody into a room at the node at addr.
func enter(t *testing.T, addr, name, room string) *guest {
	t.Helper()
	w, err := chaos.Dial(addr)
	must(t, err)
	t.Cleanup(w.Close)
	w.Within = chaos.Patience
	_, err = w.Call(map[string]any{"type": "hello", "name": name})
	must(t, err)
	_, err = w.Call(map[string]any{"type": "join", "room": room})
	must(t, err)
	return &guest{t, w, room}
}

// say publishes a text under an id that is its text, again while that is not
// available.
func (g *guest) say(text string) {
	g.t.Helper()
	for {
		_, err := g.Call(map[string]any{"type": "publish", "room": g.room, "id": text, "body": map[string]string{"text": text}})
		var refused *chaos.Refused
		if !errors.As(err, &refused) || refused.Code != "unavailable" {
			must(g.t, err)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// hears waits for the message of this id, asking for nothing, and returns when it
// came.
func (g *guest) hears(id string) time.Time {
	g.t.Helper()
	for deadline := time.Now().Add(chaos.Patience); ; {
		f, err := g.Next(time.Until(deadline))
		if err != nil {
			g.t.Fatalf("waiting for %q: %v", id, err)
		}
		if f.Type == "message" && f.ID == id {
			return f.At
		}
	}
}

// TestKillNATS kills all NATS servers while everybody talks, and starts them
// again. Who is on one node talks on meanwhile; and the last message of a quiet
// room, said while nobody carried it, arrives on the other nodes by itself. Then
// one server of two is killed, whose nodes go to the other.
func TestKillNATS(t *testing.T) {
	t.Parallel()
	seed := chaos.Seed(t)
	rng := chaos.Rand(seed, "faults")
	c := newCluster(t, sharedPostgres(t), 2)
	speaker := enter(t, c.Nodes[0].Addr(), "speaker", "quiet")
	near := enter(t, c.Nodes[0].Addr(), "near", "quiet")
	far := []*guest{enter(t, c.Nodes[1].Addr(), "far", "quiet"), enter(t, c.Nodes[2].Addr(), "farther", "quiet")}
	speaker.say("hello")
	for _, g := range append(far, near) {
		g.hears("hello")
	}
	crew := talk(t, seed, c.Addrs, true)
	for round := range 2 {
		crew.Surge("")
		c.NATS.Kill()
		text := fmt.Sprintf("said to nobody, %d", round)
		said := time.Now()
		speaker.say(text)
		t.Logf("NATS dead: acked in %s", time.Since(said).Round(time.Millisecond))
		t.Logf("NATS dead: heard on the same node %s after it was said", near.hears(text).Sub(said).Round(time.Millisecond))
		crew.Settle()
		time.Sleep(time.Duration(3000+rng.IntN(4000)) * time.Millisecond) // the outage
		must(t, c.NATS.Start())
		back := time.Now()
		for _, g := range far {
			t.Logf("heard on another node %s after it was said, where NATS was back %s after",
				g.hears(text).Sub(said).Round(time.Millisecond), back.Sub(said).Round(time.Millisecond))
		}
		crew.Settle()
	}
	c.NATS.KillOne(rng.IntN(2))
	said := time.Now()
	speaker.say("said to one NATS server of two")
	for _, g := range far {
		t.Logf("one NATS server of two dead: heard on another node %s after it was said",
			g.hears("said to one NATS server of two").Sub(said).Round(time.Millisecond))
	}
	judge(t, crew, c)
}

// TestKillPostgres kills PostgreSQL with all its processes, and once has it shut
// down in good order, while everybody talks. Nothing is acked that is not there
// afterwards, and all nodes go on by themselves.
func TestKillPostgres(t *testing.T) {
	t.Parallel()
	seed := chaos.Seed(t)
	rng := chaos.Rand(seed, "faults")
	pg, err := pgtest.Start(pgtest.Config{Durable: true})
	must(t, err)
	t.Cleanup(func() { pg.Stop() })
	c := newCluster(t, newDatabase(t, pg), 1)
	crew := talk(t, seed, c.Addrs, false)
	for _, fault := range []struct {
		name string
		do   func() error
	}{{"kill", pg.Kill}, {"shutdown", pg.Halt}, {"kill", pg.Kill}} {
		crew.Surge("")
		must(t, fault.do())
		acks := crew.Acks()
		time.Sleep(time.Duration(1000+rng.IntN(3000)) * time.Millisecond) // the outage
		// An ack may have been under way when it died; no more than that.
		t.Logf("%s of PostgreSQL: %d acks came after", fault.name, crew.Acks()-acks)
		must(t, pg.Restart())
		t.Logf("%s after it answered again every client had an ack", crew.Settle().Round(time.Millisecond))
	}
	for _, n := range c.Nodes {
		if n.Addr() == "" || !n.process.Running() {
			t.Errorf("%s did not survive", n.Name)
		}
	}
	judge(t, crew, c)
}
