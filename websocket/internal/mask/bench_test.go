package mask

import (
	"fmt"
	"testing"
)

// BenchmarkXOR masks what begins where a payload does behind a header: with assembly where there is any, without it, and, for
// what memory allows, a copy of the same size.
func BenchmarkXOR(b *testing.B) {
	had := wide
	defer func() { wide = had }()
	for _, size := range []int{16, 64, 125, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 1 << 20, 16 << 20} {
		buf, other := make([]byte, 64+size), make([]byte, 64+size)
		for _, how := range []string{"blocks", "words", "copy"} {
			b.Run(fmt.Sprintf("%s/%d", how, size), func(b *testing.B) {
				wide = had && how == "blocks"
				p := buf[14 : 14+size]
				b.SetBytes(int64(size))
				for b.Loop() {
					if how == "copy" {
						copy(other[14:], p)
					} else {
						XOR(p, 0x8499aabb)
					}
				}
			})
		}
	}
}
