package engineio_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/socketio/engineio"
	"github.com/seed-4a326f83/parley/websocket"
)

// slow has pings far apart.
var slow = engineio.Options{PingInterval: time.Hour, PingTimeout: time.Hour}

// upgrade makes a session that polls one over WebSocket.
func (w *world) upgrade(sid string) *peer {
	w.t.Helper()
	ws := w.dial("&sid=" + sid)
	ws.send("2probe")
	ws.want("3probe")
	ws.send("5")
	synctest.Wait()
	return ws
}

func TestUpgrade(t *testing.T) {
	inWorld(t, slow, func(t *testing.T, w *world) {
		sid := w.poll()
		s := w.session()
		poll := w.beginGet(sid)
		ws := w.dial("&sid=" + sid)
		w.waits(poll)
		ws.send("2probe")
		ws.want("3probe")
		// What waits must not wait for the next ping, and the client may come again meanwhile, more than once.
		(<-poll).want(t, 200, "6")
		w.get(sid).want(t, 200, "6")
		poll = w.beginGet(sid)
		s.Send(engineio.Text([]byte("still polling")))
		(<-poll).want(t, 200, "4still polling")
		w.get(sid).want(t, 200, "6")
		if got := s.Transport(); got != engineio.Polling {
			t.Errorf("is carried by %s", got)
		}
		// What is sent between the last request and the end goes over the WebSocket, in order.
		for i := range 3 {
			s.Send(engineio.Text(fmt.Append(nil, i)), engineio.Binary([]byte{byte(i)}))
		}
		ws.send("5")
		ws.send("4hello")
		for i := range 3 {
			ws.want(fmt.Sprintf("4%d", i))
			ws.want(string([]byte{byte(i)}))
		}
		ws.want("4hello")
		if got := s.Transport(); got != engineio.WebSocket {
			t.Errorf("is carried by %s", got)
		}
		w.get(sid).wantError(t, 400, engineio.BadRequest)
		w.post(sid, "4a").wantError(t, 400, engineio.BadRequest)
		w.ended()
		ws.Close(websocket.StatusNormalClosure, "")
		w.ended(engineio.TransportClose)
	})
}

// TestPollOvertakesUpgrade: a client that polls after it has sent what ends the upgrade is told that polling is over, though
// its request comes first.
func TestPollOvertakesUpgrade(t *testing.T) {
	inWorld(t, slow, func(t *testing.T, w *world) {
		sid := w.poll()
		ws := w.dial("&sid=" + sid)
		poll := w.beginGet(sid)
		ws.send("2probe")
		ws.want("3probe")
		w.waits(poll)
		ws.send("5")
		(<-poll).wantError(t, 400, engineio.BadRequest)
		ws.send("4hello")
		ws.want("4hello")
		w.ended()
	})
}

// TestPollOpenAtTheEnd: one that was there before ends as all do.
func TestPollFromBeforeTheUpgrade(t *testing.T) {
	inWorld(t, slow, func(t *testing.T, w *world) {
		sid := w.poll()
		poll := w.beginGet(sid)
		ws := w.dial("&sid=" + sid)
		ws.send("2probe")
		ws.send("5")
		(<-poll).want(t, 200, "6")
		ws.want("3probe")
		w.ended()
	})
}

func TestOnlyOneWebSocket(t *testing.T) {
	inWorld(t, slow, func(t *testing.T, w *world) {
		sid := w.poll()
		ws := w.dial("&sid=" + sid)
		second := w.dial("&sid=" + sid) // while the first tries
		second.wantEnd(websocket.StatusPolicyViolation)
		ws.send("2probe")
		ws.want("3probe")
		ws.send("5")
		second = w.dial("&sid=" + sid) // when it has
		second.wantEnd(websocket.StatusPolicyViolation)
		ws.send("4hello")
		ws.want("4hello")

		first := w.dial("")
		second = w.dial("&sid=" + w.parseHandshake(first.next()).SID) // that never polled
		second.wantEnd(websocket.StatusPolicyViolation)
		first.send("4hello")
		first.want("4hello")
		w.ended()
	})
}

func TestUpgradesThatFail(t *testing.T) {
	for name, fail := range map[string]func(ws *peer){
		"without a probe":  func(ws *peer) { ws.send("5") },
		"another packet":   func(ws *peer) { ws.send("4hello") },
		"another ping":     func(ws *peer) { ws.send("2prob") },
		"two probes":       func(ws *peer) { ws.send("2probe"); ws.send("2probe") },
		"after the probe":  func(ws *peer) { ws.send("2probe"); ws.send("4hello") },
		"a binary message": func(ws *peer) { ws.Write(context.Background(), websocket.MessageBinary, []byte("2probe")) },
		"a close":          func(ws *peer) { ws.Close(websocket.StatusNormalClosure, "") },
		"a lost one":       func(ws *peer) { ws.CloseNow() },
		"a silent one":     func(ws *peer) {},
		"one that probes":  func(ws *peer) { ws.send("2probe") },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, slow, func(t *testing.T, w *world) {
				sid := w.poll()
				ws := w.dial("&sid=" + sid)
				fail(ws)
				ws.wantEnd(0)
				synctest.Wait()
				// The session goes on polling, and may try again.
				poll := w.beginGet(sid)
				time.Sleep(time.Minute)
				w.waits(poll)
				w.post(sid, "4hello").want(t, 200, "ok")
				(<-poll).want(t, 200, "4hello")
				w.upgrade(sid).send("4again")
				w.ended()
			})
		})
	}
}

