package deflate

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"testing"
)

// oracle decompresses in with the standard library: streams one behind the other, as RFC 7692 section 7.2.3.4 has them. whole
// says that the last ended.
func oracle(in []byte) (out []byte, whole bool) {
	r := bytes.NewReader(in)
	for r.Len() > 0 {
		p, err := io.ReadAll(flate.NewReaderDict(r, out[max(0, len(out)-32768):]))
		if out = append(out, p...); err != nil {
			return out, false
		}
	}
	return out, true
}

// atBoundary reports whether in ends where a block may begin, at a byte. That is where either of two last blocks, put
// behind it, is read as what it is.
func atBoundary(in []byte) bool {
	before, _ := oracle(in)
	empty, whole1 := oracle(append(bytes.Clone(in), 1, 0, 0, 0xFF, 0xFF))
	letter, whole2 := oracle(append(bytes.Clone(in), 1, 1, 0, 0xFE, 0xFF, 'Z'))
	return whole1 && whole2 && bytes.Equal(empty, before) && bytes.Equal(letter, append(before, 'Z'))
}

// FuzzDecompress holds the Decompressor against the standard library, on anything.
func FuzzDecompress(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, level := range []int{-2, 0, 1, 9} {
		var sink bytes.Buffer
		w, err := flate.NewWriter(&sink, level)
		if err != nil {
			f.Fatal(err)
		}
		for _, p := range corpus(rng) {
			if len(p) > 3000 {
				p = p[:3000]
			}
			f.Add(deflated(f, w, &sink, p), uint64(level), uint16(100), uint16(500))
		}
	}
	f.Add([]byte("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00"), uint64(0), uint16(1), uint16(1))
	f.Fuzz(func(t *testing.T, msg []byte, seed uint64, maxIn, maxOut uint16) {
		d := NewDecompressor(15, true)
		got, err := inflate(t, &d, rand.New(rand.NewPCG(seed, 0)), msg, max(int(maxIn), 1), max(int(maxOut), 1))
		d.Release()

		want, _ := oracle(msg)
		if short := min(len(got), len(want)); !bytes.Equal(got[:short], want[:short]) {
			t.Fatalf("%d bytes, which differ from the %d of the standard library", len(got), len(want))
		}
		right := atBoundary(msg)
		if !right {
			completed := append(bytes.Clone(msg), tail[:]...)
			out, _ := oracle(completed)
			right = atBoundary(completed) && bytes.Equal(out, want) // the tail completes a block, and says nothing itself
		}
		if (err == nil) != right || (right && !bytes.Equal(got, want)) {
			t.Fatalf("%d bytes, %v; the standard library: %d bytes, right: %v", len(got), err, len(want), right)
		}
	})
}

// FuzzRoundTrip sends messages round, compressed as p's bits say, in pieces and with any window.
func FuzzRoundTrip(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i, p := range corpus(rng) {
		f.Add(p[:min(len(p), 5000)], uint64(i), byte(i), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, p []byte, seed uint64, bits byte, takeover bool) {
		rng := rand.New(rand.NewPCG(seed, 0))
		window := MinWindowBits + int(bits%8)
		c, d := NewCompressor(window, takeover), NewDecompressor(window, takeover)
		for round := range 4 {
			want := p[rng.IntN(len(p)+1):]
			var msg []byte
			if ok := false; round%2 == 1 {
				if msg, ok = c.AppendMessage(nil, want); !ok {
					continue
				}
			} else {
				k := rng.IntN(len(want) + 1)
				msg = c.Append(c.Append(nil, want[:k], false), want[k:], true)
			}
			if got, err := inflate(t, &d, rng, msg, 1+rng.IntN(len(p)+1), 1+rng.IntN(len(p)+1)); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("round %d, %d bits, takeover %v: %d bytes of %d, %v", round, window, takeover, len(got), len(want), err)
			}
		}
		c.Release()
		d.Release()
	})
}
