package server_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/hub"
	"github.com/seed-4a326f83/parley/server"
	"github.com/seed-4a326f83/parley/sqlite"
	"github.com/seed-4a326f83/parley/websocket"
)

// The tests of this file run over real sockets, where connections are in event
// mode. What needs a clock is tested in bubbles, over connections in memory.

// A tcpServer is a server that listens on loopback.
type tcpServer struct {
	*server.Server
	bus      *hub.Bus
	listener net.Listener
	url      string
}

// listenTCP returns a server that accepts connections once serve is called, and
// ends with the test. It and its clients give the kernel little to hold.
func listenTCP(t *testing.T, o options) *tcpServer {
	t.Helper()
	store, err := sqlite.Open(context.Background(), t.TempDir()+"/parley.db")
	if err != nil {
		t.Fatal(err)
	}
	bus := hub.NewBus(1024)
	o.config.Chat = chat.New(chat.Config{
		Store: store, Bus: bus, Guests: true, Limits: o.limits,
		Heartbeat: chat.Heartbeat{Interval: time.Hour, Timeout: time.Hour}, // nobody here answers pings
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &tcpServer{Server: server.New(o.config), bus: bus, listener: l, url: "http://" + l.Addr().String()}
	h := &http.Server{Handler: s.Server}
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("shutting down: %v", err)
		}
		h.Close()
		l.Close()
		bus.Close()
		if err := store.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return s
}

func (s *tcpServer) serve() { go (&http.Server{Handler: s.Server}).Serve(smallBuffers{s.listener}) }

// smallBuffers is a listener whose connections' send buffers are small.
type smallBuffers struct{ net.Listener }

func (l smallBuffers) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		c.(*net.TCPConn).SetWriteBuffer(16 << 10)
	}
	return c, err
}

// A rawClient is the client's end of a connection, without a library.
type rawClient struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
	open bool // the handshake was answered
}

func (s *tcpServer) rawClient(t *testing.T) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.(*net.TCPConn).SetReadBuffer(16 << 10)
	return &rawClient{t: t, conn: conn}
}

