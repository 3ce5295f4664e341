package websocket_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// FuzzConnection feeds a whole connection with hostile bytes, in pieces, while it reads, writes and closes. It must end within
// its deadlines, with an error, and what it sends must itself be right.
func FuzzConnection(f *testing.F) {
	for _, masked := range []bool{true, false} {
		h := func(op proto.Opcode, fin bool) proto.Header {
			return proto.Header{Op: op, Fin: fin, Masked: masked, Key: 0x01020304}
		}
		var talk []byte
		talk = proto.AppendFrame(talk, h(proto.Text, false), []byte("grü"))
		talk = proto.AppendFrame(talk, h(proto.Ping, true), []byte("ping"))
		talk = proto.AppendFrame(talk, h(proto.Continuation, true), []byte("ße"))
		talk = proto.AppendFrame(talk, h(proto.Binary, true), bytes.Repeat([]byte("b"), 300))
		f.Add(talk, !masked, uint8(3))
		f.Add(append(talk, proto.AppendFrame(nil, h(proto.Close, true), []byte("\x03\xe8bye"))...), !masked, uint8(0))
		f.Add(proto.AppendFrame(nil, h(proto.Close, true), []byte("\x03")), !masked, uint8(1))
		f.Add(proto.AppendFrame(nil, h(proto.Text, true), []byte("\xff")), !masked, uint8(1))
		f.Add(bytes.Repeat(proto.AppendFrame(nil, h(proto.Ping, true), []byte("flood")), 200), !masked, uint8(9))
		f.Add([]byte{0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, !masked, uint8(4))
	}
	f.Fuzz(func(t *testing.T, in []byte, client bool, step uint8) {
		if len(in) > 1<<16 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			start := time.Now()
			var c *websocket.Conn
			cfg := proto.Config{Limit: -1}
			if client {
				c, cfg.Role = websocket.ClientConn(near, websocket.DialOptions{}), proto.Server
			} else {
				c, cfg.Role = websocket.ServerConn(near, websocket.AcceptOptions{}), proto.Client
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
				buf := make([]byte, 4096)
				for {
					n, err := far.Read(buf)
					if err != nil {
						return nil
					}
					for b := buf[:n]; len(b) > 0; {
						_, used, err := m.Next(b)
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
