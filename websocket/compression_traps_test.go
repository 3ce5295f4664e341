package websocket_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"net"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// The traps of compression that other implementations fell into, one test each. Those of the inflater alone, cut at every
// byte, are tests of its package.

// deflated is text as the payload of a compressed message, by the standard library: independent of ours.
func deflated(text string) string {
	return strings.TrimSuffix(flushed(text), "\x00\x00\xff\xff")
}

// flushed is text as a part of a payload, all of which can be inflated when it is there.
func flushed(text string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression) // the level is right
	io.WriteString(w, text)                            // to a bytes.Buffer: cannot fail
	w.Flush()
	return b.String()
}

// deflateViolation is violation with compression on, in both modes.
func deflateViolation(t *testing.T, code websocket.StatusCode, send func(p *peer)) {
	t.Helper()
	for _, mode := range modes {
		d, a := compressing(mode, 0)
		violationWith(t, d, a, code, send)
	}
}

func TestTrapRSV1OnContinuationOrControlFrames(t *testing.T) {
	for _, send := range []func(p *peer){
		func(p *peer) { p.send(p.encodeRSV1(proto.Ping, true, "")) },
		func(p *peer) { p.send(p.encodeRSV1(proto.Pong, true, "x")) },
		func(p *peer) { p.send(p.encodeRSV1(proto.Close, true, "\x03\xe8")) },
		func(p *peer) {
			p.sendFrame(proto.Text, false, "a")
			p.send(p.encodeRSV1(proto.Continuation, true, "b"))
		},
		func(p *peer) {
			p.send(p.encodeRSV1(proto.Text, false, deflated("abc")[:2]))
			p.send(p.encodeRSV1(proto.Continuation, true, deflated("abc")[2:]))
		},
		func(p *peer) { p.send(p.header(0xE1, 0)) }, // RSV1 and RSV2
		func(p *peer) { p.send(p.header(0xD1, 0)) }, // RSV1 and RSV3
	} {
		deflateViolation(t, websocket.StatusProtocolError, send)
	}
}

func TestTrapLimitCountedBeforeInflation(t *testing.T) {
	const limit = 1 << 20 // the default
	for _, size := range []int{limit + 1, 4 << 20} {
		bomb := deflated(strings.Repeat("\x00", size))
		deflateViolation(t, websocket.StatusMessageTooBig, func(p *peer) { p.send(p.encodeRSV1(proto.Binary, true, bomb)) })
		// In fragments it is counted over all of them.
		deflateViolation(t, websocket.StatusMessageTooBig, func(p *peer) {
			p.send(p.encodeRSV1(proto.Binary, false, bomb[:1]))
			for i := 1; i < len(bomb); i += 1000 {
				p.sendFrame(proto.Continuation, i+1000 >= len(bomb), bomb[i:min(i+1000, len(bomb))])
			}
		})
	}
	// A message that is right at the limit may have more bytes on its way than it has: what is stored has a header.
	for _, mode := range modes {
		d, a := compressing(mode, 0)
		inModesWith(t, d, a, func(t *testing.T, c *testConn, p *peer) {
			const text = "0123456789"
			c.SetReadLimit(int64(len(text)))
			go p.send(p.encodeRSV1(proto.Text, true, "\x00\x0a\x00\xf5\xff"+text+"\x00"))
			wantMessage(t, c, websocket.MessageText, text)
			c.SetReadLimit(0)
			go p.send(p.encodeRSV1(proto.Text, true, "\x00"))
			wantMessage(t, c, websocket.MessageText, "")
		})
	}
}

func TestTrapCorruptDEFLATERightPastTheLimit(t *testing.T) {
	const limit = 1 << 20
	full := flushed(strings.Repeat("\x00", limit))
	// Nothing is wrong but for what comes behind the last byte that is allowed: a block of a type that does not exist.
	deflateViolation(t, websocket.StatusInvalidFramePayloadData, func(p *peer) { p.send(p.encodeRSV1(proto.Binary, true, full+"\x07")) })
	// There is a byte too many before it.
	deflateViolation(t, websocket.StatusMessageTooBig, func(p *peer) {
		p.send(p.encodeRSV1(proto.Binary, true, full+flushed("x")+"\x07"))
	})
}

