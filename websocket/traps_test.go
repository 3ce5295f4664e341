package websocket_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// The traps that other implementations fell into, one test each. Those of the machine alone are also rows of its own table.

// violation sends what a peer must not, and wants the close code and a reason without anything of ours in it.
func violation(t *testing.T, code websocket.StatusCode, send func(p *peer)) {
	t.Helper()
	violationWith(t, &dialQuiet, &acceptQuiet, code, send)
}

func violationWith(t *testing.T, d *websocket.DialOptions, a *websocket.AcceptOptions, code websocket.StatusCode, send func(p *peer)) {
	t.Helper()
	inModesWith(t, d, a, func(t *testing.T, c *testConn, p *peer) {
		err := readErr(c)
		sent := async(func() bool { send(p); return true })
		reason := p.wantEnd(code)
		sent()
		if err := err(); !errors.Is(err, net.ErrClosed) || websocket.CloseStatus(err) != -1 {
			t.Fatalf("Read returned %v", err)
		}
		for _, leak := range []string{"EOF", "read", "write", "tcp", "pipe", "connection"} {
			if strings.Contains(reason, leak) {
				t.Errorf("the close reason %q tells of the network", reason)
			}
		}
		wantIs(t, c.Write(bg, websocket.MessageText, nil), net.ErrClosed)
	})
}

func length64(first byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{first, 127}, n)
}

func TestTrapLengthOf2To63(t *testing.T) {
	for _, n := range []uint64{1 << 63, 1<<63 + 1, 1<<64 - 1} {
		violation(t, websocket.StatusProtocolError, func(p *peer) { p.send(p.header(length64(0x82, n)...)) })
	}
}

func TestTrapTwoLengthsWhoseSumWraps(t *testing.T) {
	violation(t, websocket.StatusMessageTooBig, func(p *peer) {
		p.sendFrame(proto.Binary, false, "abc")
		p.send(p.header(length64(0x80, 1<<63-1)...))
	})
}

func TestTrapAllocatingWhatAHeaderDeclares(t *testing.T) {
	inModes(t, func(t *testing.T, c *testConn, p *peer) {
		c.SetReadLimit(-1)
		err := readErr(c)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p.send(p.header(length64(0x82, 1<<40)...), []byte("only this"))
		p.nc.Close()
		wantIs(t, err(), io.EOF)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Fatalf("%d bytes were allocated for 9", grown)
		}
	})
}

func TestTrapRSV1(t *testing.T) {
	violation(t, websocket.StatusProtocolError, func(p *peer) { p.send(p.header(0xC1, 0)) })
	violation(t, websocket.StatusProtocolError, func(p *peer) { p.send(p.header(0xC9, 0)) })
	violation(t, websocket.StatusProtocolError, func(p *peer) {
		p.sendFrame(proto.Text, false, "a")
		p.send(p.header(0xC0, 0))
	})
}

func TestTrapNonMinimalLength(t *testing.T) {
	violation(t, websocket.StatusProtocolError, func(p *peer) { p.send(p.header(0x82, 126, 0, 5)) })
	violation(t, websocket.StatusProtocolError, func(p *peer) { p.send(p.header(length64(0x82, 5)...)) })
}

func TestTrapMaskOfTheWrongRole(t *testing.T) {
	violation(t, websocket.StatusProtocolError, func(p *peer) {
		p.masks = !p.masks
		p.sendFrame(proto.Text, true, "a")
	})
}

func TestTrapAMillionEmptyFragments(t *testing.T) {
	violation(t, websocket.StatusPolicyViolation, func(p *peer) {
		p.sendFrame(proto.Text, false, "")
		p.send(bytes.Repeat(p.encode(proto.Continuation, false, ""), 1_000_000))
	})
}

func TestTrapBadUTF8FoundOnlyAtTheEnd(t *testing.T) {
	// Neither frame nor message ends here: the first bad byte is enough.
	violation(t, websocket.StatusInvalidFramePayloadData, func(p *peer) {
		p.send(p.header(0x01, 126, 0x10, 0x00))
		bad := []byte("a\xed\xa0")
		if p.masks {
			for i := range bad {
				bad[i] ^= byte(i%4) + 1
			}
		}
		p.send(bad)
	})
	violation(t, websocket.StatusInvalidFramePayloadData, func(p *peer) {
		p.sendFrame(proto.Text, false, "\xf4")
		p.sendFrame(proto.Continuation, false, "\x90")
	})
}

