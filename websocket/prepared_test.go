package websocket_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// TestAPreparedMessageFitsEveryConnection sends the same messages, from many goroutines at once, to clients and from clients,
// with every window and without compression, between messages of the connections' own.
func TestAPreparedMessageFitsEveryConnection(t *testing.T) {
	var prepared []*websocket.PreparedMessage
	var texts []string
	for i, size := range []int{0, 1, 100, 127, 128, 600, 5000, 20_000, 100_000} {
		texts = append(texts, strings.Repeat(fmt.Sprintf("message %d, ", i), size/10+1)[:size])
		data := []byte(texts[i])
		prepared = append(prepared, websocket.Prepare(websocket.MessageText, data))
		clear(data) // it is the caller's again
	}
	var wg sync.WaitGroup
	for _, mode := range append(modes, websocket.CompressionDisabled) {
		for bits := 8; bits <= 15; bits++ {
			for range 2 {
				d, a := compressing(mode, bits)
				client, server := pairOf(t, d, a)
				for _, way := range [][2]*websocket.Conn{{client, server}, {server, client}} {
					from, to := way[0], way[1]
					wg.Go(func() {
						for i, m := range prepared {
							own := []byte("of its own: " + texts[i])
							if err := from.WritePrepared(bg, m); err != nil {
								t.Error(err)
							}
							if err := from.Write(bg, websocket.MessageText, own); err != nil {
								t.Error(err)
							}
						}
					})
					wg.Go(func() {
						for _, text := range texts {
							for _, want := range []string{text, "of its own: " + text} {
								if _, got, err := to.Read(bg); err != nil || string(got) != want {
									t.Errorf("mode %d, %d bits: %.50q, %v; want %.50q", mode, bits, got, err, want)
								}
							}
						}
					})
				}
			}
		}
	}
	wg.Wait()
}

func TestAPreparedMessageOnTheWire(t *testing.T) {
	long := strings.Repeat("long ", 100)
	for _, tc := range []struct {
		typ  websocket.MessageType
		text string
		mode websocket.CompressionMode
		rsv1 bool
	}{
		{websocket.MessageText, long, websocket.CompressionDisabled, false},
		{websocket.MessageText | websocket.Compressed, long, websocket.CompressionDisabled, false},
		{websocket.MessageText, long, websocket.CompressionContextTakeover, true},
		{websocket.MessageText, "short", websocket.CompressionContextTakeover, false},
		{websocket.MessageText | websocket.Uncompressed, long, websocket.CompressionContextTakeover, false},
		{websocket.MessageText | websocket.Compressed, strings.Repeat("s", 50), websocket.CompressionContextTakeover, true},
		{websocket.MessageText | websocket.Compressed, "gets no shorter", websocket.CompressionContextTakeover, false},
	} {
		m := websocket.Prepare(tc.typ, []byte(tc.text))
		d, a := compressing(tc.mode, 0)
		inModesWith(t, d, a, func(t *testing.T, c *testConn, p *peer) {
			got := p.soon()
			if err := c.WritePrepared(bg, m); err != nil {
				t.Fatal(err)
			}
			f := got()
			if f.op != proto.Text || !f.fin || f.rsv1 != tc.rsv1 || !f.rsv1 && f.payload != tc.text || f.rsv1 && len(f.payload) >= len(tc.text) {
				t.Errorf("%v of %.20q in mode %d is sent as %+v", tc.typ, tc.text, tc.mode, f)
			}
		})
	}
}

func TestMessagesReferToPreparedOnes(t *testing.T) {
	words := "the quick brown fox jumps over the lazy dog, 0123456789, and then there is nothing left that could be repeated: "
	text := []byte(words + strings.ToUpper(words))
	d, a := compressing(websocket.CompressionContextTakeover, 0)
	inModesWith(t, d, a, func(t *testing.T, c *testConn, p *peer) {
		got := p.soon()
		if err := c.WritePrepared(bg, websocket.Prepare(websocket.MessageText, text)); err != nil {
			t.Fatal(err)
		}
		first := got()
		got = p.soon()
		if err := c.Write(bg, websocket.MessageText, text); err != nil {
			t.Fatal(err)
		}
		if again := got(); len(again.payload) > len(first.payload)/10 {
			t.Errorf("it takes %d bytes, and then %d", len(first.payload), len(again.payload))
		}
	})
}

func TestAPreparedMessageAfterAPong(t *testing.T) {
	inModes(t, func(t *testing.T, c *testConn, p *peer) {
		err := readErr(c)
		m := websocket.Prepare(websocket.MessageBinary, []byte("prepared"))
		for range 100 { // whichever comes first
			sent := async(func() error { return c.WritePrepared(bg, m) })
			p.sendFrame(proto.Ping, true, "ping")
			seen := map[proto.Opcode]string{}
			for range 2 {
				f, err := p.read()
				if err != nil {
					t.Fatal(err)
				}
				seen[f.op] = f.payload
			}
			if seen[proto.Pong] != "ping" || seen[proto.Binary] != "prepared" || sent() != nil {
				t.Fatalf("%v came", seen)
			}
		}
		p.nc.Close()
		err()
	})
}

func TestWritePreparedThatCannotBe(t *testing.T) {
	client, server := pair(t)
	for _, typ := range []websocket.MessageType{0, 8, websocket.MessageText | websocket.Compressed | websocket.Uncompressed} {
		if err := client.WritePrepared(bg, websocket.Prepare(typ, nil)); err == nil {
			t.Errorf("%v was sent", typ)
		}
	}
	m := websocket.Prepare(websocket.MessageText, []byte("prepared"))
	w, err := server.Writer(bg, websocket.MessageText)
	if err != nil {
		t.Fatal(err)
	}

	if err := server.WritePrepared(cancelled(), m); err == nil {
		t.Error("a message was sent in the middle of another")
	}
	got := async(func() string {
		_, p, _ := client.Read(bg)
		return string(p)
	})
	if err := w.Close(); err != nil || got() != "" {
		t.Error(err)
	}
	server.CloseNow()
	if err := server.WritePrepared(bg, m); err == nil {
		t.Error("a message was sent on a closed connection")
	}
}
