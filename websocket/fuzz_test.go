package websocket_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/deflate"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// FuzzConnection feeds a whole connection with hostile bytes, in pieces, while it reads, writes and closes. It must end within
// its deadlines, with an error, and what it sends must itself be right.
func FuzzConnection(f *testing.F) {
	for i := range 6 {
		masked, mode := i%2 == 0, uint8(i/2)
		h := func(op proto.Opcode, fin bool) proto.Header {
			return proto.Header{Op: op, Fin: fin, Masked: masked, Key: 0x01020304}
		}
		var talk []byte
		talk = proto.AppendFrame(talk, h(proto.Text, false), []byte("grü"))
		talk = proto.AppendFrame(talk, h(proto.Ping, true), []byte("ping"))
		talk = proto.AppendFrame(talk, h(proto.Continuation, true), []byte("ße"))
		talk = proto.AppendFrame(talk, h(proto.Binary, true), bytes.Repeat([]byte("b"), 300))
		f.Add(talk, !masked, uint8(3), mode)
		f.Add(append(talk, proto.AppendFrame(nil, h(proto.Close, true), []byte("\x03\xe8bye"))...), !masked, uint8(0), mode)
		f.Add(proto.AppendFrame(nil, h(proto.Close, true), []byte("\x03")), !masked, uint8(1), mode)
		f.Add(proto.AppendFrame(nil, h(proto.Text, true), []byte("\xff")), !masked, uint8(1), mode)
		f.Add(bytes.Repeat(proto.AppendFrame(nil, h(proto.Ping, true), []byte("flood")), 200), !masked, uint8(9), mode)
		f.Add([]byte{0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, !masked, uint8(4), mode)
		if mode == 0 {
			continue
		}
		zipped := func(op proto.Opcode, fin bool, payload string) []byte {
			header := h(op, fin)
			header.RSV1 = true
			return proto.AppendFrame(nil, header, []byte(payload))
		}
		text := deflated("grüße, größe, grüße, größe")
		f.Add(zipped(proto.Text, true, text), !masked, uint8(1), mode)
		cut := append(zipped(proto.Text, false, text[:5]), proto.AppendFrame(nil, h(proto.Continuation, true), []byte(text[5:]))...)
		f.Add(append(cut, cut...), !masked, uint8(2), mode)
		f.Add(zipped(proto.Binary, true, deflated(strings.Repeat("\x00", 1000))), !masked, uint8(8), mode)
		f.Add(zipped(proto.Binary, true, deflated(strings.Repeat("\x00", 1001))), !masked, uint8(8), mode)
		f.Add(zipped(proto.Binary, true, text[:6]), !masked, uint8(8), mode)
		f.Add(zipped(proto.Text, true, deflated("\xff")), !masked, uint8(8), mode)
	}
	f.Fuzz(func(t *testing.T, in []byte, client bool, step, mode uint8) {
		if len(in) > 1<<16 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			start := time.Now()
			var c *websocket.Conn
			compression := websocket.CompressionMode(mode % 3)
			cfg := proto.Config{Limit: -1, RSV1: mode%3 != 0}
			if client {
				cfg.Role = proto.Server
				c = websocket.ClientConn(near, websocket.DialOptions{CompressionMode: compression, CompressionThreshold: 1})
			} else {
				cfg.Role = proto.Client
				c = websocket.ServerConn(near, websocket.AcceptOptions{CompressionMode: compression, CompressionThreshold: 1})
			}
			c.SetReadLimit(1000)
			sent := async(func() bool {
				for rest := in; len(rest) > 0; {
					n := min(1+int(step), len(rest))
					if _, err := far.Write(rest[:n]); err != nil {
						return false
					}
					rest = rest[n:]
				}
				return true
			})
			right := async(func() error {
				m := proto.New(cfg)
				inflater := deflate.NewDecompressor(15, compression == websocket.CompressionContextTakeover)
				buf, out := make([]byte, 4096), make([]byte, 4096)
				for {
					n, err := far.Read(buf)
					if err != nil {
						return nil
					}
					for b := buf[:n]; len(b) > 0; {
						ev, used, err := m.Next(b)
						for through := !ev.RSV1; err == nil && !through; {
							var n int
							_, n, through, err = inflater.Decompress(out, ev.Payload, ev.Fin)
							ev.Payload = ev.Payload[n:]
						}
						if err != nil {
							return err
						}
						b = b[used:]
					}
				}
			})
			read := 0
			var err error
			for err == nil {
				var p []byte
				if read%2 == 0 {
					_, p, err = c.Read(bg)
				} else {
					var r io.Reader
					if _, r, err = c.Reader(bg); err == nil {
						p, err = io.ReadAll(r)
					}
				}
				if len(p) > 1000 {
					t.Errorf("a message of %d bytes under a limit of 1000", len(p))
				}
				if read += len(p); err == nil && c.Write(bg, websocket.MessageBinary, p) != nil {
					t.Error("cannot write between messages")
				}
			}
			c.Close(websocket.StatusNormalClosure, "")
			if took := time.Since(start); took > time.Minute {
				t.Errorf("it took %v to end", took)
			}
			if err := right(); err != nil {
				t.Errorf("the connection sent what is not right: %v", err)
			}
			sent()
		})
	})
}
