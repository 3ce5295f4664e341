package websocket_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/seed-4a326f83/parley/websocket"
)

// BenchmarkEcho sends messages of a chat there and back over TCP. wire/B is how many bytes the payload of one takes.
func BenchmarkEcho(b *testing.B) {
	for _, mode := range append(modes, websocket.CompressionDisabled) {
		for _, size := range []int{150, 1 << 10, 64 << 10} {
			b.Run(fmt.Sprintf("mode=%d/size=%d", mode, size), func(b *testing.B) {
				d, a := compressing(mode, 0)
				a.CompressionThreshold, d.CompressionThreshold = 1, 1
				near, far := net.Pipe()
				counted := &meteredConn{Conn: near}
				client, server := websocket.ClientConn(counted, *d), websocket.ServerConn(far, *a)
				defer client.CloseNow()
				defer server.CloseNow()
				go echo(server)
				all := chatter(4, 1<<20)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				sent := 0
				for b.Loop() {
					at := sent * size % (len(all) - size)
					sent++
					if err := client.Write(bg, websocket.MessageText, all[at:at+size]); err != nil {
						b.Fatal(err)
					}
					if _, _, err := client.Read(bg); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(counted.n)/float64(sent), "wireB/op")
			})
		}
	}
}

// A meteredConn counts what is written.
type meteredConn struct {
	net.Conn
	n int
}

func (c *meteredConn) Write(p []byte) (int, error) { c.n += len(p); return c.Conn.Write(p) }

// BenchmarkBroadcast sends a message to 100 connections, prepared or to each anew.
func BenchmarkBroadcast(b *testing.B) {
	message := chatter(5, 500)
	for _, mode := range append(modes, websocket.CompressionDisabled) {
		for _, prepared := range []bool{true, false} {
			b.Run(fmt.Sprintf("mode=%d/prepared=%v", mode, prepared), func(b *testing.B) {
				_, a := compressing(mode, 0)
				a.CompressionThreshold = 1
				var conns []*websocket.Conn
				for range 100 {
					conns = append(conns, websocket.ServerConn(&countingConn{}, *a))
				}
				b.ReportAllocs()
				for b.Loop() {
					m := websocket.Prepare(websocket.MessageText, message)
					for _, c := range conns {
						var err error
						if prepared {
							err = c.WritePrepared(bg, m)
						} else {
							err = c.Write(bg, websocket.MessageText, message)
						}
						if err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}
