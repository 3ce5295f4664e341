package engineio_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/socketio/engineio"
	"github.com/seed-4a326f83/parley/websocket"
)

func TestWebSocketSession(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		ws := w.dial("")
		h := w.parseHandshake(ws.next())
		if len(h.Upgrades) != 0 || h.PingInterval != 300 || h.PingTimeout != 200 || h.MaxPayload != 1_000_000 {
			t.Errorf("got %+v", h)
		}
		ws.send("4hello")
		ws.want("4hello")
		ws.send("4") // empty is a message, too
		ws.want("4")
		ws.Write(context.Background(), websocket.MessageBinary, []byte{1, 2, 3, 4})
		typ, data, err := ws.Read(context.Background())
		if err != nil || typ != websocket.MessageBinary || !bytes.Equal(data, []byte{1, 2, 3, 4}) {
			t.Errorf("came %v %q, %v", typ, data, err)
		}
		ws.send("bAQIDBA==") // as clients do that cannot send binary
		if typ, data, err = ws.Read(context.Background()); err != nil || typ != websocket.MessageBinary || !bytes.Equal(data, []byte{1, 2, 3, 4}) {
			t.Errorf("came %v %q, %v", typ, data, err)
		}
		ws.send("6")
		ws.send("4still here")
		ws.want("4still here")
		ws.send("1")
		ws.wantEnd(websocket.StatusNormalClosure)
		w.ended(engineio.TransportClose)
	})
}

func TestBadPackets(t *testing.T) {
	for packet, reason := range map[string]engineio.Reason{
		"abc": engineio.ParseError, "": engineio.ParseError, "7": engineio.ParseError, "b%": engineio.ParseError,
		"2": engineio.TransportError, "2probe": engineio.TransportError,
	} {
		inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
			ws := w.dial("")
			ws.next()
			ws.send(packet)
			ws.wantEnd(websocket.StatusProtocolError)
			w.ended(reason)
		})
	}
}

func TestHeartbeat(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		begun := time.Now()
		since := func() time.Duration { return time.Since(begun) }
		sid := w.poll()
		ws := w.dial("")
		ws.next()
		for range 3 {
			w.get(sid).want(t, 200, "2")
			w.post(sid, "3").want(t, 200, "ok")
			ws.want("2")
			ws.send("3")
		}
		if since() != 3*pingInterval {
			t.Errorf("three pings took %v", since())
		}
		// Whatever comes is a sign of life, which gives more time once; only the answer is an answer.
		ws.want("2")
		time.Sleep(pingTimeout - time.Millisecond)
		ws.send("4a")
		ws.want("4a")
		time.Sleep(pingTimeout - time.Millisecond)
		ws.send("3")
		ws.send("4b")
		ws.want("4b")
		ws.want("2")
		for range 3 {
			time.Sleep(pingTimeout / 2)
			ws.Write(context.Background(), websocket.MessageText, []byte("4c"))
		}
		ws.wantEnd(0)
		w.ended(engineio.PingTimeout, engineio.PingTimeout)
	})
}

// TestPingIsAnsweredInTimeAfterItIsFetched: a client that polls late has as long for the answer as any.
func TestPingIsAnsweredInTimeAfterItIsFetched(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		time.Sleep(pingInterval / 2)
		for range 3 {
			time.Sleep(pingInterval/2 + pingTimeout*3/4) // after a late answer, half of the interval passes before the next ping
			w.get(sid).want(t, 200, "2")
			time.Sleep(pingTimeout * 3 / 4)
			w.post(sid, "3").want(t, 200, "ok")
		}
		w.get(sid).want(t, 200, "2")
		time.Sleep(pingTimeout)
		synctest.Wait() // for the timer that fires at this moment, too
		w.post(sid, "3").wantError(t, 400, engineio.UnknownSession)
		w.ended(engineio.PingTimeout)
	})
}

