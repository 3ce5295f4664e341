// Package mask holds the masking of RFC 6455 section 5.3: XOR with a four-byte key that repeats.
package mask

import "encoding/binary"

// XOR applies key to b in place and returns the key rotated for the byte that follows b, so that a payload
// may be masked in pieces of any length. The key is the four bytes of the wire read as a little-endian
// number: XOR(b, key) changes b[0] by the key's lowest byte. Applying it twice restores b.
func XOR(b []byte, key uint32) uint32 {
	wide := uint64(key)<<32 | uint64(key)
	for len(b) >= 32 {
		// One bounds check a block: the compiler sees the array's length.
		p := (*[32]byte)(b)
		binary.LittleEndian.PutUint64(p[0:8], binary.LittleEndian.Uint64(p[0:8])^wide)
		binary.LittleEndian.PutUint64(p[8:16], binary.LittleEndian.Uint64(p[8:16])^wide)
		binary.LittleEndian.PutUint64(p[16:24], binary.LittleEndian.Uint64(p[16:24])^wide)
		binary.LittleEndian.PutUint64(p[24:32], binary.LittleEndian.Uint64(p[24:32])^wide)
		b = b[32:]
	}
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	// Whole words leave the key where it was; only the bytes of the tail turn it.
	for i := range b {
		b[i] ^= byte(key)
		key = key>>8 | key<<24
	}
	return key
}
