package deflate

import (
	"bytes"
	"compress/flate"
	"math/rand/v2"
	"runtime"
	"testing"
)

// bomb is a message that inflates to size bytes, a thousand times its own.
func bomb(size int) []byte {
	const piece = 256 << 10
	c := NewCompressor(15, false)
	zeros := make([]byte, piece)
	msg := c.Append(nil, zeros, false)
	again := c.Append(nil, zeros, false) // refers to what came before, so it can be repeated
	for range size/piece - 1 {
		msg = append(msg, again...)
	}
	return append(msg, 0)
}

func TestABombStopsAtTheLimit(t *testing.T) {
	msg := bomb(1 << 30)
	const limit = 32 << 10
	for _, takeover := range []bool{false, true} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		d := NewDecompressor(15, takeover)
		dst := make([]byte, 1000)
		total, src := 0, msg
		for total < limit {
			n, used, through, err := d.Decompress(dst[:min(len(dst), limit-total)], src, true)
			if through || err != nil {
				t.Fatalf("after %d bytes: through %v, %v", total+n, through, err)
			}
			total, src = total+n, src[used:]
		}
		n, _, through, err := d.Decompress(nil, src, true)
		if total != limit || n != 0 || through || err != nil {
			t.Fatalf("at the limit of %d: %d + %d bytes, through %v, %v", limit, total, n, through, err)
		}
		if read := len(msg) - len(src); read > 1000 {
			t.Errorf("%d bytes of the message were read for %d", read, limit)
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 200<<10 {
			t.Errorf("%d bytes allocated", grown)
		}
		d.Release()
	}
}

func TestABombCanBeReadInBoundedMemory(t *testing.T) {
	const size = 32 << 20
	msg := bomb(size)
	d := NewDecompressor(15, true)
	dst := make([]byte, 64<<10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	total := 0
	for through := false; !through; {
		n, used, now, err := d.Decompress(dst, msg, true)
		if err != nil {
			t.Fatal(err)
		}
		total, msg, through = total+n, msg[used:], now
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; total != size || grown > 200<<10 {
		t.Errorf("%d bytes came out, %d were allocated", total, grown)
	}
}

func TestRoomForExactlyTheMessage(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, level := range []int{-2, 0, 1, 9} {
		for _, p := range corpus(rng) {
			var sink bytes.Buffer
			w, err := flate.NewWriter(&sink, level)
			if err != nil {
				t.Fatal(err)
			}
			msg := deflated(t, w, &sink, p)
			d := NewDecompressor(15, true)
			if n, used, through, err := d.Decompress(make([]byte, len(p)), msg, true); n != len(p) || used != len(msg) || !through || err != nil {
				t.Fatalf("level %d, %d bytes: %d bytes, %d of %d read, through %v, %v", level, len(p), n, used, len(msg), through, err)
			}
			if len(p) == 0 {
				continue
			}
			d = NewDecompressor(15, true)
			if n, _, through, err := d.Decompress(make([]byte, len(p)-1), msg, true); n != len(p)-1 || through || err != nil {
				t.Fatalf("level %d, room for all but one of %d bytes: %d bytes, through %v, %v", level, len(p), n, through, err)
			}
		}
	}
}

func TestCorruptRightPastTheLimit(t *testing.T) {
	const limit = 5
	for _, garbage := range []string{bitString("0 10" + "01111000") /* cut off */, "\xff\xff\xff\xff", "\x07"} {
		msg := "\x00\x05\x00\xfa\xff" + "Hello" + garbage
		d := NewDecompressor(15, true)
		n, used, through, err := d.Decompress(make([]byte, limit), []byte(msg), true)
		if n != limit || through {
			t.Fatalf("%x: %d bytes, through %v, %v", msg, n, through, err)
		}
		if err != nil {
			continue // found at once
		}
		// There is more, so the message is over the limit, whatever it is.
		if n, _, through, _ := d.Decompress(nil, []byte(msg)[used:], true); n != 0 || through {
			t.Fatalf("%x: %d more bytes, through %v", msg, n, through)
		}
	}
}

// TestIdleStatesKeepTheirWindowsAlone lets many connections talk, and measures what they keep.
func TestIdleStatesKeepTheirWindowsAlone(t *testing.T) {
	type conn struct {
		c Compressor
		d Decompressor
	}
	const conns = 100
	rng := rand.New(rand.NewPCG(7, 8))
	msgs := [][]byte{chat(rng, 100), chat(rng, 1000), chat(rng, 34000), chat(rng, 300)}
	for _, tc := range []struct {
		bits     int
		takeover bool
		most     int // per connection: what it sends may refer to at most 4 KiB
	}{
		{15, true, 32768 + maxHistory},
		{12, true, 4096 + 4096},
		{9, true, 512 + 512},
		{8, true, 256 + 256},
		{15, false, 0},
		{9, false, 0},
	} {
		heap := func() uint64 {
			runtime.GC() // twice, which empties the pools
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		all := make([]conn, conns)
		var msg []byte
		dst := make([]byte, 1<<17)
		before := heap()
		for i := range all {
			all[i] = conn{NewCompressor(tc.bits, tc.takeover), NewDecompressor(tc.bits, tc.takeover)}
			for _, p := range msgs {
				msg = all[i].c.Append(msg[:0], p, true)
				if n, _, through, err := all[i].d.Decompress(dst, msg, true); err != nil || !through || !bytes.Equal(dst[:n], p) {
					t.Fatalf("%d bytes, through %v, %v", n, through, err)
				}
			}
		}
		each := (int(heap()) - int(before) - cap(msg)) / conns
		t.Logf("%d bits, takeover %v: %d bytes a connection", tc.bits, tc.takeover, each)
		if slack := 400; each > tc.most+slack || each < tc.most-slack {
			t.Errorf("%d bits, takeover %v: %d bytes a connection, want %d", tc.bits, tc.takeover, each, tc.most)
		}
		runtime.KeepAlive(all)
		runtime.KeepAlive(msgs)
		runtime.KeepAlive(dst)
	}
}

func TestShortConversationsKeepLittle(t *testing.T) {
	c, d := NewCompressor(15, true), NewDecompressor(15, true)
	dst := make([]byte, 1000)
	for range 3 {
		if _, _, through, err := d.Decompress(dst, c.Append(nil, make([]byte, 100), true), true); !through || err != nil {
			t.Fatal(through, err)
		}
	}
	if out, in := len(*c.hist.buf), len(*d.hist.buf); out != 512 || in != 512 {
		t.Errorf("%d and %d bytes kept for 300", out, in)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for _, size := range []int{100, 5000} {
		for _, takeover := range []bool{true, false} {
			c, d := NewCompressor(15, takeover), NewDecompressor(15, takeover)
			p := chat(rng, size)
			msg, dst := make([]byte, 0, 2*len(p)), make([]byte, len(p)+500)
			round := func() {
				msg = c.Append(msg[:0], p[:len(p)/2], false)
				msg = c.Append(msg, p[len(p)/2:], true)
				src := msg
				for through := false; !through; {
					_, used, now, err := d.Decompress(dst[:len(p)/3], src, true)
					if err != nil {
						t.Fatal(err)
					}
					src, through = src[used:], now
				}
			}
			for range 200 { // until the windows are full and the pools have what is needed
				round()
			}
			if allocs := testing.AllocsPerRun(500, round); allocs != 0 && !raceEnabled {
				t.Errorf("%d bytes, takeover %v: %v allocations", size, takeover, allocs)
			}
		}
	}
}
