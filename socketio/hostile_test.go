package socketio_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/socketio"
	"github.com/seed-4a326f83/parley/websocket"
)

// TestBusyHandlersAndAttachments: they count, too.
func TestBusyHandlersAndAttachments(t *testing.T) {
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		stop := make(chan struct{})
		w.io.On("connection", func(s *socketio.Socket) {
			s.On("e", func(*socketio.Event) { <-stop })
		})
		p, s := w.connect()
		attachment := make([]byte, 100_000)
		var taken atomic.Int32
		go func() {
			for range 100 {
				p.Write(context.Background(), websocket.MessageText, []byte(`451-["e",{"_placeholder":true,"num":0}]`))
				if p.Write(context.Background(), websocket.MessageBinary, attachment) == nil {
					taken.Add(1)
				}
			}
		}()
		synctest.Wait()
		if n := taken.Load(); n < 2 || n > 10 {
			t.Errorf("%d events of 100 KB were taken", n)
		}
		close(stop)
		synctest.Wait()
		if n := taken.Load(); n != 100 {
			t.Errorf("%d events of 100 were taken in the end", n)
		}
		s.Disconnect(true)
	})
}

// TestBusyHandlersAndValues: what is taken apart when it comes counts as what it takes then.
func TestBusyHandlersAndValues(t *testing.T) {
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		stop := make(chan struct{})
		w.io.On("connection", func(s *socketio.Socket) {
			s.On("e", func(*socketio.Event) { <-stop })
		})
		p, s := w.connect()
		event := `451-["e",[{"_placeholder":true,"num":0}` + strings.Repeat(`,{"a":0}`, 250) + "]]"
		var taken atomic.Int32
		go func() {
			for range 100 {
				p.Write(context.Background(), websocket.MessageText, []byte(event))
				if p.Write(context.Background(), websocket.MessageBinary, nil) == nil {
					taken.Add(1)
				}
			}
		}()
		synctest.Wait()
		if n := taken.Load(); n < 2 || n > 10 {
			t.Errorf("%d events were taken that make 250 maps each", n)
		}
		close(stop)
		synctest.Wait()
		if n := taken.Load(); n != 100 {
			t.Errorf("%d events of 100 were taken in the end", n)
		}
		s.Disconnect(true)
	})
}

// TestBusyMiddlewares: a client that comes and goes is not read from, but for a bounded amount, while it is asked about.
func TestBusyMiddlewares(t *testing.T) {
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		stop := make(chan struct{})
		w.io.Use(func(*socketio.Socket) error {
			<-stop
			return nil
		})
		p := w.dial()
		connect := `40{"x":"` + strings.Repeat("x", 10_000) + `"}`
		var taken atomic.Int32
		go func() {
			for range 1000 {
				p.Write(context.Background(), websocket.MessageText, []byte(connect))
				if p.Write(context.Background(), websocket.MessageText, []byte("41")) == nil {
					taken.Add(1)
				}
			}
		}()
		synctest.Wait()
		if n := taken.Load(); n < 10 || n > 40 {
			t.Errorf("%d of 10 KB were taken", n)
		}
		close(stop)
		synctest.Wait()
		if n := taken.Load(); n != 1000 {
			t.Errorf("%d of 1000 were taken in the end", n)
		}
		if n := len(w.io.Sockets()); n != 0 {
			t.Errorf("%d sockets are left", n)
		}
	})
}

// TestCookieFlood: what is kept of a handshake is bounded.
func TestCookieFlood(t *testing.T) {
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		open := func(query, cookie string) int {
			req, err := http.NewRequest("GET", "http://example.com/socket.io/?EIO=4&transport=polling"+query, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Cookie", cookie)
			resp, err := w.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Fatal(err)
			}
			return resp.StatusCode
		}
		long := strings.Repeat("x", 16_000) // as many as Node takes
		for _, tt := range []struct {
			query, cookie string
			want          int
		}{
			{"", "", 200},
			{"", "a=" + long, 200},
			{"&q=" + long, "", 200},
			{"", "a=" + long + long + long, 431},
			{"&q=" + long + long + long, "", 431},
			{"", strings.Repeat("a=b; ", 100_000), 431},
		} {
			if got := open(tt.query, tt.cookie); got != tt.want {
				t.Errorf("%d bytes of query and %d of cookies were answered %d, want %d", len(tt.query), len(tt.cookie), got, tt.want)
			}
		}
		if n := w.io.Connections(); n != 3 {
			t.Errorf("%d connections", n)
		}
	})
}

