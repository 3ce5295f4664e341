package websocket_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// A rawEcho is a server's connection over TCP that sends back what comes, and the bare bytes of its client.
type rawEcho struct {
	conn    *websocket.Conn
	nc      net.Conn
	request []byte // what the client sends
	answer  []byte // to receive in
}

// newRawEcho makes one for messages of size bytes of which inFlight go at a time, in event mode or in blocking mode.
func newRawEcho(tb testing.TB, event bool, size, inFlight int) *rawEcho {
	near, far := tcpPair(tb)
	c := websocket.ServerConn(near, acceptQuiet)
	tb.Cleanup(func() {
		c.CloseNow()
		far.Close()
	})
	if !event {
		go echo(c)
	} else if err := c.Handle(echoes); err != nil {
		tb.Fatal(err)
	}
	message := bytes.Repeat([]byte("m"), size)
	request := proto.AppendFrame(nil, proto.Header{Op: proto.Text, Fin: true, Masked: true, Key: 0x5eed1234}, message)
	answer := proto.AppendFrame(nil, proto.Header{Op: proto.Text, Fin: true}, message)
	return &rawEcho{c, far, bytes.Repeat(request, inFlight), bytes.Repeat(answer, inFlight)}
}

func (e *rawEcho) roundTrip(tb testing.TB) {
	if _, err := e.nc.Write(e.request); err != nil {
		tb.Fatal(err)
	}
	if _, err := io.ReadFull(e.nc, e.answer); err != nil {
		tb.Fatal(err)
	}
}

// tcpPair is tcpPipe for benchmarks, too.
func tcpPair(tb testing.TB) (a, b net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		tb.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		tb.Fatal(err)
	}
	return a, b
}

func modeName(event bool) string {
	if event {
		return "event"
	}
	return "blocking"
}

// BenchmarkRoundTrip has one client wait for the answers to what it sends; an operation is one message.
func BenchmarkRoundTrip(b *testing.B) {
	for _, event := range []bool{false, true} {
		for _, inFlight := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/125B/inflight=%d", modeName(event), inFlight), func(b *testing.B) {
				e := newRawEcho(b, event, 125, inFlight)
				b.ReportAllocs()
				for i := 0; i < b.N; i += inFlight {
					e.roundTrip(b)
				}
			})
		}
	}
}

// BenchmarkSending sends to a peer that reads.
func BenchmarkSending(b *testing.B) {
	message := bytes.Repeat([]byte("m"), 125)
	prepared := websocket.Prepare(websocket.MessageText, message)
	for _, event := range []bool{false, true} {
		for name, send := range map[string]func(*websocket.Conn) error{
			"Write":         func(c *websocket.Conn) error { return c.Write(bg, websocket.MessageText, message) },
			"WritePrepared": func(c *websocket.Conn) error { return c.WritePrepared(bg, prepared) },
		} {
			b.Run(name+"/"+modeName(event), func(b *testing.B) {
				e := newRawEcho(b, event, 125, 1)
				go io.Copy(io.Discard, e.nc)
				b.ReportAllocs()
				for b.Loop() {
					if err := send(e.conn); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(name+"/"+modeName(event)+"/from-many", func(b *testing.B) {
				e := newRawEcho(b, event, 125, 1)
				go io.Copy(io.Discard, e.nc)
				b.SetParallelism(8)
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := send(e.conn); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
	}
}

// BenchmarkHandshake connects, upgrades through net/http, and closes.
func BenchmarkHandshake(b *testing.B) {
	for _, event := range []bool{false, true} {
		b.Run(modeName(event), func(b *testing.B) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c, err := websocket.Accept(w, r, nil)
				if err != nil {
					return
				}
				if !event {
					go echo(c)
				} else if err := c.Handle(echoes); err != nil {
					b.Error(err)
				}
			}))
			defer srv.Close()
			addr := strings.TrimPrefix(srv.URL, "http://")
			request := []byte("GET / HTTP/1.1\r\nHost: " + addr + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
				"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
			goodbye := proto.AppendFrame(nil, proto.Header{Op: proto.Close, Fin: true, Masked: true, Key: 1}, proto.AppendClose(nil, 1000, ""))
			answer := make([]byte, 4096)
			b.ReportAllocs()
			for b.Loop() {
				nc, err := net.Dial("tcp", addr)
				if err != nil {
					b.Fatal(err)
				}
				nc.Write(request)
				for n := 0; !bytes.HasSuffix(answer[:n], []byte("\r\n\r\n")); {
					k, err := nc.Read(answer[n:])
					if err != nil {
						b.Fatal(err)
					}
					n += k
				}
				nc.Write(goodbye)
				if rest, err := io.ReadAll(nc); err != nil || len(rest) != 4 {
					b.Fatalf("%x, %v", rest, err)
				}
				nc.Close()
			}
		})
	}
}

// BenchmarkLatencyBesideABlockedHandler reports the 99th percentile of the time that a message takes there and back on
// connections in event mode, while nothing disturbs them, and while the handler of another one blocks for a second, again and
// again.
func BenchmarkLatencyBesideABlockedHandler(b *testing.B) {
	for _, blocked := range []bool{false, true} {
		b.Run(fmt.Sprintf("blocked=%v", blocked), func(b *testing.B) {
			const quick = 50
			var echoers []*rawEcho
			for range quick {
				echoers = append(echoers, newRawEcho(b, true, 125, 1))
			}
			ctx, cancel := context.WithCancel(bg)
			defer cancel()
			if blocked {
				near, far := tcpPair(b)
				defer far.Close()
				c := websocket.ServerConn(near, acceptQuiet)
				defer c.CloseNow()
				frame := proto.AppendFrame(nil, proto.Header{Op: proto.Text, Fin: true, Masked: true, Key: 1}, []byte("block"))
				err := c.Handle(handlerFuncs{message: func(*websocket.Conn, websocket.MessageType, []byte) {
					select {
					case <-time.After(time.Second):
						far.Write(frame)
					case <-ctx.Done():
					}
				}})
				if err != nil {
					b.Fatal(err)
				}
				far.Write(frame)
			}
			var took []time.Duration
			for i := range b.N {
				began := time.Now()
				echoers[i%quick].roundTrip(b)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-µs")
		})
	}
}
