package socketio_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/socketio"
)

// offsetOf returns the last argument of an event, which is a string.
func offsetOf(event string) string {
	parts := strings.Split(event, `"`)
	return parts[len(parts)-2]
}

// reconnect asks for what was lost.
func (w *world) reconnect(pid, offset string) (*peer, welcome) {
	w.t.Helper()
	p := w.dial()
	auth := fmt.Sprintf(`{"pid":%q,"offset":%q}`, pid, offset)
	if offset == "" {
		auth = fmt.Sprintf(`{"pid":%q}`, pid)
	}
	p.send("40" + auth)
	return p, p.welcomed("40")
}

// TestNoOffsets: they are for recovery alone.
func TestNoOffsets(t *testing.T) {
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		p, s := w.connect()
		s.Emit("e", "text")
		w.io.Emit("e", "text")
		p.want(`42["e","text"]`, `42["e","text"]`)
		q, wel := w.reconnect("abc", "1")
		if wel.PID != "" || wel.SID == s.ID() {
			t.Errorf("got %+v", wel)
		}
		q.quiet()
	})
}

func TestRecovery(t *testing.T) {
	inWorld(t, socketio.Options{Recovery: &socketio.RecoveryOptions{}}, func(t *testing.T, w *world) {
		asked := 0
		w.io.Use(func(s *socketio.Socket) error {
			asked++
			return nil
		})
		p := w.dial()
		p.send("40")
		wel := p.welcomed("40")
		if wel.PID == "" || wel.PID == wel.SID {
			t.Fatalf("got %+v", wel)
		}
		s := w.io.Socket(wel.SID)
		s.Data = "mine"
		s.Join("r")
		// Every event has an offset, but for volatile ones.
		s.Emit("a", 1)
		w.io.Emit("b", "text")
		s.EmitThen(func(socketio.Args, error) {}, "c")
		offset := ""
		for _, begins := range []string{`42["a",1,"`, `42["b","text","`, `420["c","`} {
			text := p.next()
			if !strings.HasPrefix(text, begins) || offsetOf(text) == offset {
				t.Fatalf("came %s", text)
			}
			offset = offsetOf(text)
		}
		s.Volatile().Emit("v", "text")
		w.io.Volatile().Emit("v", "text")
		p.want(`42["v","text"]`, `42["v","text"]`)

		p.CloseNow()
		synctest.Wait()
		other, _ := w.connect()
		w.io.Emit("missed", 1)
		w.io.To("r").Emit("missed", 2, []byte("B"))
		w.io.To("elsewhere").Emit("not")
		w.io.Except("r").Emit("not")
		w.io.To(s.ID()).Emit("missed", 3)
		w.io.Volatile().Emit("not")
		w.io.Except(s.ID()).Emit("not")
		for range 4 {
			other.next()
		}
		q, again := w.reconnect(wel.PID, offset)
		if again != wel {
			t.Errorf("got %+v, want %+v", again, wel)
		}
		for i, begins := range []string{`42["missed",1,"`, `451-["missed",2,{"_placeholder":true,"num":0},"`, "!B", `42["missed",3,"`} {
			text := q.next()
			if !strings.HasPrefix(text, begins) {
				t.Fatalf("%d: came %s", i, text)
			}
			if !strings.HasPrefix(text, "!") {
				offset = offsetOf(text)
			}
		}
		s = w.io.Socket(wel.SID)
		if !s.Recovered() || s.Data != "mine" || len(w.io.In("r").FetchSockets()) != 1 || asked != 3 {
			t.Errorf("recovered: %v, data %v, rooms %v, asked %d", s.Recovered(), s.Data, s.Rooms(), asked)
		}
		w.io.To("r").Emit("new")
		if text := q.next(); !strings.HasPrefix(text, `42["new","`) {
			t.Errorf("came %s", text)
		}
		q.quiet()

		// It can be again, and with an offset of before.
		q.CloseNow()
		synctest.Wait()
		q, again = w.reconnect(wel.PID, offset)
		if again != wel {
			t.Errorf("got %+v, want %+v", again, wel)
		}
		if text := q.next(); !strings.HasPrefix(text, `42["new","`) {
			t.Errorf("came %s", text)
		}
		// Who left of themselves, or was sent away, begins anew; and so does who asks for what there is not.
		q.send("41")
		synctest.Wait()
		if _, fresh := w.reconnect(wel.PID, offset); fresh.SID == wel.SID || fresh.PID == wel.PID {
			t.Errorf("got %+v", fresh)
		}
		for _, bad := range []string{"zzzzzz", "-1", "?", "99999999999999999999"} {
			q, wel := w.connectWithPID()
			q.CloseNow()
			synctest.Wait()
			if _, fresh := w.reconnect(wel.PID, bad); fresh.SID == wel.SID {
				t.Errorf("recovered from %q", bad)
			}
		}
	})
}

