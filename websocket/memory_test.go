package websocket_test

import (
	"crypto/tls"
	"net"
	"runtime"
	"testing"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/poll"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// TestMemoryOfIdleConnections counts what a connection costs on heap and stacks that idles after it has talked.
func TestMemoryOfIdleConnections(t *testing.T) {
	if !poll.Supported {
		return
	}
	handle := func(t *testing.T, c *websocket.Conn) {
		if err := c.Handle(echoes); err != nil {
			t.Error(err)
		}
	}
	for _, mode := range []struct {
		name   string
		secure bool
		most   int
		start  func(t *testing.T, c *websocket.Conn)
	}{
		{"event", false, 520, handle},
		{"event over TLS", true, 9000, handle},
		{"blocking", false, 3800, // a stack that has grown would cost 2,000 more
			func(_ *testing.T, c *websocket.Conn) { go echo(c) }},
	} {
		t.Run(mode.name, func(t *testing.T) {
			const n, first = 1100, 100
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if mode.secure {
				l = websocket.NewListener(l)
			}
			// What the peers cost is counted first, and what there is once for all connections of a process, which is more where
			// there are more processors.
			conns := make([]*websocket.Conn, 0, n)
			peers := make([]peer, n)
			for i := range peers {
				far, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer far.Close()
				peers[i] = peer{t: t, nc: far, masks: true}
			}
			before := 0
			for i := range peers {
				if i == first {
					before = inUse()
				}
				near, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				far := peers[i].nc
				if mode.secure {
					near, peers[i].nc = handshake(t, &tls.Config{}, near, far)
				}
				c := websocket.ServerConn(near, websocket.AcceptOptions{})
				conns = append(conns, c)
				mode.start(t, c)
				peers[i].sendFrame(proto.Text, true, "hello")
				if _, err := peers[i].nc.Read(make([]byte, 7)); err != nil {
					t.Fatal(err)
				}
				peers[i].nc = far // what TLS keeps of the peer does not count
			}
			each := (inUse() - before) / (n - first)
			t.Logf("%d bytes each", each)
			if each > mode.most && !raceEnabled {
				t.Errorf("an idle connection costs %d bytes of memory, want at most %d", each, mode.most)
			}
			for _, c := range conns {
				c.CloseNow()
			}
		})
	}
}

// inUse returns how many bytes heap and stacks take that are in use.
func inUse() int {
	var m runtime.MemStats
	for range 4 { // pools are emptied by the second, and stacks shrink
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}
