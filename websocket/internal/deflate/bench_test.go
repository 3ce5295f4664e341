package deflate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	kflate "github.com/klauspost/compress/flate"
)

var words = []string{"hello", "there", "what", "about", "the", "meeting", "tomorrow", "we", "should", "ship", "it", "now", "thanks", "server", "room", "a", "is", "not"}

// chat returns a message of about size bytes, as a chat server would send it.
func chat(rng *rand.Rand, size int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"type":"message","room":"general","seq":%d,"id":"%016x","from":{"id":"u%d","name":"user %d"},"body":"`,
		rng.IntN(100000), rng.Uint64(), rng.IntN(20), rng.IntN(20))
	for b.Len() < size-2 {
		b.WriteString(words[rng.IntN(len(words))])
		b.WriteByte(' ')
	}
	b.WriteString(`"}`)
	return b.Bytes()
}

func BenchmarkDecompress(b *testing.B) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, size := range []int{125, 1000, 16000, 1 << 20} {
		msg := chat(rng, size)
		var sink bytes.Buffer
		w, err := flate.NewWriter(&sink, 6)
		if err != nil {
			b.Fatal(err)
		}
		z := deflated(b, w, &sink, msg)
		b.Run(fmt.Sprintf("%d/ours", len(msg)), func(b *testing.B) {
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			d := NewDecompressor(15, false)
			dst := make([]byte, len(msg)+300)
			for b.Loop() {
				if n, _, through, err := d.Decompress(dst, z, true); n != len(msg) || !through || err != nil {
					b.Fatal(n, through, err)
				}
			}
		})
		b.Run(fmt.Sprintf("%d/ours takeover 4K pieces", len(msg)), func(b *testing.B) {
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			d := NewDecompressor(15, true)
			dst := make([]byte, 4096)
			for b.Loop() {
				src := z
				for through := false; !through; {
					_, used, t, err := d.Decompress(dst, src, true)
					if err != nil {
						b.Fatal(err)
					}
					src, through = src[used:], t
				}
			}
		})
		full := append(append(bytes.Clone(z), tail[:]...), 1, 0, 0, 0xff, 0xff)
		for _, peer := range []struct {
			name string
			r    io.Reader
		}{{"stdlib", flate.NewReader(nil)}, {"klauspost", kflate.NewReader(nil)}} {
			b.Run(fmt.Sprintf("%d/%s", len(msg), peer.name), func(b *testing.B) {
				b.SetBytes(int64(len(msg)))
				b.ReportAllocs()
				br := bytes.NewReader(full)
				dst := make([]byte, len(msg))
				for b.Loop() {
					br.Reset(full)
					peer.r.(flate.Resetter).Reset(br, nil)
					if _, err := io.ReadFull(peer.r, dst); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkCompress compresses messages of a conversation, with the messages before to refer to and without. For
// comparison: the library's compressors, given the same dictionary.
func BenchmarkCompress(b *testing.B) {
	for _, size := range []int{125, 500, 2000, 16000} {
		for _, takeover := range []bool{true, false} {
			rng := rand.New(rand.NewPCG(1, 2))
			var past []byte
			for takeover && len(past) < maxHistory {
				past = append(past, chat(rng, size)...)
			}
			past = past[max(0, len(past)-maxHistory):]
			var msgs [20][]byte
			for i := range msgs {
				msgs[i] = chat(rng, size)
			}
			run := func(name string, f func(dst, p []byte) []byte) {
				b.Run(fmt.Sprintf("%d/takeover=%v/%s", size, takeover, name), func(b *testing.B) {
					b.ReportAllocs()
					var dst []byte
					in, out, i := 0, 0, 0
					for b.Loop() {
						p := msgs[i%len(msgs)]
						dst = f(dst[:0], p)
						in, out, i = in+len(p), out+len(dst), i+1
					}
					b.SetBytes(int64(in / i))
					b.ReportMetric(float64(out)/float64(i), "B/msg")
				})
			}
			c := NewCompressor(15, takeover)
			c.Sent(past)
			run("ours", c.encode) // which does not take note of p, so that they do not find themselves
			var sink bytes.Buffer
			w, err := kflate.NewWriter(nil, kflate.BestSpeed)
			if err != nil {
				b.Fatal(err)
			}
			run("library", func(dst, p []byte) []byte {
				sink.Reset()
				w.ResetDict(&sink, past)
				w.Write(p)
				w.Flush()
				return append(dst, sink.Bytes()...)
			})
			run("library stateless", func(dst, p []byte) []byte {
				sink.Reset()
				if err := kflate.StatelessDeflate(&sink, p, false, past); err != nil {
					b.Fatal(err)
				}
				return append(dst, sink.Bytes()...)
			})
		}
	}
}
