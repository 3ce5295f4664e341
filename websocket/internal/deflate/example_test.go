package deflate_test

import (
	"fmt"
	"strings"

	"github.com/seed-4a326f83/parley/websocket/internal/deflate"
)

// A message is read under a limit, while its payload arrives in pieces.
func ExampleDecompressor() {
	c := deflate.NewCompressor(15, true)
	payload := c.Append(nil, []byte(strings.Repeat("to be or not to be ", 100)), true)

	const limit = 1000
	d := deflate.NewDecompressor(15, true)
	defer d.Release()
	buf := make([]byte, 512)
	total := 0
	for piece := range strings.SplitSeq(string(payload[:10])+"|"+string(payload[10:]), "|") {
		src, end := []byte(piece), piece == string(payload[10:])
		for through := false; !through; {
			dst := buf[:min(len(buf), limit-total)]
			n, used, now, err := d.Decompress(dst, src, end)
			if err != nil {
				fmt.Println(err) // close with 1007
				return
			}
			if total += n; !now && total == limit {
				fmt.Println("over the limit of", limit) // close with 1009
				return
			}
			src, through = src[used:], now
		}
	}
	// Output: over the limit of 1000
}

func ExampleCompressor() {
	c := deflate.NewCompressor(15, true)
	defer c.Release()
	for range 2 {
		payload, ok := c.AppendMessage(nil, []byte(`{"type":"message","body":"hello"}`))
		fmt.Println(len(payload), ok)
	}
	// Output:
	// 35 true
	// 4 true
}
