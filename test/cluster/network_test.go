package cluster

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/internal/pgtest"
	"github.com/seed-4a326f83/parley/test/chaos"
)

// A network gives each of some machines, which are network namespaces, two
// cables: one to a switch at which the engines are too, one to its clients. The
// engines and the clients are in our own namespace.
type network struct {
	t        *testing.T
	name     string // begins the names of what it makes
	number   int    // of the networks that its addresses are from, 198.18.n.0/24 and 198.19.n.0/24, for testing (RFC 2544)
	machines int
}

// freeNetwork finds a number that no other run of this uses.
func freeNetwork(t *testing.T) int {
	t.Helper()
	taken, err := net.InterfaceAddrs()
	must(t, err)
	for range 100 {
		number := 1 + rand.IntN(250)
		if !slices.ContainsFunc(taken, func(a net.Addr) bool {
			return strings.HasPrefix(a.String(), fmt.Sprintf("198.18.%d.", number))
		}) {
			return number
		}
	}
	t.Fatal("there is no free network in 198.18.0.0/16")
	return 0
}

// prefix begins the names of all networks here; the process that made it follows.
const prefix = "ply"

// sweep removes what runs left that were killed.
func sweep() {
	out, _ := exec.Command("ip", "netns", "list").Output()
	for _, word := range strings.Fields(string(out)) {
		rest, ours := strings.CutPrefix(word, prefix)
		pid, _, machine := strings.Cut(rest, "-m")
		number, err := strconv.Atoi(pid)
		if ours && machine && err == nil && syscall.Kill(number, 0) == syscall.ESRCH {
			(&network{name: prefix + pid, machines: 9}).remove()
		}
	}
}

func newNetwork(t *testing.T, machines int) *network {
	t.Helper()
	sweep()
	n := &network{t: t, name: fmt.Sprintf("%s%d", prefix, os.Getpid()), number: freeNetwork(t), machines: machines}
	if os.Geteuid() != 0 {
		t.Fatal("making network namespaces needs root; run this test as root (in a container, with CAP_SYS_ADMIN and CAP_NET_ADMIN)")
	}
	t.Cleanup(n.remove)
	n.ip("link add %s type bridge", n.device("s", 0))
	n.ip("addr add %s/24 dev %s", n.engines(), n.device("s", 0))
	n.ip("link set %s up", n.device("s", 0))
	for i := 1; i <= machines; i++ {
		ns := n.machine(i)
		n.ip("netns add %s", ns)
		n.ip("-n %s link set lo up", ns)
		n.ip("link add %s type veth peer name back netns %s", n.device("b", i), ns)
		n.ip("link set %s master %s up", n.device("b", i), n.device("s", 0))
		n.ip("-n %s addr add %s/24 dev back", ns, n.back(i))
		n.ip("-n %s link set back up", ns)
		n.ip("link add %s type veth peer name front netns %s", n.device("f", i), ns)
		n.ip("addr add %s/30 dev %s", n.clients(i), n.device("f", i))
		n.ip("link set %s up", n.device("f", i))
		n.ip("-n %s addr add %s/30 dev front", ns, n.front(i))
		n.ip("-n %s link set front up", ns)
	}
	return n
}

func (n *network) device(kind string, i int) string { return fmt.Sprintf("%s%s%d", n.name, kind, i) }
func (n *network) machine(i int) string             { return fmt.Sprintf("%s-m%d", n.name, i) }

// The engines are at engines, and a machine at the back; its clients are at
// clients, and find it at the front.
func (n *network) engines() string      { return fmt.Sprintf("198.18.%d.254", n.number) }
func (n *network) back(i int) string    { return fmt.Sprintf("198.18.%d.%d", n.number, i) }
func (n *network) clients(i int) string { return fmt.Sprintf("198.19.%d.%d", n.number, 4*i+1) }
func (n *network) front(i int) string   { return fmt.Sprintf("198.19.%d.%d", n.number, 4*i+2) }

// cut pulls the cable between a machine and the switch; mend puts it back. No
// end of a connection hears of it.
func (n *network) cut(i int)  { n.ip("link set %s down", n.device("b", i)) }
func (n *network) mend(i int) { n.ip("link set %s up", n.device("b", i)) }

