package websocket_test

import (
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/seed-4a326f83/parley/websocket"
)

// chatter returns n bytes that look like messages of JSON.
func chatter(seed uint64, n int) []byte {
	rnd := rand.New(rand.NewPCG(seed, seed))
	var b []byte
	for len(b) < n {
		b = fmt.Appendf(b, `{"type":"message","room":"lobby","seq":%d,"from":{"id":"u%d"},"body":{"text":"%x"}}`, rnd.IntN(1e6), rnd.IntN(99), rnd.Uint64())
	}
	return b[:n]
}

// TestAnIdleConnectionKeepsItsDictionariesAlone measures what connections hold between messages, beyond what they would
// without compression.
func TestAnIdleConnectionKeepsItsDictionariesAlone(t *testing.T) {
	const conns, overhead = 60, 768
	perConn := func(mode websocket.CompressionMode, bits int) int {
		d, a := compressing(mode, bits)
		a.CompressionThreshold, d.CompressionThreshold = 1, 1
		var kept []*websocket.Conn
		text := chatter(1, 40<<10)
		talk := func(from, to *websocket.Conn) {
			for _, size := range []int{len(text), 200} {
				sent := async(func() error { return from.Write(bg, websocket.MessageText, text[:size]) })
				wantMessage(t, to, websocket.MessageText, string(text[:size]))
				if err := sent(); err != nil {
					t.Fatal(err)
				}
			}
		}
		before := heap()
		for range conns {
			near, far := net.Pipe()
			c, peer := websocket.ServerConn(near, *a), websocket.ClientConn(far, *d)
			talk(c, peer)
			talk(peer, c)
			peer.CloseNow() // so that one end alone is measured
			kept = append(kept, c)
		}
		used := int(heap()) - int(before)
		for _, c := range kept {
			c.CloseNow()
		}
		return used / conns
	}
	perConn(websocket.CompressionContextTakeover, 0) // what is made once
	without := perConn(websocket.CompressionDisabled, 0)
	for _, tc := range []struct {
		mode websocket.CompressionMode
		bits int
		most int // of dictionaries: what was received, what was sent
	}{
		{websocket.CompressionNoContextTakeover, 15, 0},
		{websocket.CompressionContextTakeover, 8, 1<<8 + 1<<8},
		{websocket.CompressionContextTakeover, 9, 1<<9 + 1<<9},
		{websocket.CompressionContextTakeover, 12, 1<<12 + 1<<12},
		{websocket.CompressionContextTakeover, 15, 1<<15 + 1<<12},
	} {
		used := perConn(tc.mode, tc.bits) - without
		t.Logf("mode %d, windows of %d bits: %d bytes, dictionaries of %d", tc.mode, tc.bits, used, tc.most)
		if used > tc.most+overhead {
			t.Errorf("mode %d, %d bits: %d bytes", tc.mode, tc.bits, used)
		}
	}
}

// TestClosedConnectionsKeepNoDictionaries: whoever holds on to a Conn that is closed does not hold on to its windows.
func TestClosedConnectionsKeepNoDictionaries(t *testing.T) {
	const pairs = 60
	d, a := compressing(websocket.CompressionContextTakeover, 0)
	text := chatter(2, 40<<10)
	for name, end := range map[string]func(client, server *websocket.Conn, r io.Reader){
		"CloseNow": func(client, server *websocket.Conn, _ io.Reader) {
			client.CloseNow()
			server.CloseNow()
		},
		"Close": func(client, server *websocket.Conn, r io.Reader) {
			ended := async(func() error { _, err := io.Copy(io.Discard, r); return err })
			if err := client.Close(websocket.StatusNormalClosure, ""); err != nil {
				t.Fatal(err)
			}
			ended()
		},
	} {
		var kept []*websocket.Conn
		before := heap()
		for range pairs {
			near, far := net.Pipe()
			client, server := websocket.ClientConn(near, *d), websocket.ServerConn(far, *a)
			go client.Write(bg, websocket.MessageText, text)
			wantMessage(t, server, websocket.MessageText, string(text))
			// Half a message, which keeps a table besides.
			go func() {
				w, err := client.Writer(bg, websocket.MessageText)
				if err == nil {
					w.Write(text)
				}
			}()
			_, r, err := server.Reader(bg)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(r, make([]byte, len(text))); err != nil {
				t.Fatal(err)
			}
			end(client, server, r)
			kept = append(kept, client, server)
		}
		used := (int(heap()) - int(before)) / pairs
		t.Logf("%s: %d bytes a pair", name, used)
		if used > 8<<10 {
			t.Errorf("%s: %d bytes a pair", name, used)
		}
		runtime.KeepAlive(kept)
	}
}

// TestStreamingTakesBoundedMemory sends 16 MiB in one message, each way, compressed and not, of which neither side ever holds
// more than what one call hands over.
func TestStreamingTakesBoundedMemory(t *testing.T) {
	const size, piece, most = 16 << 20, 32 << 10, 8 << 20
	block := chatter(3, piece)
	for _, mode := range append(modes, websocket.CompressionDisabled) {
		d, a := compressing(mode, 0)
		a.MaxFragments, d.MaxFragments = -1, -1
		near, far := tcpPipe(t)
		client, server := websocket.ClientConn(near, *d), websocket.ServerConn(far, *a)
		for _, way := range [][2]*websocket.Conn{{client, server}, {server, client}} {
			from, to := way[0], way[1]
			to.SetReadLimit(-1)
			before := heap()
			sent := async(func() uint32 {
				sum := crc32.NewIEEE()
				w, err := from.Writer(bg, websocket.MessageBinary)
				for i := 0; err == nil && i < size/piece; i++ {
					block[i%piece]++ // only this goroutine has it
					sum.Write(block)
					_, err = w.Write(block)
				}
				if err == nil {
					err = w.Close()
				}
				if err != nil {
					t.Error(err)
				}
				return sum.Sum32()
			})
			_, r, err := to.Reader(bg)
			if err != nil {
				t.Fatal(err)
			}
			sum, buf, peak, total := crc32.NewIEEE(), make([]byte, piece), before, 0
			for n := 0; err == nil; total += n {
				n, err = r.Read(buf)
				sum.Write(buf[:n])
				if total>>22 != (total+n)>>22 { // every 4 MiB
					peak = max(peak, heap())
				}
			}
			if err != io.EOF || total != size || sum.Sum32() != sent() {
				t.Errorf("mode %d: %d bytes, %v", mode, total, err)
			}
			t.Logf("mode %d: grown by %d KiB", mode, (peak-before)>>10)
			if peak > before+most {
				t.Errorf("mode %d: the heap grew by %d bytes", mode, peak-before)
			}
		}
		client.CloseNow()
		server.CloseNow()
	}
}

// TestReadingAllocatesWhatTheMessageHas counts what a read of a compressed message allocates.
func TestReadingAllocatesWhatTheMessageHas(t *testing.T) {
	d, a := compressing(websocket.CompressionContextTakeover, 0)
	client, server := pairOf(t, d, a)
	text := strings.Repeat("abcdefgh", 100)
	sent := make(chan bool)
	go func() {
		for range sent {
			client.Write(bg, websocket.MessageText, []byte(text))
		}
	}()
	defer close(sent)
	allocs := testing.AllocsPerRun(100, func() {
		sent <- true
		wantMessage(t, server, websocket.MessageText, text)
	})
	t.Logf("%.0f allocations", allocs)
	if allocs > 20 { // the race detector has the pools forget
		t.Errorf("a message of %d bytes costs %.0f allocations, sending included", len(text), allocs)
	}
}
