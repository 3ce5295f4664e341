package mask

import (
	"bytes"
	"encoding/binary"
	"math/bits"
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

// eitherWay runs f with assembly, if there is any, and without.
func eitherWay(t *testing.T, f func(t *testing.T)) {
	had := wide
	defer func() { wide = had }()
	for _, on := range []bool{false, had} {
		wide = on
		f(t)
	}
}

// check masks a part of b, cut in two, and wants the rest untouched.
func check(t *testing.T, b []byte, from, to, cut int, key uint32) {
	t.Helper()
	eitherWay(t, func(t *testing.T) {
		t.Helper()
		want := append([]byte(nil), b...)
		copy(want[from:], naive(b[from:to], key))
		got := append([]byte(nil), b...)
		p := got[from:to]
		if end := XOR(p[cut:], XOR(p[:cut], key)); end != bits.RotateLeft32(key, -8*(len(p)%4)) {
			t.Fatalf("%d bytes cut at %d, key %08x: the next one is %08x", len(p), cut, key, end)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%d bytes at %d cut at %d, key %08x, wide %v: %x, want %x", len(p), from, cut, key, wide, got, want)
		}
	})
}

func TestXORInAnyPiecesIsTheRFCsMasking(t *testing.T) {
	b := make([]byte, 200)
	for i := range b {
		b[i] = byte(i * 7)
	}
	for n := range b {
		for cut := 0; cut <= n; cut++ {
			check(t, b, 0, n, cut, 0x8499aabb)
		}
	}
}

// TestXORAnywhere masks every length at every place a block can have, and nothing beside it.
func TestXORAnywhere(t *testing.T) {
	b := make([]byte, 400)
	for i := range b {
		b[i] = byte(i * 7)
	}
	for n := range 301 {
		for from := range 32 {
			check(t, b, from, from+n, 0, 0x8499aabb)
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
		check(t, b, 0, len(b), cut, key)
		check(t, b, cut, len(b), 0, key)
	})
}
