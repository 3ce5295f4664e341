package mask

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// naive is the masking as RFC 6455 section 5.3 writes it.
func naive(b []byte, key uint32) []byte {
	var k [4]byte
	binary.LittleEndian.PutUint32(k[:], key)
	out := make([]byte, len(b))
	for i := range b {
		out[i] = b[i] ^ k[i%4]
	}
	return out
}

func check(t *testing.T, b []byte, key uint32, cut int) {
	t.Helper()
	want := naive(b, key)
	got := append([]byte(nil), b...)
	XOR(got[cut:], XOR(got[:cut], key))
	if !bytes.Equal(got, want) {
		t.Fatalf("%d bytes cut at %d, key %08x: %x, want %x", len(b), cut, key, got, want)
	}
}

func TestXORInAnyPiecesIsTheRFCsMasking(t *testing.T) {
	b := make([]byte, 100)
	for i := range b {
		b[i] = byte(i * 7)
	}
	for n := range b {
		for cut := 0; cut <= n; cut++ {
			check(t, b[:n], 0x8499aabb, cut)
		}
	}
}

func TestNewKeysDiffer(t *testing.T) {
	seen := map[uint32]bool{}
	for range 1000 {
		seen[NewKey()] = true
	}
	if len(seen) < 990 { // a double among 1,000 of 2^32 comes once in 8,000 runs; ten do not come
		t.Fatalf("only %d different keys of 1000", len(seen))
	}
}

func FuzzXOR(f *testing.F) {
	f.Add([]byte("Hello"), uint32(0x3d21fa37), 2)
	f.Add(bytes.Repeat([]byte{1, 2, 3}, 50), uint32(1), 33)
	f.Fuzz(func(t *testing.T, b []byte, key uint32, cut int) {
		if cut < 0 || cut > len(b) {
			cut = 0
		}
		check(t, b, key, cut)
	})
}

func BenchmarkXOR(b *testing.B) {
	p := make([]byte, 65536)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		XOR(p, 0x8499aabb)
	}
}