func (w *world) connectWithPID() (*peer, welcome) {
	w.t.Helper()
	p := w.dial()
	p.send("40")
	return p, p.welcomed("40")
}

// TestRecoveryOfWhatIsNotKnownToBeLost: a client may be back before the end of its connection is noticed, be it for seconds,
// as when a telephone changes networks. Two cannot be one: the old connection ends.
func TestRecoveryOfWhatIsNotKnownToBeLost(t *testing.T) {
	inWorld(t, socketio.Options{Recovery: &socketio.RecoveryOptions{}}, func(t *testing.T, w *world) {
		ends := make(chan socketio.Reason, 10)
		w.io.On("connection", func(s *socketio.Socket) {
			s.OnDisconnect(func(reason socketio.Reason) { ends <- reason })
		})
		p, wel := w.connectWithPID()
		s := w.io.Socket(wel.SID)
		s.Data = "mine"
		s.Join("r")
		w.io.Emit("got")
		offset := offsetOf(p.next())
		w.io.To("r").Emit("missed") // it is on its way to where nobody is
		p.next()

		q, again := w.reconnect(wel.PID, offset)
		if again != wel {
			t.Errorf("got %+v, want %+v", again, wel)
		}
		if reason := <-ends; reason != "transport close" || s.Connected() {
			t.Errorf("the old one's end is %q, it is connected: %v", reason, s.Connected())
		}
		if _, _, err := p.Read(t.Context()); err == nil {
			t.Error("its connection has not ended")
		}
		if err := s.Emit("lost"); err != socketio.ErrDisconnected {
			t.Errorf("sending to it: %v", err)
		}
		s = w.io.Socket(wel.SID)
		if !s.Recovered() || s.Data != "mine" || len(w.io.Sockets()) != 1 || len(w.io.In("r").FetchSockets()) != 1 {
			t.Errorf("recovered: %v, data %v, %d sockets, rooms %v", s.Recovered(), s.Data, len(w.io.Sockets()), s.Rooms())
		}
		w.io.To("r").Emit("new")
		for _, begins := range []string{`42["missed","`, `42["new","`} {
			text := q.next()
			if !strings.HasPrefix(text, begins) {
				t.Fatalf("came %s, want %s", text, begins)
			}
			offset = offsetOf(text)
		}
		q.quiet()

		// Not so for one that asks for what there is not: it is a new one, beside the other.
		if _, fresh := w.reconnect(wel.PID, "zzzzzz"); fresh.SID == wel.SID || !s.Connected() {
			t.Errorf("got %+v; the other is connected: %v", fresh, s.Connected())
		}
		// And it can be lost and come back as ever.
		q.CloseNow()
		synctest.Wait()
		if _, again := w.reconnect(wel.PID, offset); again != wel {
			t.Errorf("got %+v, want %+v", again, wel)
		}
	})
}

