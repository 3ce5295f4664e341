package proto

import (
	"fmt"
	"testing"
)

// BenchmarkNext parses, unmasks and checks frames of a client, of which a hundred have come at once.
func BenchmarkNext(b *testing.B) {
	for _, op := range []Opcode{Text, Binary} {
		for _, size := range []int{0, 16, 125, 126, 4096} {
			b.Run(fmt.Sprintf("%s/%d", map[Opcode]string{Text: "text", Binary: "binary"}[op], size), func(b *testing.B) {
				payload := make([]byte, size)
				for i := range payload {
					payload[i] = 'a' + byte(i%26)
				}
				const frames = 100
				var stream []byte
				for i := range frames {
					stream = AppendFrame(stream, Header{Op: op, Fin: true, Masked: true, Key: 0x5eed1234 + uint32(i)}, payload)
				}
				buf := make([]byte, len(stream))
				var in []byte
				m := New(Config{Role: Server, Limit: -1})
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if i%frames == 0 { // a hundredth of a copy: what has been unmasked is not masked any more
						in = buf[:copy(buf, stream)]
					}
					ev, n, err := m.Next(in)
					if err != nil || !ev.FrameEnd {
						b.Fatal(ev, err)
					}
					in = in[n:]
				}
			})
		}
	}
}
