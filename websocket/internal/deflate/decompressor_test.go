package deflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// deflated compresses p as a message by the standard library, which refers to what w has seen before.
func deflated(t testing.TB, w *flate.Writer, sink *bytes.Buffer, p []byte) []byte {
	t.Helper()
	sink.Reset()
	_, err := w.Write(p)
	if err = errors.Join(err, w.Flush()); err != nil {
		t.Fatal(err)
	}
	b, ok := bytes.CutSuffix(bytes.Clone(sink.Bytes()), tail[:])
	if !ok {
		t.Fatalf("flushed to %x", sink)
	}
	return b
}

// inflate decompresses a message, with its input and the room for its output cut at random.
func inflate(t testing.TB, d *Decompressor, rng *rand.Rand, msg []byte, maxIn, maxOut int) (out []byte, err error) {
	t.Helper()
	buf := make([]byte, maxOut)
	for {
		k := min(len(msg), rng.IntN(maxIn+1))
		src, end := msg[:k], k == len(msg)
		msg = msg[k:]
		for through := false; !through; {
			dst := buf[:rng.IntN(maxOut+1)]
			n, used, now, err := d.Decompress(dst, src, end)
			if n > len(dst) || used > len(src) || (now && used < len(src)) || (!now && err == nil && n < len(dst)) {
				t.Fatalf("%d of %d bytes out, %d of %d in, through %v, %v", n, len(dst), used, len(src), now, err)
			}
			out = append(out, dst[:n]...)
			if err != nil {
				if n, used, _, again := d.Decompress(dst, src, end); n != 0 || used != 0 || again != err {
					t.Fatalf("after %v: %d bytes out, %d in, %v", err, n, used, again)
				}
				return out, err
			}
			src, through = src[used:], now
		}
		if end {
			return out, nil
		}
	}
}

// corpus is a conversation of messages of many kinds and sizes.
func corpus(rng *rand.Rand) [][]byte {
	random := make([]byte, 70000)
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	var words bytes.Buffer
	for words.Len() < 200000 {
		fmt.Fprintf(&words, `{"type":"message","seq":%d,"body":"%s %d"}`, rng.IntN(1000), strings.Repeat("ab", rng.IntN(9)), rng.Uint64())
	}
	return [][]byte{{}, []byte("a"), []byte("Hello"), bytes.Repeat([]byte{0}, 100000), bytes.Repeat([]byte("abc"), 1000), random[:300], random,
		words.Bytes()[:150], words.Bytes()[:3000], words.Bytes(), []byte("Hello"), {}, {}, []byte("Hello")}
}

func TestDecompressWhatOthersCompress(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, level := range []int{-2, 0, 1, 6, 9} {
		for _, takeover := range []bool{true, false} {
			for _, size := range []int{1, 7, 300, 5000, 300000} {
				var sink bytes.Buffer
				w, err := flate.NewWriter(&sink, level)
				if err != nil {
					t.Fatal(err)
				}
				d := NewDecompressor(15, takeover)
				for i, p := range corpus(rng) {
					if size < 1000 {
						p = p[:min(len(p), 5000)]
					}
					if !takeover {
						w.Reset(&sink)
					}
					got, err := inflate(t, &d, rng, deflated(t, w, &sink, p), size, size)
					if err != nil || !bytes.Equal(got, p) {
						t.Fatalf("level %d, takeover %v, message %d of %d bytes, in pieces of %d: %d bytes, %v", level, takeover, i, len(p), size, len(got), err)
					}
				}
			}
		}
	}
}

// everyCut decompresses msg with its input cut in two at each byte, and with little room.
func everyCut(t *testing.T, d Decompressor, msg string, check func(how string, d *Decompressor, out []byte, err error)) {
	t.Helper()
	for at := 0; at <= len(msg); at++ {
		for _, room := range []int{1, 2, 1000} {
			state := d
			if d.hist.buf != nil {
				state.hist = history{}
				past := make([]byte, d.hist.n)
				d.hist.copyTo(past, len(past))
				state.hist.append(past, 1<<d.windowBits)
			}
			var out []byte
			var err error
			for i, src := range [][]byte{[]byte(msg[:at]), []byte(msg[at:])} {
				for through := false; !through && err == nil; {
					dst := make([]byte, room)
					var n, used int
					n, used, through, err = state.Decompress(dst, src, i == 1)
					out, src = append(out, dst[:n]...), src[used:]
				}
			}
			check(fmt.Sprintf("%x cut at %d, room for %d", msg, at, room), &state, out, err)
		}
	}
}

