package conformance

import (
	"bytes"
	"compress/flate"
	"io"
	"strings"
	"testing"
)

// TestCodec holds the tests' own DEFLATE against the standard library's, and shows that it uses its window to the end.
func TestCodec(t *testing.T) {
	samples := [][]byte{nil, []byte("a"), []byte(sample(100000)), []byte(every(100000)), []byte(strings.Repeat("a", 3000)), corpora[0].make(300000)}
	for window := 1 << 8; window <= 1<<15; window <<= 1 {
		for _, takeover := range []bool{true, false} {
			sender := &deflate{out: direction{window, takeover, nil}}
			receiver := &deflate{in: direction{window, takeover, nil}}
			var stream bytes.Buffer
			reader := flate.NewReader(&stream)
			for n, p := range samples {
				b := sender.deflate(p)
				got, err := receiver.inflate(b)
				if err != nil || !bytes.Equal(got, p) {
					t.Fatalf("window %d, takeover %v, sample %d: inflated to %d of %d bytes: %v", window, takeover, n, len(got), len(p), err)
				}
				if !takeover {
					reader.(flate.Resetter).Reset(&stream, nil)
				}
				stream.Write(b)
				stream.WriteString(tail)
				got = make([]byte, len(p))
				if _, err := io.ReadFull(reader, got); err != nil || !bytes.Equal(got, p) {
					t.Fatalf("window %d, takeover %v, sample %d: the standard library says %v", window, takeover, n, err)
				}
			}
		}
		random := corpora[4].make(2 * window)[:window]
		far := compress(random, random[:100], window)
		if _, distance, err := inflate(append(far, tail...), random, window); err != nil || distance != window {
			t.Errorf("window %d: the largest distance is %d, %v", window, distance, err)
		}
		if _, _, err := inflate(append(far, tail...), random, window-1); err == nil {
			t.Errorf("window %d: a distance beyond it is taken", window-1)
		}
	}
}