// say sends the handshake, if it was not sent yet, and messages, in one piece.
func (c *rawClient) say(messages ...string) {
	c.t.Helper()
	var out []byte
	if c.r == nil {
		out = fmt.Appendf(nil, "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	}
	for _, m := range messages {
		if len(m) < 126 {
			out = append(out, 0x81, 0x80|byte(len(m)))
		} else {
			out = binary.BigEndian.AppendUint16(append(out, 0x81, 0x80|126), uint16(len(m)))
		}
		out = append(out, 0, 0, 0, 0) // masked with zeros
		out = append(out, m...)
	}
	if _, err := c.conn.Write(out); err != nil {
		c.t.Fatal(err)
	}
	if c.r == nil {
		c.r = bufio.NewReaderSize(c.conn, 16)
	}
}

// hear returns the payload of the next frame.
func (c *rawClient) hear() string {
	c.t.Helper()
	for line := ""; !c.open; c.open = line == "\r\n" { // the answer to the handshake
		var err error
		if line, err = c.r.ReadString('\n'); err != nil {
			c.t.Fatal(err)
		}
	}
	header := make([]byte, 2)
	_, err := io.ReadFull(c.r, header)
	n := int(header[1])
	if n == 126 && err == nil {
		_, err = io.ReadFull(c.r, header)
		n = int(binary.BigEndian.Uint16(header))
	}
	payload := make([]byte, n)
	if err == nil {
		_, err = io.ReadFull(c.r, payload)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return string(payload)
}

// hearAnswer returns the ref of the next answer.
func (c *rawClient) hearAnswer() string {
	c.t.Helper()
	for {
		var m struct {
			Type, Ref string
		}
		if err := json.Unmarshal([]byte(c.hear()), &m); err != nil {
			c.t.Fatal(err)
		}
		if m.Type == "error" {
			c.t.Fatalf("%q was refused", m.Ref)
		}
		if m.Type == "ack" {
			return m.Ref
		}
	}
}

func TestRequestsInOnePacketAreAnsweredInOrder(t *testing.T) {
	s := listenTCP(t, options{})
	s.serve()
	c := s.rawClient(t)
	requests := []string{`{"type":"hello","ref":"hello","name":"ann"}`, `{"type":"join","ref":"join","room":"lobby"}`}
	refs := []string{"hello", "join"}
	for i := range 50 {
		ref := fmt.Sprint("ping ", i)
		requests = append(requests, fmt.Sprintf(`{"type":"ping","ref":%q}`, ref))
		refs = append(refs, ref)
	}
	c.say(requests...)
	for _, want := range refs {
		if got := c.hearAnswer(); got != want {
			t.Fatalf("answered %q, want %q", got, want)
		}
	}
}

func TestSlowReaderIsEndedOverTCP(t *testing.T) {
	s := listenTCP(t, options{})
	s.serve()
	slow, quick := s.rawClient(t), s.rawClient(t)
	for i, c := range []*rawClient{slow, quick} {
		c.say(fmt.Sprintf(`{"type":"hello","ref":"hello","name":"guest %d"}`, i), `{"type":"join","ref":"join","room":"lobby"}`)
		for c.hearAnswer() != "join" {
		}
	}
	body := json.RawMessage(`"` + strings.Repeat("x", 60000) + `"`)
	for seq := range int64(100) { // 6 MB
		s.bus.Publish(t.Context(), parley.News{Message: &parley.Message{
			Room: "lobby", Seq: seq + 1, ID: "m", Kind: "x-big", Body: body,
		}})
		for { // every message in order, in spite of the other
			text := quick.hear()
			if strings.HasPrefix(text, fmt.Sprintf(`{"type":"message","room":"lobby","seq":%d,`, seq+1)) {
				break
			}
			if strings.HasPrefix(text, `{"type":"message"`) {
				t.Fatalf("a quick reader was told %.60s, want %d", text, seq+1)
			}
		}
	}
	last := ""
	for !strings.HasPrefix(last, `{"type":"bye","code":1013,`) {
		last = slow.hear()
	}
	if code := slow.hear(); code[:2] != string(binary.BigEndian.AppendUint16(nil, 1013)) {
		t.Errorf("after the bye came %q, want a close frame with 1013", code)
	}
}

func TestShutdownSaysGoodbyeOverTCP(t *testing.T) {
	s := listenTCP(t, options{limits: chat.Limits{Connections: 100}})
	s.serve()
	var conns []wire
	for i := range 20 {
		c := dial(t, plain, s.url)
		enter(t, c, fmt.Sprint("guest ", i))
		conns = append(conns, c)
	}
	say(t, conns[0], `{"type":"publish","ref":"last","room":"lobby","id":"1","body":{"text":"the last word"}}`)
	say(t, conns[0], `{"type":"ping","ref":"published"}`)
	acked := false
	for published := false; !published; {
		m, err := hear(t, conns[0])
		if err != nil {
			t.Fatal(err)
		}
		acked = acked || m["ref"] == "last"
		published = m["ref"] == "published"
	}
	stopped := make(chan error)
	go func() { stopped <- s.Shutdown(t.Context()) }()
	for _, c := range conns {
		for said := false; ; {
			m, err := hear(t, c)
			if err != nil {
				if websocket.CloseStatus(err) != parley.CloseRestart || !said {
					t.Fatalf("closed with %v; bye was said: %v", err, said)
				}
				break
			}
			acked = acked || m["ref"] == "last"
			said = m["type"] == parley.EventBye
		}
	}
	if !acked {
		t.Error("the last message was not acked")
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestWhatAnIdleClientCosts counts what the server has of clients that have said
// hello and joined a room: no goroutine, and a little memory.
// BenchmarkIdleClient of cmd/parley counts everything.
func TestWhatAnIdleClientCosts(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // elsewhere there is a goroutine for each
	}
	const n = 500
	s := listenTCP(t, options{})
	s.serve()
	enter := func(what string, clients []*rawClient) { // all at once, for them to share commits
		for i, c := range clients {
			c.say(fmt.Sprintf(`{"type":"hello","ref":"hello","name":"%s %d"}`, what, i), `{"type":"join","ref":"join","room":"lobby"}`)
		}
		for _, c := range clients {
			for c.hearAnswer() != "join" {
			}
			c.r = nil
		}
	}
	dial := func(n int) (clients []*rawClient) {
		for range n {
			clients = append(clients, s.rawClient(t))
		}
		return clients
	}
	enter("first", dial(100)) // what the server needs for the first ones alone
	// What the clients' side costs is counted before.
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer s.listener.Close()
	clients := dial(n)
	goroutines, bytes := runtime.NumGoroutine(), inUse()
	s.serve()
	enter("guest", clients)
	const (
		some = 20 // goroutines of the store, and of what has just been told
		most = 1800
	)
	// Those who shook hands, and what they held, go when they are done: soon, but
	// not at once.
	var each, more int
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		more = runtime.NumGoroutine() - goroutines
		each = (inUse() - bytes) / n
		if more <= some && (each <= most || raceEnabled) {
			break
		}
	}
	t.Logf("%d bytes each, %d goroutines in all", each, more)
	if more > some {
		t.Errorf("%d goroutines for %d idle clients", more, n)
	}
	if each > most && !raceEnabled {
		t.Errorf("an idle client costs %d bytes of heap, want at most %d", each, most)
	}
}

// inUse returns how many bytes of the heap are in use.
func inUse() int {
	var m runtime.MemStats
	for range 3 { // pools are emptied by the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