func TestMessagesOfTheRFC(t *testing.T) {
	said := func(p string) Decompressor {
		d := NewDecompressor(15, true)
		d.hist.append([]byte(p), 1<<15)
		return d
	}
	for _, tc := range []struct {
		name, msg, want string
		d               Decompressor
	}{
		{"7.2.3.1: one block", "\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello", said("")},
		{"7.2.3.2: sharing the window", "\xf2\x00\x11\x00\x00", "Hello", said("Hello")},
		{"7.2.3.3: no compression", "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "Hello", said("")},
		{"7.2.3.4: marked as the last block", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "Hello", said("")},
		{"7.2.3.5: two blocks", "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "Hello", said("")},
		{"7.2.3.6: empty", "\x00", "", said("")},
		{"two streams, the second referring to the first", "\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00", "HelloHello", said("")},
		{"nothing, as zlib flushes nothing twice", "", "", said("")},
		{"the end of a stream, and nothing behind it", "\xf3\x48\xcd\xc9\xc9\x07\x00", "Hello", said("")},
		{"closed instead of flushed, less the last four bytes", "\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff\x01", "Hello", said("")},
		{"a stored block behind a short one", bitString("0 10 01111000 0000000 0 00") + "\x05\x00\xfa\xffHello\x00", "HHello", said("")},
		{"a stored block behind an empty one", bitString("0 10 0000000 0 00") + "\x05\x00\xfa\xffHello\x00", "Hello", said("")},
		{"many empty blocks", strings.Repeat("\x00\x00\x00\xff\xff", 100) + "\x00", "", said("")},
	} {
		everyCut(t, tc.d, tc.msg, func(how string, d *Decompressor, out []byte, err error) {
			if err != nil || string(out) != tc.want {
				t.Fatalf("%s: %s: %q, %v", tc.name, how, out, err)
			}
			// It is ready for another message.
			dst := make([]byte, 10)
			if n, _, through, err := d.Decompress(dst, []byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), true); err != nil || !through || string(dst[:n]) != "Hello" {
				t.Fatalf("%s: after %s: %q, %v", tc.name, how, dst[:n], err)
			}
		})
	}
}

// A bitString is written as the bits come: fields lowest bit first, codes highest first.
func bitString(fields ...string) string {
	var b []byte
	n := 0
	for _, f := range fields {
		for _, c := range f {
			if c == ' ' {
				continue
			}
			if n%8 == 0 {
				b = append(b, 0)
			}
			b[n/8] |= byte(c-'0') << (n % 8)
			n++
		}
	}
	return string(b)
}

func TestCorruptMessages(t *testing.T) {
	const h, e, l, o = "01111000", "10010101", "10011100", "10011111" // fixed codes
	const dynamic = "0 01"
	// The rest of the sizes, a code length code of 0 for 1, 10 for 0 and 11 for 18, and 256 lengths of 0.
	some := "00000 0111" + "000 000 010 010" + strings.Repeat("000", 13) + "100" + "11 1111111 11 1101011"
	for _, tc := range []struct {
		name, msg, right string
		early            bool // found before the end of the message
	}{
		{name: "reserved kind of block", msg: bitString("0 11"), early: true},
		{name: "stored block whose length is not repeated", msg: "\x00\x05\x00\xfb\xff", early: true},
		{name: "stored block cut off", msg: "\x00\x0a\x00\xf5\xffHello", right: "Hello"},
		{name: "length of a stored block cut off", msg: "\x00\x05"},
		{name: "header of a block cut off", msg: bitString("0 10", h, "0000000", "0 10", h, "0000000 0000 1"), right: "HH"},
		{name: "symbol cut off", msg: "\xf2\x48\xcd", right: "He"},
		{name: "length code 286", msg: bitString("0 10", h, e, "11000110"), right: "He", early: true},
		{name: "length code 287", msg: bitString("0 10", h, e, "11000111"), right: "He", early: true},
		{name: "distance code 30", msg: bitString("0 10", h, e, "0000001 11110"), right: "He", early: true},
		{name: "distance beyond the beginning", msg: bitString("0 10", h, e, "0000001 00010"), right: "He", early: true},
		{name: "distance beyond the window of 256", msg: bitString("0 10", h, "11000101 00000", "0000001 10000 0000000"), right: strings.Repeat("H", 259), early: true},
		{name: "287 length codes", msg: bitString(dynamic, "01111 00000 0000"), early: true},
		{name: "31 distance codes", msg: bitString(dynamic, "00000 01111 0000"), early: true},
		{name: "code length code with too many codes", msg: bitString(dynamic, "00000 00000 0000", "100 100 100 000"), early: true},
		{name: "code length code with too few codes", msg: bitString(dynamic, "00000 00000 0000", "010 010 010 000"), early: true},
		{name: "no code length code", msg: bitString(dynamic, "00000 00000 0000", "000 000 000 000"), early: true},
		{name: "repeat of no length", msg: bitString(dynamic, "00000 00000 0000", "100 000 000 100", "1 00"), early: true},
		{name: "lengths beyond the last", msg: bitString(dynamic, "00000 00000 0000", "000 100 100 000", "1 1111111 1 1111111"), early: true},
		{name: "no code for the end of the block", msg: bitString(dynamic, "00000 00000 0000", "000 100 100 000", "1 1111111 1 1011011"), early: true},
		{name: "literal without a code", msg: bitString(dynamic, "00000", some, "0 10", "1"), early: true},
		{name: "distance where no code is", msg: bitString(dynamic, "10000", some, "0 0 10", "1"), early: true},
		{name: "distance without a code", msg: bitString(dynamic, "10000", some, "0 0 0", "1 1"), early: true},
	} {
		everyCut(t, NewDecompressor(8, true), tc.msg, func(how string, d *Decompressor, out []byte, err error) {
			if err != ErrCorrupt || string(out) != tc.right {
				t.Fatalf("%s: %s: %q, %v", tc.name, how, out, err)
			}
			if n, used, through, err := d.Decompress(make([]byte, 9), []byte("\x00"), true); n != 0 || used != 0 || through || err != ErrCorrupt {
				t.Fatalf("%s: after the error: %d, %d, %v, %v", tc.name, n, used, through, err)
			}
		})
		d := NewDecompressor(8, true)
		if _, _, _, err := d.Decompress(make([]byte, 1000), []byte(tc.msg), false); (err == ErrCorrupt) != tc.early {
			t.Errorf("%s: before the end of the message: %v", tc.name, err)
		}
		d = NewDecompressor(8, true)
		dst := make([]byte, 1000)
		if n, _, _, err := d.Decompress(dst, []byte(tc.msg+strings.Repeat("\x00", 100)), true); tc.early && (err != ErrCorrupt || string(dst[:n]) != tc.right) {
			t.Errorf("%s: with much behind it: %q, %v", tc.name, dst[:n], err)
		}
	}
}