// TestRecoveryWithoutAnEvent: who has got none yet knows no offset.
func TestRecoveryWithoutAnEvent(t *testing.T) {
	inWorld(t, socketio.Options{Recovery: &socketio.RecoveryOptions{}}, func(t *testing.T, w *world) {
		w.io.Emit("before")
		p, wel := w.connectWithPID()
		p.CloseNow()
		synctest.Wait()
		w.io.Emit("missed")
		q, again := w.reconnect(wel.PID, "")
		if again != wel {
			t.Errorf("got %+v, want %+v", again, wel)
		}
		if text := q.next(); !strings.HasPrefix(text, `42["missed","`) {
			t.Errorf("came %s", text)
		}
	})
}

func TestRecoveryIsBounded(t *testing.T) {
	opts := socketio.RecoveryOptions{MaxBytes: 20_000, MaxSessions: 2, MaxDisconnection: time.Minute}
	inWorld(t, socketio.Options{Recovery: &opts}, func(t *testing.T, w *world) {
		// Too many bytes.
		p, wel := w.connectWithPID()
		w.io.Emit("first")
		offset := offsetOf(p.next())
		p.CloseNow()
		synctest.Wait()
		for range 30 {
			w.io.Emit("e", strings.Repeat("x", 1000))
		}
		q, fresh := w.reconnect(wel.PID, offset)
		if fresh.SID == wel.SID {
			t.Error("recovered, though something is missing")
		}
		q.quiet()
		// Too late.
		p, wel = w.connectWithPID()
		p.CloseNow()
		synctest.Wait()
		time.Sleep(time.Minute + time.Second)
		if _, fresh := w.reconnect(wel.PID, ""); fresh.SID == wel.SID {
			t.Error("recovered, though late")
		}
		// Too many.
		var gone []welcome
		for range 3 {
			p, wel := w.connectWithPID()
			p.CloseNow()
			synctest.Wait()
			gone = append(gone, wel)
		}
		for i, wel := range gone {
			if _, fresh := w.reconnect(wel.PID, ""); (fresh.SID == wel.SID) != (i > 0) {
				t.Errorf("%d: recovered is %v", i, fresh.SID == wel.SID)
			}
		}
	})
}

// TestRecoveryOfWhoComesAndGoes: that a client is lost again and again keeps nobody else's past from being forgotten.
func TestRecoveryOfWhoComesAndGoes(t *testing.T) {
	opts := socketio.RecoveryOptions{MaxDisconnection: time.Minute}
	inWorld(t, socketio.Options{Recovery: &opts}, func(t *testing.T, w *world) {
		restless, a := w.connectWithPID()
		p, b := w.connectWithPID()
		restless.CloseNow()
		synctest.Wait()
		p.CloseNow()
		for range 3 {
			time.Sleep(25 * time.Second)
			var back welcome
			if restless, back = w.reconnect(a.PID, ""); back.SID != a.SID {
				t.Fatal("not recovered")
			}
			restless.CloseNow()
			synctest.Wait()
		}
		if _, fresh := w.reconnect(b.PID, ""); fresh.SID == b.SID {
			t.Error("recovered, though late")
		}
	})
}

// TestRecoveryOfNothingBefore: offsets can be guessed, and clients keep those of what they had before.
func TestRecoveryOfNothingBefore(t *testing.T) {
	inWorld(t, socketio.Options{Recovery: &socketio.RecoveryOptions{}}, func(t *testing.T, w *world) {
		w.io.On("connection", func(s *socketio.Socket) { s.Join("r") })
		w.io.To("r").Emit("before")
		p, wel := w.connectWithPID()
		p.CloseNow()
		synctest.Wait()
		w.io.To("r").Emit("missed")
		p, back := w.reconnect(wel.PID, "0")
		if back.SID != wel.SID {
			t.Error("not recovered")
		}
		if text := p.next(); !strings.HasPrefix(text, `42["missed",`) {
			t.Errorf("came %s", text)
		}
		p.quiet()
	})
}

