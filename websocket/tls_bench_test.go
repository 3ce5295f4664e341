package websocket_test

import (
	"crypto/tls"
	"io"
	"net"
	"testing"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// BenchmarkEchoOverTLS has 100 clients wait for their echoes of 125 bytes, in event mode and with a goroutine for each. What
// the clients do is in the times: it is the same for both.
func BenchmarkEchoOverTLS(b *testing.B) {
	for _, mode := range []struct {
		name string
		wrap func(net.Listener) net.Listener
	}{
		{"event", websocket.NewListener},
		{"goroutine", func(l net.Listener) net.Listener { return l }},
	} {
		b.Run(mode.name, func(b *testing.B) {
			const clients = 100
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			l = mode.wrap(l)
			frame := proto.AppendFrame(nil, proto.Header{Op: proto.Binary, Fin: true, Masked: true, Key: 1}, make([]byte, 125))
			var far []*tls.Conn
			for range clients {
				client, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				near, err := l.Accept()
				if err != nil {
					b.Fatal(err)
				}
				server, secure := handshake(b, &tls.Config{}, near, client)
				c := websocket.ServerConn(server, acceptQuiet)
				defer c.CloseNow()
				if err := c.Handle(echoes); err != nil {
					b.Fatal(err)
				}
				far = append(far, secure)
			}
			answer := make([]byte, len(frame)-4)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				// All are on their way at the same time.
				if n%clients == 0 {
					for _, c := range far {
						if _, err := c.Write(frame); err != nil {
							b.Fatal(err)
						}
					}
				}
				if _, err := io.ReadFull(far[n%clients], answer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
