// Package nats_test holds Parley's bus against real NATS servers, which it runs
// inside the test.
package nats_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/hub"
	"github.com/seed-4a326f83/parley/nats"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// run starts a server that stops with the test.
func run(t *testing.T, o *server.Options) *server.Server {
	t.Helper()
	o.Host, o.NoLog, o.NoSigs = "127.0.0.1", true, true
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the NATS server does not come up")
	}
	return s
}

// A node is a bus and what it delivered.
type node struct {
	*nats.Bus
	t    *testing.T
	mu   sync.Mutex
	news []parley.News
	up   bool
}

func connect(t *testing.T, o nats.Options) *node {
	t.Helper()
	local := hub.NewBus(10_000)
	o.Local, o.Log = local, slog.New(slog.DiscardHandler)
	bus, err := nats.Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{Bus: bus, t: t}
	bus.Subscribe(func(news parley.News) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if news.Link != nil {
			n.up = news.Link.Up
		} else {
			n.news = append(n.news, news)
		}
	})
	t.Cleanup(func() { bus.Close(); local.Close() })
	return n
}

func to(urls ...string) nats.Options { return nats.Options{URLs: urls} }

// until waits until something is so, and does something again and again
// meanwhile.
func until(t *testing.T, what string, do func(), so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("in vain: " + what)
		}
		do()
	}
}

func nothing() {}

func (n *node) publish(news parley.News) {
	if err := n.Publish(context.Background(), news); err != nil {
		n.t.Errorf("publishing: %v", err)
	}
}

// linked reports whether the bus says that it reaches a server.
func (n *node) linked() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.up
}

// heard reports whether a node's pulse came.
func (n *node) heard(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, news := range n.news {
		if news.Pulse != nil && news.Pulse.Node == name {
			return true
		}
	}
	return false
}

// took returns what was delivered since it was last called, but for pulses.
func (n *node) took() (news []parley.News) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, one := range n.news {
		if one.Pulse == nil {
			news = append(news, one)
		}
	}
	n.news = nil
	return news
}

func pulse(name string) parley.News { return parley.News{Pulse: &parley.Pulse{Node: name}} }

func message(room string, seq int64) parley.News {
	return parley.News{Message: &parley.Message{
		Room: room, Seq: seq, ID: fmt.Sprint(seq), From: parley.User{ID: "u1", Name: "ann"}, Time: time.UnixMilli(1).UTC(),
		Kind: parley.KindText, Body: json.RawMessage(`{"text":"hi"}`),
	}}
}

// meet waits until what one node says reaches the other, both ways.
func meet(t *testing.T, a, b *node) {
	t.Helper()
	one, other := parley.NewUserID(), parley.NewUserID()
	until(t, "nodes meet", func() { a.publish(pulse(one)); b.publish(pulse(other)) }, func() bool { return b.heard(one) && a.heard(other) })
}

// follow has a node follow a room, and waits until what another says in it
// comes.
func follow(t *testing.T, n *node, room string, other *node) {
	t.Helper()
	n.Follow(room, true)
	signal := parley.News{Signal: &parley.Signal{Room: room, Kind: "x", Body: json.RawMessage(`{}`)}}
	until(t, "a room is followed", func() { other.publish(signal) }, func() bool {
		for _, news := range n.took() {
			if news.Signal != nil {
				return true
			}
		}
		return false
	})
	// What is still on its way comes before what a node says after it.
	meet(t, n, other)
	n.took()
	other.took()
}