func TestSessionEndsDuringUpgrade(t *testing.T) {
	inWorld(t, slow, func(t *testing.T, w *world) {
		for _, end := range []func(s *engineio.Session, sid string){
			func(s *engineio.Session, _ string) { s.Close() },
			func(_ *engineio.Session, sid string) { w.post(sid, "1") },
		} {
			sid := w.poll()
			ws := w.dial("&sid=" + sid)
			ws.send("2probe")
			ws.want("3probe")
			end(w.session(), sid)
			ws.wantEnd(0)
		}
		w.ended(engineio.ForcedClose, engineio.TransportClose)
	})
}

// TestCloseDuringUpgrade: a client that has stopped polling for the WebSocket gets by it what was sent before the end.
func TestCloseDuringUpgrade(t *testing.T) {
	inWorld(t, slow, func(t *testing.T, w *world) {
		sid := w.poll()
		s := w.session()
		ws := w.dial("&sid=" + sid)
		ws.send("2probe")
		ws.want("3probe")
		w.get(sid).want(t, 200, "6") // the last
		s.Send(engineio.Text([]byte("a")), engineio.Binary([]byte("b")))
		s.Close()
		w.ended(engineio.ForcedClose)
		ws.send("5")
		ws.send("4too late")
		ws.want("4a")
		ws.want("b")
		ws.wantEnd(websocket.StatusNormalClosure)
		w.get(sid).wantError(t, 400, engineio.UnknownSession)
		w.ended(engineio.ForcedClose)
		if n := w.server.Sessions(); n != 0 {
			t.Errorf("there are %d sessions", n)
		}
	})
}

// TestCloseDuringUpgradeThatFails: a client that polls on, whatever it had in mind, is told in the way of those that do.
func TestCloseDuringUpgradeThatFails(t *testing.T) {
	inWorld(t, slow, func(t *testing.T, w *world) {
		sid := w.poll()
		s := w.session()
		ws := w.dial("&sid=" + sid)
		ws.send("2probe")
		ws.want("3probe")
		s.Send(engineio.Text([]byte("a")))
		s.Close()
		ws.CloseNow()
		w.get(sid).want(t, 200, "4a")
		w.get(sid).want(t, 200, "1")
		w.get(sid).wantError(t, 400, engineio.UnknownSession)
		w.ended(engineio.ForcedClose)
	})
}

// TestNothingIsLostWhileUpgrading sends from both sides, all the time.
func TestNothingIsLostWhileUpgrading(t *testing.T) {
	const n = 500
	inWorld(t, slow, func(t *testing.T, w *world) {
		var came []string
		w.onMessage = func(_ *engineio.Session, _ websocket.MessageType, data []byte) { came = append(came, string(data)) }
		sid := w.poll()
		s := w.session()
		go func() {
			for i := range n {
				s.Send(engineio.Text(fmt.Append(nil, i)))
				time.Sleep(time.Millisecond)
			}
		}()
		var got []string
		poll := func() {
			r := w.get(sid)
			got = append(got, strings.Split(r.body, "\x1e")...)
		}
		for i := range 20 {
			w.post(sid, fmt.Sprintf("4%d\x1e4%d", 2*i, 2*i+1)).want(t, 200, "ok")
			poll()
		}
		ws := w.dial("&sid=" + sid)
		ws.send("2probe")
		ws.want("3probe")
		poll()
		w.post(sid, "440").want(t, 200, "ok")
		time.Sleep(20 * time.Millisecond)
		ws.send("5")
		for i := 41; i < 100; i++ {
			ws.send(fmt.Sprintf("4%d", i))
		}
		next := 0
		for _, packet := range got {
			if packet == "6" {
				continue
			}
			if want := fmt.Sprintf("4%d", next); packet != want {
				t.Fatalf("came %q, want %q", packet, want)
			}
			next++
		}
		for ; next < n; next++ {
			ws.want(fmt.Sprintf("4%d", next))
		}
		synctest.Wait()
		for i, text := range came {
			if text != fmt.Sprint(i) {
				t.Fatalf("the server got %q, want %d", text, i)
			}
		}
		if len(came) != 100 {
			t.Errorf("the server got %d messages", len(came))
		}
	})
}

// TestCloseOvertakenByUpgrade: the packet that closes comes with a request from before the upgrade.
func TestCloseOvertakenByUpgrade(t *testing.T) {
	inWorld(t, slow, func(t *testing.T, w *world) {
		sid := w.poll()
		finish, answer := w.beginPost(sid, "1")
		ws := w.dial("&sid=" + sid)
		ws.send("2probe")
		ws.want("3probe")
		ws.send("5")
		ws.send("4a")
		ws.want("4a")
		finish()
		<-answer
		ws.wantEnd(websocket.StatusNormalClosure)
		w.ended(engineio.TransportClose)
	})
}