func TestTrapDEFLATEOfSeveralBlocksOrWithBFINAL(t *testing.T) {
	var final bytes.Buffer
	w, err := flate.NewWriter(&final, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "final")
	w.Close() // sets BFINAL
	for _, mode := range modes {
		d, a := compressing(mode, 0)
		inModesWith(t, d, a, func(t *testing.T, c *testConn, p *peer) {
			for _, m := range []struct{ payload, text string }{
				{deflated("one") + "\x00\x00\xff\xff" + deflated(", two"), "one, two"},
				{flushed("one") + flushed(", two") + deflated(", three"), "one, two, three"},
				{final.String() + "\x00", "final"}, // RFC 7692 section 7.2.3.4
				{final.String() + flushed(", not final") + final.String() + "\x00", "final, not finalfinal"},
				{final.String(), "final"}, // without the empty block that should follow
			} {
				go p.send(p.encodeRSV1(proto.Text, true, m.payload))
				wantMessage(t, c, websocket.MessageText, m.text)
				half := len(m.payload) / 2
				go p.send(p.encodeRSV1(proto.Text, false, m.payload[:half]), p.encode(proto.Continuation, true, m.payload[half:]))
				wantMessage(t, c, websocket.MessageText, m.text)
			}
		})
	}
}

func TestTrapCorruptDEFLATE(t *testing.T) {
	deflateViolation(t, websocket.StatusInvalidFramePayloadData, func(p *peer) { p.send(p.encodeRSV1(proto.Text, true, "\xff\xff\xff")) })
	deflateViolation(t, websocket.StatusInvalidFramePayloadData, func(p *peer) {
		text := deflated(strings.Repeat("cut off", 10))
		p.send(p.encodeRSV1(proto.Text, true, text[:len(text)/2]))
	})
}

func TestTrapWindowLargerThanAgreed(t *testing.T) {
	far := strings.Repeat("0123456789abcdef", 2) + strings.Repeat("\x00", 600) + strings.Repeat("0123456789abcdef", 2)
	d, a := compressing(websocket.CompressionContextTakeover, 9)
	violationWith(t, d, a, websocket.StatusInvalidFramePayloadData, func(p *peer) { p.send(p.encodeRSV1(proto.Binary, true, deflated(far))) })
}

func TestTrapReferringToEarlierMessagesWithoutTakeover(t *testing.T) {
	var both bytes.Buffer
	w, err := flate.NewWriter(&both, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "a message that comes twice")
	w.Flush()
	first := both.Len()
	io.WriteString(w, "a message that comes twice")
	w.Flush()
	d, a := compressing(websocket.CompressionNoContextTakeover, 0)
	violationWith(t, d, a, websocket.StatusInvalidFramePayloadData, func(p *peer) {
		p.send(p.encodeRSV1(proto.Text, true, both.String()[:first]), p.encodeRSV1(proto.Text, true, both.String()[first:]))
	})
}

func TestTrapBadUTF8FoundOnlyAtTheEndOfACompressedMessage(t *testing.T) {
	// Neither the frame nor the message ends: what has come is enough.
	deflateViolation(t, websocket.StatusInvalidFramePayloadData, func(p *peer) {
		frame := p.encodeRSV1(proto.Text, false, flushed("good so far \xed\xa0")+strings.Repeat("\x00", 4000))
		p.send(frame[:len(frame)-4000])
	})
	deflateViolation(t, websocket.StatusInvalidFramePayloadData, func(p *peer) {
		p.send(p.encodeRSV1(proto.Text, false, flushed("\xf4")))
		p.sendFrame(proto.Continuation, false, flushed("\x90"))
	})
	deflateViolation(t, websocket.StatusInvalidFramePayloadData, func(p *peer) { p.send(p.encodeRSV1(proto.Text, true, deflated("half \xc3"))) })
	// A character may well be cut, and bytes that are not text are no text.
	d, a := compressing(websocket.CompressionContextTakeover, 0)
	inModesWith(t, d, a, func(t *testing.T, c *testConn, p *peer) {
		go func() {
			p.send(p.encodeRSV1(proto.Text, false, flushed("gr\xc3")))
			p.sendFrame(proto.Continuation, true, deflated("\xbc\xc3\x9fe"))
			p.send(p.encodeRSV1(proto.Binary, true, deflated("\xff")))
		}()
		wantMessage(t, c, websocket.MessageText, "grüße")
		wantMessage(t, c, websocket.MessageBinary, "\xff")
	})
}