func TestNodesMeetOverACluster(t *testing.T) {
	var servers []*server.Server
	for i := range 3 {
		o := &server.Options{ServerName: fmt.Sprint("s", i), Cluster: server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: -1}}
		if i > 0 {
			o.Routes = []*url.URL{{Scheme: "nats", Host: servers[0].ClusterAddr().String()}}
		}
		servers = append(servers, run(t, o))
	}
	var nodes []*node
	for _, s := range servers {
		nodes = append(nodes, connect(t, to(s.ClientURL())))
	}
	for i, a := range nodes {
		meet(t, a, nodes[(i+1)%3])
	}
	follow(t, nodes[1], "tea", nodes[0])
	hash := parley.NewSessionToken().Hash()
	room := parley.Room{ID: "tea", Name: "Tea", Kind: parley.Public, First: 1}
	all := []parley.News{
		message("tea", 1),
		{Signal: &parley.Signal{Room: "tea", Kind: "typing", Body: json.RawMessage(`{}`), Origin: "c1"}},
		{Read: &parley.ReadMark{User: "u1", Room: "tea", Seq: 1, Origin: "c1"}},
		{Member: &parley.Member{User: "u1", Room: room, Left: true, Origin: "c1"}},
		{Room: &room},
		{Out: &parley.Out{User: "u1", Session: &hash}},
		{Presence: &parley.Presence{Node: "a", Room: "tea", Count: 1, Came: []parley.User{{ID: "u1", Name: "ann"}}}},
		{Online: &parley.Online{Node: "a", Came: []uint64{7}}},
	}
	for _, news := range all {
		nodes[0].publish(news)
	}
	meet(t, nodes[0], nodes[1])
	meet(t, nodes[0], nodes[2])
	for i, want := range [][]parley.News{all, all, {all[2], all[3], all[5], all[7]}} { // of a room, who follows it is told alone
		if got := nodes[i].took(); !reflect.DeepEqual(got, want) {
			t.Errorf("node %d was told %+v", i, got)
		}
	}

	nodes[1].Follow("tea", false)
	until(t, "a room is followed no more", func() { nodes[0].publish(message("tea", 2)); meet(t, nodes[0], nodes[1]) },
		func() bool { return len(nodes[1].took()) == 0 })
}

func TestNewsOfOneRoomKeepsItsOrder(t *testing.T) {
	s := run(t, &server.Options{})
	a, b := connect(t, to(s.ClientURL())), connect(t, to(s.ClientURL()))
	follow(t, b, "tea", a)
	const many = 1000
	for seq := range int64(many) {
		a.publish(message("tea", seq+1))
	}
	meet(t, a, b)
	for i, news := range b.took() {
		if news.Message.Seq != int64(i+1) {
			t.Fatalf("message %d came as %d", news.Message.Seq, i+1)
		}
	}
}

func TestInstallationsThatShareServersAreApart(t *testing.T) {
	s := run(t, &server.Options{})
	one := nats.Options{URLs: []string{s.ClientURL()}, Name: "one"}
	other := nats.Options{URLs: []string{s.ClientURL()}, Name: "one.all"}
	a, b, c := connect(t, one), connect(t, one), connect(t, other)
	meet(t, a, b)
	a.publish(pulse("of one"))
	meet(t, a, b)
	c.publish(pulse("of the other"))
	until(t, "a bus delivers to its own node", nothing, func() bool { return c.heard("of the other") })
	if c.heard("of one") {
		t.Error("news of one installation reached another")
	}
}

// A relay is the address of a server that may be another one later, or none.
type relay struct {
	net.Listener
	mu     sync.Mutex
	target string
	conns  map[net.Conn]bool
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: listener, conns: make(map[net.Conn]bool)}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { r.join(conn) })
		}
	})
	t.Cleanup(func() { listener.Close(); r.cut(); conns.Wait() })
	return r
}

// lead has those who come from now on led to an address; "": to none.
func (r *relay) lead(target string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.target = target
}

// cut ends all connections, and leads to no server.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.target = ""
	for conn := range r.conns {
		conn.Close()
	}
}

func (r *relay) join(conn net.Conn) {
	defer conn.Close()
	r.mu.Lock()
	target := r.target
	if target != "" {
		r.conns[conn] = true
	}
	r.mu.Unlock()
	if target == "" {
		return
	}
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.conns, conn)
	}()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		io.Copy(server, conn)
		server.Close()
	}()
	io.Copy(conn, server)
}

