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

// inflate decompresses a message with random cuts of input and output.
func inflate(d *Decompressor, rng *rand.Rand, msg []byte, maxIn, maxOut int) ([]byte, error) {
	var out []byte
	dst := make([]byte, maxOut)
	for {
		k := min(len(msg), rng.IntN(maxIn+1))
		src, end := msg[:k], k == len(msg)
		msg = msg[k:]
		for through := false; !through; {
			room := rng.IntN(maxOut + 1)
			n, used, t, err := d.Decompress(dst[:room], src, end)
			if n > room || used > len(src) || (t && used != len(src)) || (!t && err == nil && n != room) {
				panic(fmt.Sprintf("%d of %d bytes out, %d of %d in, through %v", n, room, used, len(src), t))
			}
			out = append(out, dst[:n]...)
			if err != nil {
				return out, err
			}
			src, through = src[used:], t
		}
		if end {
			return out, nil
		}
	}
}

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
					if size == 1 && len(p) > 5000 {
						p = p[:5000]
					}
					if !takeover {
						w.Reset(&sink)
					}
					got, err := inflate(&d, rng, deflated(t, w, &sink, p), size, size)
					if err != nil || !bytes.Equal(got, p) {
						t.Fatalf("level %d, takeover %v, message %d of %d bytes, in pieces of %d: %d bytes, %v", level, takeover, i, len(p), size, len(got), err)
					}
				}
			}
		}
	}
}
