package websocket_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/seed-4a326f83/parley/websocket"
)

var modes = []websocket.CompressionMode{websocket.CompressionContextTakeover, websocket.CompressionNoContextTakeover}

// compressing are the options of both sides for a mode.
func compressing(mode websocket.CompressionMode, bits int) (*websocket.DialOptions, *websocket.AcceptOptions) {
	d, a := dialQuiet, acceptQuiet
	d.CompressionMode, d.CompressionWindowBits = mode, bits
	a.CompressionMode, a.CompressionWindowBits = mode, bits
	return &d, &a
}

func TestCompressedMessagesArrive(t *testing.T) {
	for _, mode := range modes {
		for _, bits := range []int{0, 8, 9, 15} {
			t.Run(fmt.Sprintf("mode %d/window %d", mode, bits), func(t *testing.T) {
				d, a := compressing(mode, bits)
				d.CompressionThreshold = 1
				url := serve(t, a, echo)
				c := dial(t, url, d)
				for i, size := range []int{0, 1, 10, 127, 128, 511, 512, 1000, 4095, 4096, 4097, 70_000, 1 << 19} {
					piece := fmt.Sprintf("grüße %d, ", i)
					text := strings.Repeat(piece, size/len(piece)+1)
					if err := c.Write(bg, websocket.MessageText, []byte(text)); err != nil {
						t.Fatal(err)
					}
					c.SetReadLimit(int64(len(text)))
					wantMessage(t, c, websocket.MessageText, text)
					same := bytes.Repeat([]byte{byte(i)}, size)
					if err := c.Write(bg, websocket.MessageBinary, same); err != nil {
						t.Fatal(err)
					}
					c.SetReadLimit(int64(size))
					wantMessage(t, c, websocket.MessageBinary, string(same))
				}
			})
		}
	}
}
