// Package mask holds the masking of RFC 6455 section 5.3: XOR with a four-byte key that repeats.
package mask

import "encoding/binary"

const (
	// blockSize is what assembly works in, in bytes.
	blockSize = 32
	// wideFrom is the length from which on assembly pays for its call, in bytes.
	wideFrom = 96
)

// XOR applies key to b in place and returns the key rotated for the byte that follows b, so that a payload
// may be masked in pieces of any length. The key is the four bytes of the wire read as a little-endian
// number: XOR(b, key) changes b[0] by the key's lowest byte. Applying it twice restores b.
func XOR(b []byte, key uint32) uint32 {
	if wide && len(b) >= wideFrom {
		n := len(b) &^ (blockSize - 1)
		xorBlocks(b[:n], key)
		b = b[n:]
	}
	twice := uint64(key)<<32 | uint64(key)
	for len(b) >= 32 {
		// One bounds check a block: the compiler sees the array's length.
		p := (*[32]byte)(b)
		binary.LittleEndian.PutUint64(p[0:8], binary.LittleEndian.Uint64(p[0:8])^twice)
		binary.LittleEndian.PutUint64(p[8:16], binary.LittleEndian.Uint64(p[8:16])^twice)
		binary.LittleEndian.PutUint64(p[16:24], binary.LittleEndian.Uint64(p[16:24])^twice)
		binary.LittleEndian.PutUint64(p[24:32], binary.LittleEndian.Uint64(p[24:32])^twice)
		b = b[32:]
	}
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^twice)
		b = b[8:]
	}
	if len(b) >= 4 {
		binary.LittleEndian.PutUint32(b, binary.LittleEndian.Uint32(b)^key)
		b = b[4:]
	}
	// Whole words leave the key where it was; only the bytes of the tail turn it.
	for i := range b {
		b[i] ^= byte(key)
		key = key>>8 | key<<24
	}
	return key
}