func TestTrapAMillionEmptyFragmentsOfACompressedMessage(t *testing.T) {
	deflateViolation(t, websocket.StatusPolicyViolation, func(p *peer) {
		p.send(p.encodeRSV1(proto.Text, false, ""))
		p.send(bytes.Repeat(p.encode(proto.Continuation, false, ""), 1_000_000))
	})
}

func TestTrapEmptyBlocks(t *testing.T) {
	// They say nothing, and cost nothing but their way.
	blocks := strings.Repeat("\x00\x00\x00\xff\xff", 200_000)
	for _, mode := range modes {
		d, a := compressing(mode, 0)
		inModesWith(t, d, a, func(t *testing.T, c *testConn, p *peer) {
			frame := p.encodeRSV1(proto.Text, true, blocks+deflated("said"))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			go p.send(frame)
			wantMessage(t, c, websocket.MessageText, "said")
			runtime.ReadMemStats(&after)
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 2<<20 { // TLS allocates something for each read, of either end
				t.Errorf("%d bytes were allocated for %d that say nothing", grown, len(frame))
			}
		})
	}
}

// TestTrapAThousandBombs has 1,000 clients send a frame each that inflates from 1 MiB to 1 GiB, under a limit of 32 KiB.
func TestTrapAThousandBombs(t *testing.T) {
	const clients, growth = 1000, 64 << 20
	_, a := compressing(websocket.CompressionContextTakeover, 0)
	bomb := (&peer{masks: true}).encodeRSV1(proto.Binary, true, strings.Repeat(flushed(strings.Repeat("\x00", 1<<20)), 1<<10))
	if len(bomb) < 1<<20 || len(bomb) > 3<<19 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	var conns []*websocket.Conn
	var peers []net.Conn
	for range clients {
		near, far := tcpPipe(t)
		c := websocket.ServerConn(near, *a)
		defer c.CloseNow()
		defer far.Close()
		c.SetReadLimit(32 << 10)
		conns, peers = append(conns, c), append(peers, far)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // it is not garbage, of which a busy machine has more, that is to be counted
	before, peak := heap(), uint64(0)
	done := make(chan struct{})
	watched := async(func() bool {
		for {
			peak = max(peak, heapNow())
			select {
			case <-done:
				return true
			case <-time.After(time.Millisecond):
			}
		}
	})
	var wg sync.WaitGroup
	for i, c := range conns {
		wg.Go(func() {
			if _, _, err := c.Read(bg); !errors.Is(err, websocket.ErrMessageTooBig) {
				t.Errorf("the bomb was read with %v", err)
			}
		})
		wg.Go(func() {
			peers[i].Write(bomb) // what is refused is not all taken
			p := &peer{t: t, nc: peers[i], machine: proto.New(proto.Config{Role: proto.Client, Limit: -1})}
			// On a machine that is busy, a gigabyte takes longer than the time in which what is refused is thrown away.
			if f, err := p.read(); f.code != 1009 && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the client got %+v, %v", f, err)
			}
			peers[i].Close()
		})
	}
	wg.Wait()
	close(done)
	watched()
	t.Logf("grown by %.1f MiB", float64(peak-before)/(1<<20))
	if peak > before+growth {
		t.Errorf("the heap grew by %d MiB", (peak-before)>>20)
	}
}

// heap returns how many bytes are in use on the heap.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what pools held until now
	return heapNow()
}

// heapNow returns how many bytes the heap holds, garbage included.
func heapNow() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
