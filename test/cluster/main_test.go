package cluster

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/internal/pgtest"
	"github.com/seed-4a326f83/parley/test/chaos"
)

// binary is the parley that every node here runs.
var binary string

func TestMain(m *testing.M) {
	Child()
	// Most of the time is spent waiting for a fault to last: several at once.
	flag.Parse()
	flag.Set("test.parallel", "5")
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "parley-cluster-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary = os.Getenv("PARLEY_BINARY"); binary == "" {
		binary = filepath.Join(dir, "parley")
		var flags []string
		if os.Getenv("PARLEY_RACE") == "1" {
			flags = append(flags, "-race")
		}
		if err := Build("../..", binary, flags...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	defer func() {
		if shared.server != nil {
			shared.server.Stop()
		}
	}()
	return m.Run()
}

// shared is a PostgreSQL for all tests that do not break theirs.
var shared struct {
	once   sync.Once
	server *pgtest.Server
	err    error
}

// sharedPostgres returns the URL of a new database of the shared PostgreSQL.
func sharedPostgres(t *testing.T) string {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = pgtest.Start(pgtest.Config{Durable: true}) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return newDatabase(t, shared.server)
}

func newDatabase(t *testing.T, s *pgtest.Server) string {
	t.Helper()
	name, err := s.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.URL(name)
}

// unlimited lifts the bounds that a crew, one address in a hurry, would meet.
var unlimited = []string{
	"--publish-rate", "0", "--join-rate", "0", "--handshake-rate", "0", "--connections-per-address", "0", "--call-rate", "0",
}

// newCluster starts three nodes, which end with the test. Where it failed their
// logs are shown.
func newCluster(t *testing.T, store string, servers int, args ...string) *Cluster {
	t.Helper()
	c, err := Start(Config{
		Dir: t.TempDir(), Binary: binary, Store: store, NATS: servers, Nodes: 3,
		Args: append(append([]string{}, unlimited...), args...),
	})
	t.Cleanup(c.Stop)
	t.Cleanup(func() { tellLogs(t, c.Nodes) })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tellLogs shows what the nodes of a failed test logged, and fails any test
// whose nodes tell of a fault of their own.
func tellLogs(t *testing.T, nodes []*Node) {
	for _, n := range nodes {
		if log := n.Log(1 << 20); strings.Contains(log, "DATA RACE") || strings.Contains(log, "panic:") || strings.Contains(log, "panicked") {
			t.Errorf("the log of %s tells of a fault", n.Name)
		}
		if t.Failed() {
			t.Logf("the log of %s ends:\n%s", n.Name, n.Log(4000))
		}
	}
}

// must fails the test for an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var rooms = []string{"lobby", "busy", "yard", "attic", "cellar", "hall"}

// talk starts a crew on a cluster and waits until all of it talks. Ordered is as
// in [chaos.Config].
func talk(t *testing.T, seed uint64, addrs func() []string, ordered bool) *chaos.Crew {
	t.Helper()
	crew := chaos.Start(t, chaos.Config{
		Seed: seed, Clients: 18, Rooms: rooms, Pace: 300 * time.Millisecond, Nodes: addrs, Ordered: ordered,
	})
	crew.Settle()
	return crew
}

// judge ends the crew's talk, and reports.
func judge(t *testing.T, crew *chaos.Crew, c *Cluster) {
	t.Helper()
	t.Log(crew.Judge(c.Addrs()))
}
