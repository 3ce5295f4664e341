package socketio_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/socketio"
	"github.com/seed-4a326f83/parley/socketio/engineio"
)

// TestSlowClient: what waits for it is bounded, and it is disconnected.
func TestSlowClient(t *testing.T) {
	const limit = 50_000
	inWorld(t, socketio.Options{Engine: engineio.Options{SendLimit: limit, PingInterval: time.Hour, PingTimeout: time.Hour}}, func(t *testing.T, w *world) {
		var reasons []socketio.Reason
		w.io.On("connection", func(s *socketio.Socket) {
			s.OnDisconnect(func(r socketio.Reason) { reasons = append(reasons, r) })
		})
		_, s := w.connect() // and nothing is read
		text := strings.Repeat("x", 1000)
		flood := func(emit func(string, ...any) error) (n int, err error) {
			for n = 0; n < 10*limit/1000 && err == nil; n++ {
				err = emit("e", text)
				if q := s.Conn().Queued(); q > limit {
					t.Fatalf("%d bytes wait", q)
				}
			}
			return n, err
		}
		// Volatile events are dropped.
		if _, err := flood(s.Volatile().Emit); err != nil {
			t.Error(err)
		}
		if _, err := flood(w.io.Volatile().Emit); err != nil {
			t.Error(err)
		}
		if n, err := flood(s.Emit); !errors.Is(err, socketio.ErrSlowClient) || n < limit/3000 {
			t.Errorf("after %d: %v", n, err)
		}
		synctest.Wait()
		if len(reasons) != 1 || reasons[0] != engineio.SlowClient {
			t.Errorf("ended with %q", reasons)
		}
		if err := s.Emit("e"); err != socketio.ErrDisconnected {
			t.Error(err)
		}
	})
}

// TestBusyHandlers: a client whose handlers do not keep up is not read from, but for a bounded amount.
func TestBusyHandlers(t *testing.T) {
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		stop := make(chan struct{})
		var handled atomic.Int32
		w.io.On("connection", func(s *socketio.Socket) {
			s.On("e", func(*socketio.Event) {
				<-stop
				handled.Add(1)
			})
		})
		p, s := w.connect()
		event := `42["e","` + strings.Repeat("x", 1000) + `"]`
		const n = 1000
		sent := make(chan int, n)
		go func() {
			for i := range n {
				p.Write(context.Background(), 1, []byte(event))
				sent <- i
			}
			close(sent)
		}()
		synctest.Wait()
		if taken := len(sent); taken < 100 || taken > 400 {
			t.Errorf("%d events of 1 KB were taken", taken)
		}
		// What ends the connection is seen all the same.
		other, so := w.connect()
		other.send(`42["e"]`)
		s.Conn().Close()
		synctest.Wait()
		if s.Connected() || !so.Connected() {
			t.Error("the end was not seen")
		}
		close(stop)
		synctest.Wait()
		if n := handled.Load(); n < 100 {
			t.Errorf("%d were handled", n)
		}
	})
}

func TestConnectionValue(t *testing.T) {
	type value struct{ name string }
	closed := make(chan any, 10)
	v := &value{"Ann"}
	opened := 0
	opts := socketio.Options{
		OnOpen: func(got any, conn *engineio.Session) {
			if got != v || conn.Transport() != engineio.WebSocket {
				t.Errorf("%v was opened over %s", got, conn.Transport())
			}
			opened++
		},
		OnClose: func(v any) { closed <- v },
	}
	opts.Engine.AllowRequest = func(*http.Request) (any, error) { return v, nil }
	inWorld(t, opts, func(t *testing.T, w *world) {
		p, s := w.connect()
		if s.Value() != v || s.Namespace().Name() != "/" || s.Conn().Transport() != engineio.WebSocket || s.Recovered() {
			t.Error(s.Value())
		}
		p.CloseNow()
		w.dial().CloseNow() // without any socket
		synctest.Wait()
		if opened != 2 || len(closed) != 2 || <-closed != v {
			t.Errorf("%d were opened, %d were closed", opened, len(closed))
		}
	})
}

// TestOnOpenAndOnClosePanic: a panic there costs a connection at most.
func TestOnOpenAndOnClosePanic(t *testing.T) {
	closed := 0
	opts := socketio.Options{
		OnOpen: func(value any, _ *engineio.Session) {
			if value == "bad" {
				panic("as asked")
			}
		},
		OnClose: func(any) {
			closed++
			panic("as asked")
		},
	}
	opts.Engine.AllowRequest = func(r *http.Request) (any, error) { return r.Header.Get("X-Name"), nil }
	inWorld(t, opts, func(t *testing.T, w *world) {
		w.header.Set("X-Name", "bad")
		w.dial().wantEnd()
		w.header.Set("X-Name", "good")
		p, _ := w.connect()
		p.CloseNow()
		p, _ = w.connect()
		p.send("41")
		synctest.Wait()
		if n := w.io.Connections(); n != 1 || closed != 2 {
			t.Errorf("%d connections, %d were closed", n, closed)
		}
	})
}