// TestHostilePackets: they end the connection that they came over, and nothing else.
func TestHostilePackets(t *testing.T) {
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	for name, packets := range map[string][]string{
		"deep event":                        {`42["x",` + deep + "]"},
		"deep event that is not finished":   {`42["x",` + deep[:100_000]},
		"deep binary event":                 {`451-["x",` + deep + "]", "!a"},
		"deep objects":                      {`42["x",` + strings.Repeat(`{"":`, 100_000) + "0" + strings.Repeat("}", 100_000) + "]"},
		"deep ack":                          {"431" + deep},
		"deep error":                        {`44{"message":` + deep + "}"},
		"ack id beyond what can be counted": {`429007199254740993["x"]`},
		"ack id that overflows":             {`4218446744073709551617["x"]`},
		"ack id without an end":             {"42" + strings.Repeat("9", 900_000) + `["x"]`},
		"ack of such an id":                 {"43" + strings.Repeat("1", 900_000) + "[]"},
		"zeros":                             {"42" + strings.Repeat("0", 900_000)},
		"namespace of 1 MB":                 {"40/" + strings.Repeat("x", 900_000) + ","},
		"event for such a namespace":        {"42/" + strings.Repeat("x", 900_000) + `,["x"]`},
		"leaving such a namespace":          {"41/" + strings.Repeat("x", 900_000) + ","},
		"attachments without number":        {"45" + strings.Repeat("1", 900_000) + `-["x"]`},
		"attachments that are not named":    {"45-" + `["x"]`},
		"attachment number that is large":   {`451-["x",{"_placeholder":true,"num":1e9}]`, "!a"},
		"attachment in many places":         {`451-["x"` + strings.Repeat(`,{"_placeholder":true,"num":0}`, 20_000) + "]", "!" + strings.Repeat("a", 100_000)},
		"name that is large and reserved":   {`42["\u0063onnect"]`},
		"arguments without end":             {`42["x"` + strings.Repeat(",0", 499_000) + "]"},
		"name that is no name":              {`42[` + strings.Repeat(" ", 900_000) + `{}]`},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
				w.io.On("connection", func(s *socketio.Socket) {
					s.OnAny(func(e *socketio.Event) { t.Errorf("%.50q came", e.Name) })
				})
				other, _ := w.connect()
				p, _ := w.connect()
				p.send(packets...)
				p.wantEnd()
				other.quiet()
				if n, m := w.io.Connections(), len(w.io.Sockets()); n != 1 || m != 1 {
					t.Errorf("%d connections, %d sockets", n, m)
				}
			})
		})
	}
}

// TestDeepButGood: what encoding/json takes is taken, and what cannot be sent on is an error, not a panic.
func TestDeepButGood(t *testing.T) {
	const depth = 5000
	open, shut := strings.Repeat("[", depth), strings.Repeat("]", depth)
	for name, packets := range map[string][]string{
		"event":  {`421["x",` + open + shut + "]"},
		"binary": {`451-1["x",` + open + `{"_placeholder":true,"num":0}` + shut + "]", "!a"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
				w.io.On("connection", func(s *socketio.Socket) {
					s.On("x", func(e *socketio.Event) {
						var v any
						if err := e.Decode(0, &v); err != nil || len(e.Raw(0)) < 2*depth {
							t.Errorf("%d bytes, %v", len(e.Raw(0)), err)
						}
						if err := e.Ack(e.Values()...); err != nil {
							e.Ack()
						}
					})
				})
				p, s := w.connect()
				p.send(packets...)
				if got := p.next(); got != "431["+open+shut+"]" && got != "431[]" {
					t.Errorf("came %.50q", got)
				}
				if !s.Connected() {
					t.Error("the socket is gone")
				}
			})
		})
	}
}

// TestManyNamespaces: those that there are not leave nothing behind, and a client that does not read of them is ended.
func TestManyNamespaces(t *testing.T) {
	const n = 10_000
	inWorld(t, socketio.Options{ConnectTimeout: time.Hour}, func(t *testing.T, w *world) {
		p := w.dial()
		go func() {
			for i := range n {
				p.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, "40/n%d,", i))
			}
		}()
		for i := range n {
			p.want(fmt.Sprintf(`44/n%d,{"message":"Invalid namespace"}`, i))
		}
		p.send("40")
		p.welcomed("40")

		deaf := w.dial()
		for range 3 * n {
			if deaf.Write(context.Background(), websocket.MessageText, []byte("40/n,")) != nil {
				break
			}
		}
		synctest.Wait()
		if n, m := w.io.Connections(), len(w.io.Sockets()); n != 1 || m != 1 {
			t.Errorf("%d connections, %d sockets", n, m)
		}
	})
}