func TestRecoveryAndMiddlewares(t *testing.T) {
	for _, skip := range []bool{false, true} {
		inWorld(t, socketio.Options{Recovery: &socketio.RecoveryOptions{SkipMiddlewares: skip}}, func(t *testing.T, w *world) {
			refuse := false
			w.io.Use(func(s *socketio.Socket) error {
				if refuse {
					return errors.New("not any more")
				}
				return nil
			})
			p, wel := w.connectWithPID()
			p.CloseNow()
			synctest.Wait()
			refuse = true
			q := w.dial()
			q.send(fmt.Sprintf(`40{"pid":%q}`, wel.PID))
			if skip {
				if again := q.welcomed("40"); again != wel {
					t.Errorf("got %+v", again)
				}
				return
			}
			q.want(`44{"message":"not any more"}`)
		})
	}
}

// TestRecoveryKeepsOrder: what is sent while a client comes back comes once, and in order.
func TestRecoveryKeepsOrder(t *testing.T) {
	inWorld(t, socketio.Options{Recovery: &socketio.RecoveryOptions{}}, func(t *testing.T, w *world) {
		w.io.Use(func(*socketio.Socket) error { // which takes its time
			time.Sleep(100 * time.Millisecond)
			return nil
		})
		p, wel := w.connectWithPID()
		const n = 300
		go func() {
			for i := range n {
				w.io.Emit("n", i)
				time.Sleep(10 * time.Millisecond)
			}
		}()
		next, offset := 0, ""
		for next < n {
			text := p.next()
			if want := fmt.Sprintf(`42["n",%d,"`, next); !strings.HasPrefix(text, want) {
				t.Fatalf("came %s, want %s", text, want)
			}
			next++
			offset = offsetOf(text)
			if next%50 == 0 && next < n {
				p.CloseNow()
				synctest.Wait()
				time.Sleep(50 * time.Millisecond)
				var again welcome
				if p, again = w.reconnect(wel.PID, offset); again != wel {
					t.Fatalf("got %+v, want %+v", again, wel)
				}
			}
		}
		p.quiet()
	})
}

// TestDataOfTheLastHandler: a client that comes back while a handler of the socket that it had still runs gets what that sets.
func TestDataOfTheLastHandler(t *testing.T) {
	inWorld(t, socketio.Options{Recovery: &socketio.RecoveryOptions{}}, func(t *testing.T, w *world) {
		release := make(chan struct{})
		got := make(chan any, 2)
		w.io.On("connection", func(s *socketio.Socket) {
			got <- s.Data
			s.On("set", func(*socketio.Event) {
				<-release
				s.Data = "late"
			})
		})
		for _, known := range []bool{true, false} { // that the connection is lost
			p := w.dial()
			p.send("40")
			wel := p.welcomed("40")
			<-got
			p.send(`42["set"]`)
			synctest.Wait()
			if known {
				p.CloseNow()
				synctest.Wait()
			}
			q := w.dial()
			q.send(fmt.Sprintf(`40{"pid":%q}`, wel.PID))
			synctest.Wait()
			release <- struct{}{}
			if again := q.welcomed("40"); again != wel {
				t.Errorf("got %+v, want %+v", again, wel)
			}
			if data := <-got; data != "late" {
				t.Errorf("its data is %v", data)
			}
		}
	})
}

// TestHandlerThatDoesNotReturn: a client that comes back does not wait for it for ever, and begins anew.
func TestHandlerThatDoesNotReturn(t *testing.T) {
	inWorld(t, socketio.Options{Recovery: &socketio.RecoveryOptions{}}, func(t *testing.T, w *world) {
		release := make(chan struct{})
		defer close(release)
		w.io.On("connection", func(s *socketio.Socket) { s.On("stay", func(*socketio.Event) { <-release }) })
		p := w.dial()
		p.send("40")
		wel := p.welcomed("40")
		p.send(`42["stay"]`)
		synctest.Wait()
		p.CloseNow()
		synctest.Wait()
		if _, fresh := w.reconnect(wel.PID, ""); fresh.SID == wel.SID {
			t.Errorf("got %+v", fresh)
		}
	})
}
