package socketio_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

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
