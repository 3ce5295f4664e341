package deflate

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"testing"
)

// stdlibInflate decompresses a message with the standard library.
func stdlibInflate(t testing.TB, msg, dict []byte) []byte {
	t.Helper()
	in := io.MultiReader(bytes.NewReader(msg), bytes.NewReader(tail[:]), bytes.NewReader([]byte{1, 0, 0, 0xff, 0xff}))
	out, err := io.ReadAll(flate.NewReaderDict(in, dict))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCompressForOthers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
		for _, takeover := range []bool{true, false} {
			for _, size := range []int{1, 50, 3000, 1 << 20} {
				c := NewCompressor(bits, takeover)
				d := NewDecompressor(bits, takeover)
				var history []byte
				for i, p := range corpus(rng) {
					if size == 1 && len(p) > 5000 {
						p = p[:5000]
					}
					var msg []byte
					for rest, end := p, false; !end; {
						k := min(len(rest), rng.IntN(size+1))
						end = k == len(rest)
						msg = c.Append(msg, rest[:k], end)
						rest = rest[k:]
					}
					if got := stdlibInflate(t, msg, history); !bytes.Equal(got, p) {
						t.Fatalf("%d bits, takeover %v, message %d of %d bytes in pieces of %d: %d bytes", bits, takeover, i, len(p), size, len(got))
					}
					// Ours also checks the window.
					if got, err := inflate(&d, rng, msg, 10000, 10000); err != nil || !bytes.Equal(got, p) {
						t.Fatalf("%d bits, takeover %v, message %d of %d bytes in pieces of %d: %d bytes, %v", bits, takeover, i, len(p), size, len(got), err)
					}
					if takeover {
						history = append(history, p...)
						history = history[max(0, len(history)-1<<bits):]
					}
				}
			}
		}
	}
}