func TestABusOutlivesItsServer(t *testing.T) {
	s := run(t, &server.Options{})
	relay := newRelay(t)
	relay.lead(s.Addr().String())
	urls := to("nats://" + relay.Addr().String())
	a, b := connect(t, urls), connect(t, urls)
	follow(t, b, "tea", a)
	relay.cut()
	s.Shutdown()
	s.WaitForShutdown()
	until(t, "the link is down", nothing, func() bool { return !a.linked() && !b.linked() })
	c := connect(t, urls) // starts without
	if c.linked() {
		t.Error("a bus says that it reaches a server that is not there")
	}
	a.publish(message("tea", 1)) // is lost for b, and delivered here
	until(t, "a bus without a server delivers", nothing, func() bool { return len(a.took()) == 1 })
	relay.lead(run(t, &server.Options{}).Addr().String())
	for _, n := range []*node{a, b, c} {
		until(t, "the link is up", nothing, n.linked)
	}
	meet(t, a, b)
	meet(t, a, c)
	b.took()
	a.publish(message("tea", 2))
	until(t, "a room is followed as before", nothing, func() bool {
		news := b.took()
		return len(news) == 1 && news[0].Message.Seq == 2
	})
}

func TestWhatIsTooLargeIsToldAsAHead(t *testing.T) {
	s := run(t, &server.Options{MaxPayload: 1000})
	a, b := connect(t, to(s.ClientURL())), connect(t, to(s.ClientURL()))
	meet(t, a, b)
	large := message("tea", 7)
	large.Message.Body = json.RawMessage(`{"text":"` + strings.Repeat("x", 1000) + `"}`)
	a.publish(large)
	until(t, "a head comes", nothing, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, news := range b.news {
			if news.Pulse != nil && news.Pulse.Heads["tea"] == 7 {
				return true
			}
		}
		return false
	})
}

func TestWhatOthersSendIsPassedOver(t *testing.T) {
	s := run(t, &server.Options{})
	a, b := connect(t, to(s.ClientURL())), connect(t, to(s.ClientURL()))
	follow(t, b, "tea", a)
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "CONNECT {\"verbose\":false}\r\n")
	for _, subject := range []string{"parley.all", "parley.room.tea"} {
		for _, data := range []string{"", "x", "{}", `{"v":1}`, `{"v":1,"out":{}}`, `{"v":1,"message":{"room":"mate","seq":1,"body":{}}}`, `{"v":1,"read":{"user":"u","room":"*"}}`} {
			fmt.Fprintf(conn, "PUB %s %d\r\n%s\r\n", subject, len(data), data)
		}
	}
	fmt.Fprint(conn, "PING\r\n")
	for lines := bufio.NewScanner(conn); lines.Scan() && lines.Text() != "PONG"; {
	}
	meet(t, a, b)
	if got := b.took(); len(got) != 0 {
		t.Errorf("what others sent was delivered: %+v", got)
	}
}

func TestNothingWaitsForAServerThatHangs(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var conns sync.WaitGroup
	defer conns.Wait()
	done := make(chan struct{})
	defer close(done)
	conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer conn.Close()
				// It answers until somebody is connected, and reads no more.
				fmt.Fprint(conn, "INFO {\"server_id\":\"x\",\"max_payload\":1048576}\r\n")
				for lines := bufio.NewScanner(conn); lines.Scan() && lines.Text() != "PING"; {
				}
				fmt.Fprint(conn, "PONG\r\n")
				<-done
			})
		}
	})
	defer listener.Close()
	n := connect(t, to("nats://"+listener.Addr().String()))
	large := message("tea", 1)
	large.Message.Body = json.RawMessage(`{"text":"` + strings.Repeat("x", 60_000) + `"}`)
	delivered := 0
	for i := range 2000 { // 120 MB: more than sockets hold
		n.Follow(fmt.Sprint("room-", i), true)
		n.publish(large)
	}
	until(t, "all is delivered here", nothing, func() bool { delivered += len(n.took()); return delivered == 2000 })
}
