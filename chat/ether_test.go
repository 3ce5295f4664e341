package chat_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/hub"
	"github.com/seed-4a326f83/parley/sqlite"
)

// An ether is what news goes through from node to node. It loses some, doubles
// some, and is as quick as it likes.
type ether struct {
	mu      sync.Mutex
	chance  *rand.Rand
	loss    float64
	double  float64
	slowest time.Duration
	ends    []*end
}

// An end is the bus of one node.
type end struct {
	*hub.Bus
	ether    *ether
	up       bool
	followed map[string]bool
}

func (e *ether) end() *end {
	b := &end{Bus: hub.NewBus(1000), ether: e, up: true, followed: make(map[string]bool)}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ends = append(e.ends, b)
	return b
}

// link takes an end off the ether, or puts it there.
func (b *end) link(up bool) {
	b.ether.mu.Lock()
	b.up = up
	b.ether.mu.Unlock()
	b.Bus.Publish(context.Background(), parley.News{Link: &parley.Link{Up: up}})
}

// cut has news to and from an end lost, without it noticing.
func (b *end) cut(cut bool) {
	b.ether.mu.Lock()
	defer b.ether.mu.Unlock()
	b.up = !cut
}

func (b *end) Subscribe(deliver func(parley.News)) (stop func()) {
	stop = b.Bus.Subscribe(deliver)
	b.link(true)
	return stop
}

func (b *end) Follow(room string, wanted bool) {
	b.ether.mu.Lock()
	defer b.ether.mu.Unlock()
	b.followed[room] = wanted
}

func (b *end) Publish(ctx context.Context, n parley.News) error {
	err := b.Bus.Publish(ctx, n)
	e := b.ether
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, other := range e.ends {
		if room := n.InRoom(); other == b || !b.up || room != "" && !other.followed[room] {
			continue
		}
		for copies := e.copies(); copies > 0; copies-- {
			time.AfterFunc(time.Duration(e.chance.Int64N(int64(e.slowest)+1)), func() {
				e.mu.Lock()
				up := other.up
				e.mu.Unlock()
				if up {
					other.Bus.Publish(context.Background(), n)
				}
			})
		}
	}
	return err
}

func (e *ether) copies() int {
	switch p := e.chance.Float64(); {
	case p < e.loss:
		return 0
	case p < e.loss+e.double:
		return 2
	}
	return 1
}

// A testCluster is nodes over one store.
type testCluster struct {
	ether *ether
	store parley.Store
	ends  []*end
	nodes []*chat.Chat
}

// clustered runs a test with several nodes, and a clock of its own.
func clustered(t *testing.T, nodes int, e *ether, wrap func(parley.Store) parley.Store, test func(t *testing.T, c *testCluster)) {
	path := filepath.Join(t.TempDir(), "parley.db")
	synctest.Test(t, func(t *testing.T) {
		store, err := sqlite.Open(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		c := &testCluster{ether: e, store: store}
		if wrap != nil {
			c.store = wrap(store)
		}
		for range nodes {
			bus := e.end()
			defer bus.Close()
			c.ends = append(c.ends, bus)
			c.nodes = append(c.nodes, chat.New(chat.Config{Store: c.store, Bus: bus, Limits: chat.Limits{Connections: 100}, Guests: true}))
		}
		defer func() {
			for _, n := range c.nodes {
				n.Close(context.Background())
			}
		}()
		test(t, c)
	})
}

func reliable() *ether { return &ether{chance: rand.New(rand.NewPCG(1, 1)), slowest: time.Millisecond} }