func TestPingTimeout(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		begun := time.Now()
		w.dial("").wantEnd(0)
		if d := time.Since(begun); d != pingInterval+pingTimeout {
			t.Errorf("ended after %v", d)
		}
		// A client that polls is told, if it asks.
		sid := w.poll()
		w.get(sid).want(t, 200, "2")
		w.get(sid).want(t, 200, "1")
		w.get(sid).wantError(t, 400, engineio.UnknownSession)
		// If not, its session is gone: at that very moment, however late timers are.
		sid = w.poll()
		time.Sleep(pingInterval + pingTimeout)
		w.get(sid).wantError(t, 400, engineio.UnknownSession)
		w.ended(engineio.PingTimeout, engineio.PingTimeout, engineio.PingTimeout)
		if n := w.server.Sessions(); n != 0 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestLatePing(t *testing.T) {
	const late = pingTimeout / 2
	for name, c := range map[string]struct {
		waits bool
		want  time.Duration
	}{
		"that leaves at once":       {true, pingTimeout},
		"that nobody has asked for": {false, pingTimeout - late},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
				sid := w.poll()
				var answer <-chan response
				if c.waits {
					answer = w.beginGet(sid)
				}
				s := w.session()
				begun := time.Now()
				s.BeatLate(late)
				if c.waits {
					(<-answer).want(t, 200, "2")
				}
				<-s.Done()
				if d := time.Since(begun); d != c.want {
					t.Errorf("the answer might take %v, want %v", d, c.want)
				}
			})
		})
	}
	t.Run("by WebSocket", func(t *testing.T) {
		inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
			p := w.dial("")
			p.next()
			s := w.session()
			begun := time.Now()
			s.BeatLate(late)
			p.want("2")
			<-s.Done()
			if d := time.Since(begun); d != pingTimeout {
				t.Errorf("the answer might take %v, want %v", d, pingTimeout)
			}
		})
	})
}

// TestPingsKeepTheirTime: what answers take does not add up.
func TestPingsKeepTheirTime(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		begun := time.Now()
		sid := w.poll()
		ws := w.dial("")
		ws.next()
		for i := range 5 {
			w.get(sid).want(t, 200, "2")
			ws.want("2")
			if at, want := time.Since(begun), time.Duration(i+1)*pingInterval; at != want {
				t.Errorf("ping %d came after %v, want %v", i, at, want)
			}
			time.Sleep(pingInterval / 2)
			w.post(sid, "3").want(t, 200, "ok")
			ws.send("3")
		}
		w.get(sid).want(t, 200, "2")
		ws.want("2")
		time.Sleep(pingTimeout - time.Millisecond) // which leaves little of the interval
		ws.send("3")
		late := time.Now()
		ws.want("2")
		if d := time.Since(late); d != pingInterval/2 {
			t.Errorf("after a late answer the next ping came after %v", d)
		}
	})
}

// TestLateServer: one that did not run for a while reads what has come before it takes clients for lost.
func TestLateServer(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		s := w.session()
		w.get(sid).want(t, 200, "2")
		s.BeatLate(time.Minute)
		w.post(sid, "3").want(t, 200, "ok")
		w.get(sid).want(t, 200, "2")
		begun := time.Now()
		s.BeatLate(time.Minute)
		<-s.Done()
		if d := time.Since(begun); d != pingTimeout/2 {
			t.Errorf("it was waited for %v", d)
		}
		// A client that polls knows itself late.
		sid = w.poll()
		s = w.session()
		w.get(sid).want(t, 200, "2")
		s.BeatLate(time.Minute)
		w.get(sid).wantError(t, 400, engineio.UnknownSession)
		w.ended(engineio.PingTimeout, engineio.PingTimeout)
	})
}

// TestBusyHandlerAndHeartbeat: as long as the handler keeps back what the client sends, which may be its answer to the ping, it is
// not taken for lost.
func TestBusyHandlerAndHeartbeat(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		w.onMessage = func(*engineio.Session, websocket.MessageType, []byte) { time.Sleep(10*pingInterval + pingTimeout/20) }
		p := w.dial("")
		p.next()
		p.send("4a")
		p.want("2")
		p.send("3")
		p.want("2") // the next one: the answer to the first was read
		p.send("3")
		p.want("2")
		w.ended()
		p.wantEnd(0) // nobody answers the third
		w.ended(engineio.PingTimeout)

		sid := w.poll()
		post := w.begin("POST", "EIO=4&transport=polling&sid="+sid, "4a")
		w.get(sid).want(t, 200, "2")
		get := w.beginGet(sid)
		(<-post).want(t, 200, "ok")
		w.post(sid, "3").want(t, 200, "ok") // a second POST at once would not have been right
		(<-get).want(t, 200, "2")
		synctest.Wait()
		begun := time.Now()
		<-w.session().Done()
		if d := time.Since(begun); d != pingTimeout {
			t.Errorf("who does not answer was given %v", d)
		}
		w.ended(engineio.PingTimeout, engineio.PingTimeout)
	})
}

func TestSendLimitOfPolling(t *testing.T) {
	const limit = 10_000
	inWorld(t, engineio.Options{SendLimit: limit, PingInterval: time.Hour, PingTimeout: time.Hour}, func(t *testing.T, w *world) {
		sid := w.poll()
		s := w.session()
		// A single message may be larger.
		if err := s.Send(engineio.Text(make([]byte, 2*limit))); err != nil {
			t.Fatal(err)
		}
		w.get(sid)
		sent := 0
		for {
			err := s.Send(engineio.Text(bytes.Repeat([]byte("x"), 99)))
			if q := s.Queued(); q > limit {
				t.Fatalf("%d bytes wait", q)
			}
			if err != nil {
				if !errors.Is(err, engineio.ErrSendLimit) {
					t.Fatal(err)
				}
				break
			}
			if sent++; sent > limit {
				t.Fatal("there is no limit")
			}
		}
		if sent < limit/200 {
			t.Errorf("%d messages waited", sent)
		}
		w.ended(engineio.SlowClient)
		w.get(sid).wantError(t, 400, engineio.UnknownSession)
		if s.Queued() != 0 {
			t.Error("messages wait for nobody")
		}
	})
}