func TestTrapNetworkErrorInACloseFrame(t *testing.T) {
	// Whatever goes wrong, the peer is told fixed words alone: violation looks at each. Here the ones over the limit.
	violation(t, websocket.StatusMessageTooBig, func(p *peer) { p.sendFrame(proto.Text, true, strings.Repeat("x", 1<<20+1)) })
}

func TestTrapPongWithoutThePingsPayload(t *testing.T) {
	inModes(t, func(t *testing.T, c *testConn, p *peer) {
		err := readErr(c)
		for _, payload := range []string{"", "x", "\x00\xff\x01", strings.Repeat("p", 125)} {
			p.sendFrame(proto.Ping, true, payload)
			p.want(frame{op: proto.Pong, fin: true, payload: payload})
		}
		p.nc.Close()
		err()
	})
}

func TestTrapPingFlood(t *testing.T) {
	// The peer pings and does not take the pongs: what waits is bounded, and when it takes them at last, the newest is there.
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := websocket.ServerConn(near, acceptQuiet)
		p := &peer{t: t, nc: far, machine: proto.New(proto.Config{Role: proto.Client, Limit: -1}), masks: true}
		err := readErr(c)
		const flood = 20_000
		for i := range flood {
			p.sendFrame(proto.Ping, true, fmt.Sprintf("%0100d", i))
			if n := c.Replies(); n > 8192 {
				t.Fatalf("after %d pings %d bytes of pongs wait", i, n)
			}
		}
		synctest.Wait()
		p.sendFrame(proto.Text, true, "still read")
		newest, pongs := "", 0
		for newest != fmt.Sprintf("%0100d", flood-1) {
			f, err := p.read()
			if err != nil || f.op != proto.Pong || f.payload <= newest {
				t.Fatalf("%+v after pong %q: %v", f, newest, err)
			}
			newest = f.payload
			pongs++
		}
		if pongs > 200 {
			t.Errorf("%d pongs were kept", pongs)
		}
		far.Close()
		err()
	})
}

func TestAFewPingsAtOnceAreAllAnswered(t *testing.T) {
	inModes(t, func(t *testing.T, c *testConn, p *peer) {
		err := readErr(c)
		var all []byte
		for i := range 10 {
			all = append(all, p.encode(proto.Ping, true, fmt.Sprint("ping ", i))...)
		}
		p.send(all)
		for i := range 10 {
			p.want(frame{op: proto.Pong, fin: true, payload: fmt.Sprint("ping ", i)})
		}
		p.nc.Close()
		err()
	})
}

func TestTrapMasksFromAWeakGenerator(t *testing.T) {
	near, far := tcpPipe(t)
	c := websocket.ClientConn(near, dialQuiet)
	defer c.CloseNow()
	defer far.Close()
	const frames = 256
	sent := async(func() error {
		for range frames {
			if err := c.Write(bg, websocket.MessageBinary, nil); err != nil {
				return err
			}
		}
		return nil
	})
	// An empty frame is its header: two bytes and the key.
	raw := make([]byte, 6*frames)
	if _, err := io.ReadFull(far, raw); err != nil {
		t.Fatal(err)
	}
	if err := sent(); err != nil {
		t.Fatal(err)
	}
	keys := map[uint32]bool{}
	ones := 0
	for i := 0; i < len(raw); i += 6 {
		key := binary.BigEndian.Uint32(raw[i+2:])
		keys[key] = true
		for ; key != 0; key &= key - 1 {
			ones++
		}
	}
	if len(keys) < frames-1 || ones < frames*14 || ones > frames*18 {
		t.Fatalf("%d different keys of %d, %d bits set of %d", len(keys), frames, ones, frames*32)
	}
}

func TestASecondReaderGetsAnErrorAndDoesNoHarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t)
		first := async(func() string {
			_, p, _ := client.Read(bg)
			return string(p)
		})
		synctest.Wait()
		_, _, err := client.Read(bg)
		wantIs(t, err, websocket.ErrConcurrentRead)
		_, _, err = client.Reader(bg)
		wantIs(t, err, websocket.ErrConcurrentRead)
		if err := server.Write(bg, websocket.MessageText, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if got := first(); got != "hello" {
			t.Fatalf("the first reader got %q", got)
		}
	})
}
