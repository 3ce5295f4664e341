package deflate

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestHistoryHoldsTheLastBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, window := range []int{256, 512, 4096, 32768} {
		for _, most := range []int{3, 100, 300, 5000, 70000} {
			var h history
			var all []byte
			for range 100 {
				p := make([]byte, rng.IntN(most+1))
				for i := range p {
					p[i] = byte(rng.Uint32())
				}
				h.append(p, window)
				all = append(all, p...)
				if want := min(len(all), window); h.n != want {
					t.Fatalf("window %d: %d bytes held, want %d", window, h.n, want)
				}
				if h.n == 0 {
					continue
				}
				if size := len(*h.buf); size > window || size > max(256, 2*h.n) {
					t.Fatalf("window %d: %d bytes of memory for %d", window, size, h.n)
				}
				back := 1 + rng.IntN(h.n)
				dst := make([]byte, 1+rng.IntN(back))
				h.copyTo(dst, back)
				if start := len(all) - back; !bytes.Equal(dst, all[start:start+len(dst)]) {
					t.Fatalf("window %d: not the %d bytes from %d ago", window, len(dst), back)
				}
			}
			h.drop()
			if h != (history{}) {
				t.Fatal("not dropped")
			}
		}
	}
}