func TestSendLimitOfWebSocket(t *testing.T) {
	const limit = 100_000
	inWorld(t, engineio.Options{SendLimit: limit, PingInterval: time.Hour, PingTimeout: time.Hour}, func(t *testing.T, w *world) {
		w.dial("") // and nothing is read
		s := w.session()
		message := engineio.Text(bytes.Repeat([]byte("x"), 999)).Prepare()
		for sent := 0; ; sent++ {
			err := s.Send(message)
			if err != nil {
				if !errors.Is(err, engineio.ErrSendLimit) || sent < limit/2000 {
					t.Errorf("after %d messages: %v", sent, err)
				}
				break
			}
			if sent > limit {
				t.Fatal("there is no limit")
			}
		}
		w.ended(engineio.SlowClient)
	})
}

func TestVolatile(t *testing.T) {
	inWorld(t, slow, func(t *testing.T, w *world) {
		sid := w.poll()
		s := w.session()
		send := func(text string, want bool) {
			t.Helper()
			if sent, err := s.SendVolatile(engineio.Text([]byte(text))); sent != want || err != nil || !sent && s.Writable() {
				t.Errorf("%s: sent is %v, %v", text, sent, err)
			}
		}
		send("a", false)
		poll := w.beginGet(sid)
		if !s.Writable() {
			t.Error("a request waits, but is not to be written to")
		}
		send("b", true)
		(<-poll).want(t, 200, "4b")
		send("c", false)

		ws := w.upgrade(sid)
		send("d", true)
		ws.want("4d")
		for range 100 { // until more waits than is in nobody's way; each is small enough to be sent
			s.Send(engineio.Text(make([]byte, 1000)))
		}
		send("e", false)
		for range 100 {
			ws.next()
		}
		synctest.Wait()
		send("f", true)
		ws.want("4f")
		s.Close()
		if sent, err := s.SendVolatile(engineio.Text(nil)); !sent || err != engineio.ErrClosed {
			t.Errorf("after Close: %v, %v", sent, err)
		}
	})
}

// TestMessagesAreNotMixed: what is sent in one call comes in one piece.
func TestMessagesAreNotMixed(t *testing.T) {
	inWorld(t, slow, func(t *testing.T, w *world) {
		ws := w.dial("")
		ws.next()
		s := w.session()
		for range 10 {
			go func() {
				for range 20 {
					s.Send(engineio.Text([]byte("a")), engineio.Binary([]byte("b")), engineio.Text([]byte("c")).Prepare())
				}
			}()
		}
		for range 200 {
			ws.want("4a")
			ws.want("b")
			ws.want("4c")
		}
	})
}

// TestCloseWithinHandler: OnClose comes after the call that is under way.
func TestCloseWithinHandler(t *testing.T) {
	inWorld(t, slow, func(t *testing.T, w *world) {
		w.onMessage = func(s *engineio.Session, _ websocket.MessageType, data []byte) {
			if string(data) != "close" {
				t.Errorf("%s came after the end", data)
			}
			s.Close()
			<-s.Done()
			time.Sleep(time.Second)
			w.mu.Lock()
			defer w.mu.Unlock()
			if n := len(w.ends); n != 0 && n != 1 || n == 1 && len(w.sessions) == 1 {
				t.Error("OnClose was called within a call for the same session")
			}
		}
		sid := w.poll()
		w.post(sid, "4close\x1e4more")
		w.ended(engineio.ForcedClose)
		ws := w.dial("")
		ws.next()
		ws.send("4close")
		ws.Write(context.Background(), websocket.MessageText, []byte("4more"))
		ws.wantEnd(0)
		time.Sleep(time.Minute)
		w.ended(engineio.ForcedClose, engineio.ForcedClose)
	})
}

func TestIDsAreSecret(t *testing.T) {
	inWorld(t, slow, func(t *testing.T, w *world) {
		seen := make(map[string]bool)
		for range 100 {
			sid := w.poll()
			if seen[sid] || len(sid) < 22 || strings.ContainsAny(sid, "&=%+ ") || w.session().ID() != sid {
				t.Fatalf("an id %q", sid)
			}
			seen[sid] = true
		}
	})
}