func (n *network) ip(format string, args ...any) {
	n.t.Helper()
	line := fmt.Sprintf(format, args...)
	if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
		n.t.Fatalf("ip %s: %v: %s\nThis test needs iproute2 and a kernel and container that allow network namespaces, veth and bridge.", line, err, out)
	}
}

func (n *network) remove() {
	for i := 1; i <= n.machines; i++ {
		exec.Command("ip", "netns", "del", n.machine(i)).Run() // with its ends of the cables, and so the cables
	}
	exec.Command("ip", "link", "del", n.device("s", 0)).Run()
}

// TestLinkDown pulls the cable between one of three nodes and the others, NATS
// and PostgreSQL for 30 s. Clients reach the node all the while, and find it of
// no use. Then it comes back by itself.
func TestLinkDown(t *testing.T) {
	t.Parallel()
	seed := chaos.Seed(t)
	rng := chaos.Rand(seed, "faults")
	machines := newNetwork(t, 3)
	dir := t.TempDir()
	// In a folder that whoever PostgreSQL runs as can read.
	access, err := os.CreateTemp("", "parley-hba-")
	must(t, err)
	t.Cleanup(func() { os.Remove(access.Name()) })
	fmt.Fprintf(access, "local all all trust\nhost all all %s/24 trust\n", machines.engines())
	must(t, access.Chmod(0o644))
	must(t, access.Close())
	pg, err := pgtest.Start(pgtest.Config{Durable: true, Settings: map[string]string{
		"listen_addresses": machines.engines(), "hba_file": access.Name(),
	}})
	must(t, err)
	t.Cleanup(func() { pg.Stop() })
	name, err := pg.CreateDatabase(t.Context())
	must(t, err)

	nats, err := NewNATS(dir, machines.engines(), 1)
	must(t, err)
	t.Cleanup(nats.Kill)
	must(t, nats.Start())
	c := &Cluster{NATS: nats}
	t.Cleanup(c.Stop)
	for i := 1; i <= 3; i++ {
		n := NewNode(dir, fmt.Sprintf("node-%d", i), binary, append([]string{
			"--store", fmt.Sprintf("postgres://parley@%s:5432/%s", machines.engines(), name), "--bus", nats.URL(), "--guests",
		}, unlimited...)...)
		n.Namespace, n.Listen = machines.machine(i), machines.front(i)+":8080"
		c.Nodes = append(c.Nodes, n)
		must(t, n.Start())
	}
	t.Cleanup(func() { tellLogs(t, c.Nodes) })

	crew := talk(t, seed, c.Addrs, false)
	i := 1 + rng.IntN(3)
	victim := c.Nodes[i-1]
	quiet := enter(t, c.Nodes[i%3].Addr(), "speaker", "quiet")
	cutOff := enter(t, victim.Addr(), "cut off", "quiet")
	quiet.say("before")
	cutOff.hears("before")

	crew.Surge(victim.Addr())
	hit := crew.At(victim.Addr())
	cut := time.Now()
	machines.cut(i)
	quiet.say("while the link was down")
	t.Logf("link of %s down: %d clients on it; elsewhere a message was acked in %s", victim.Name, len(hit), time.Since(cut).Round(time.Millisecond))
	t.Logf("its clients, who give up on an answer after 5 s, were whole on the others in %s",
		crew.Whole(hit, victim.Addr(), cut))
	time.Sleep(time.Until(cut.Add(30 * time.Second)))
	machines.mend(i)
	mended := time.Now()
	t.Logf("who had stayed heard the last message of a quiet room %s after the link was back",
		cutOff.hears("while the link was down").Sub(mended).Round(time.Millisecond))
	for {
		got, err := chaos.Read(victim.Addr(), rooms)
		if err == nil && len(got) == len(rooms) {
			break
		}
		if time.Since(mended) > chaos.Patience {
			t.Fatalf("%s is of no use %s after its link was back: %v", victim.Name, chaos.Patience, err)
		}
	}
	t.Logf("%s was of use %s after the link was back", victim.Name, time.Since(mended).Round(time.Millisecond))
	crew.Settle()
	judge(t, crew, c)
}
