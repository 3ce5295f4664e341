package engineio_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/socketio/engineio"
	"github.com/seed-4a326f83/parley/websocket"
)

func TestPollingHandshake(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		r := w.do("GET", "EIO=4&transport=polling&t=abc", "", "")
		h := w.parseHandshake(r.body)
		if len(h.SID) < 20 || len(h.Upgrades) != 1 || h.Upgrades[0] != "websocket" || h.PingInterval != 300 || h.PingTimeout != 200 || h.MaxPayload != 1_000_000 {
			t.Errorf("got %+v", h)
		}
		if typ := r.header.Get("Content-Type"); typ != "text/plain; charset=UTF-8" {
			t.Errorf("of type %q", typ)
		}
		if c := r.header.Get("Cache-Control"); c != "no-store" {
			t.Errorf("Cache-Control is %q", c)
		}
	})
}

func TestPayloads(t *testing.T) {
	for _, body := range []string{
		"4hello",
		"4test1\x1e4test2\x1e4test3",
		"4hello\x1ebAQIDBA==", // binary has no 4 in front
		"bAQIDBA==\x1eb\x1e4",
		"4" + strings.Repeat("ü", 10_000),
	} {
		inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
			sid := w.poll()
			r := w.post(sid, body)
			r.want(t, 200, "ok")
			if typ := r.header.Get("Content-Type"); typ != "text/html" {
				t.Errorf("ok is of type %q", typ)
			}
			if c := r.header.Get("Cache-Control"); c != "no-store" {
				t.Errorf("Cache-Control of ok is %q", c)
			}
			r = w.get(sid)
			r.want(t, 200, body)
			if c := r.header.Get("Cache-Control"); c != "no-store" {
				t.Errorf("Cache-Control of packets is %q", c)
			}
		})
	}
}

func TestBadPayloads(t *testing.T) {
	for _, body := range []string{"abc", "", "4a\x1e", "\x1e4a", "7", "bAQ*D", "4\xff", "2", "2probe"} {
		inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
			sid := w.poll()
			w.post(sid, body).wantError(t, 400, engineio.BadRequest)
			w.get(sid).wantError(t, 400, engineio.UnknownSession)
			w.ended(engineio.ParseError)
		})
	}
}

func TestOctetStreamIsRefused(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.do("POST", "EIO=4&transport=polling&sid="+sid, "application/octet-stream", "4hello").wantError(t, 400, engineio.BadRequest)
		w.ended(engineio.TransportError)
	})
}

func TestMaxPayload(t *testing.T) {
	inWorld(t, engineio.Options{MaxPayload: 100}, func(t *testing.T, w *world) {
		sid := w.poll()
		// All packets of a request count together.
		long := "4" + strings.Repeat("x", 49) + "\x1e4" + strings.Repeat("y", 49)
		w.post(sid, long).wantError(t, 413, engineio.BadRequest)
		// So they do when their length is not known before.
		req, err := http.NewRequest("POST", "http://example.com/?EIO=4&transport=polling&sid="+sid, io.MultiReader(strings.NewReader(long)))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := w.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 413 {
			t.Errorf("was answered %d", resp.StatusCode)
		}
		// What fits does.
		w.post(sid, long[:100]).want(t, 200, "ok")
		w.get(sid).want(t, 200, long[:100])
		w.ended()

		ws := w.dial("")
		ws.next()
		ws.send("4" + strings.Repeat("x", 99))
		ws.next()
		ws.send("4" + strings.Repeat("x", 100))
		ws.wantEnd(websocket.StatusMessageTooBig)
		w.ended(engineio.TransportClose)
	})
}

func TestTwoPollsEndTheSession(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		first := w.beginGet(sid)
		w.get(sid).wantError(t, 400, engineio.UnknownSession)
		(<-first).want(t, 200, "1")
		w.get(sid).wantError(t, 400, engineio.UnknownSession)
		w.ended(engineio.TransportError)
	})
}

// beginPost begins a POST request whose body is not complete until finish is called.
func (w *world) beginPost(sid, body string) (finish func(), answer <-chan response) {
	pr, pw := io.Pipe()
	result := make(chan response, 1)
	go func() {
		req, err := http.NewRequest("POST", "http://example.com/?EIO=4&transport=polling&sid="+sid, pr)
		if err != nil {
			w.t.Error(err)
			return
		}
		resp, err := w.client.Do(req)
		if err != nil {
			result <- response{status: -1, body: err.Error()}
			return
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			w.t.Error(err)
		}
		result <- response{resp.StatusCode, string(text), resp.Header}
	}()
	io.WriteString(pw, body)
	synctest.Wait()
	return func() { pw.Close() }, result
}

func TestTwoPostsEndTheSession(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		finish, first := w.beginPost(sid, "4a")
		w.post(sid, "4b").wantError(t, 400, engineio.UnknownSession)
		w.ended(engineio.TransportError)
		w.get(sid).wantError(t, 400, engineio.UnknownSession)
		// The first need not send the rest.
		if r := <-first; r.status == 200 {
			t.Errorf("the first was answered %d %q", r.status, r.body)
		}
		finish()
	})
}

func TestPollBesidePost(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		poll := w.beginGet(sid)
		finish, post := w.beginPost(sid, "4hello")
		w.waits(poll)
		finish()
		(<-post).want(t, 200, "ok")
		(<-poll).want(t, 200, "4hello")
		w.ended()
	})
}

func TestAbortedPollEndsTheSession(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		ctx, cancel := context.WithCancel(context.Background())
		go w.try(ctx, "GET", "EIO=4&transport=polling&sid="+sid, "", "")
		synctest.Wait()
		cancel()
		w.get(sid).wantError(t, 400, engineio.UnknownSession)
		w.ended(engineio.TransportError)
	})
}

func TestASlowPostIsGivenUp(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		time.Sleep(time.Millisecond)
		finish, answer := w.beginPost(sid, "4a")
		defer finish()
		if r := <-answer; r.status == 200 {
			t.Errorf("was answered %d %q", r.status, r.body)
		}
		w.ended(engineio.PingTimeout)
	})
}

func TestClientCloses(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		poll := w.beginGet(sid)
		w.post(sid, "1").want(t, 200, "ok")
		(<-poll).want(t, 200, "6")
		w.get(sid).wantError(t, 400, engineio.UnknownSession)
		w.ended(engineio.TransportClose)

		// The same, though one request overtakes the other. The end is not put off for that.
		sid = w.poll()
		began := time.Now()
		w.post(sid, "4a\x1e1\x1e4b").want(t, 200, "ok")
		w.ended(engineio.TransportClose, engineio.TransportClose)
		if d := time.Since(began); d != 0 {
			t.Errorf("it took %v", d)
		}
		w.post(sid, "4c").wantError(t, 400, engineio.UnknownSession)
		w.get(sid).want(t, 200, "6")
		w.get(sid).wantError(t, 400, engineio.UnknownSession)

		// There is not always one to be overtaken.
		sid = w.poll()
		w.post(sid, "1").want(t, 200, "ok")
		time.Sleep(time.Second)
		if n := w.server.Sessions(); n != 0 {
			t.Errorf("%d sessions", n)
		}
		w.get(sid).wantError(t, 400, engineio.UnknownSession)
		w.ended(engineio.TransportClose, engineio.TransportClose, engineio.TransportClose)
	})
}

func TestServerCloses(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		poll := w.beginGet(sid)
		w.session().Close()
		(<-poll).want(t, 200, "1")
		w.get(sid).wantError(t, 400, engineio.UnknownSession)

		// Where no request waits, the next one is told, after what was sent before.
		sid = w.poll()
		s := w.session()
		s.Send(engineio.Text([]byte("bye")))
		s.Close()
		w.ended(engineio.ForcedClose, engineio.ForcedClose)
		if err := s.Send(engineio.Text(nil)); err != engineio.ErrClosed {
			t.Errorf("sending after Close: %v", err)
		}
		w.post(sid, "4a").wantError(t, 400, engineio.UnknownSession)
		w.get(sid).want(t, 200, "4bye")
		w.get(sid).want(t, 200, "1")
		w.get(sid).wantError(t, 400, engineio.UnknownSession)

		// One that does not come is not waited for forever.
		w.poll()
		w.session().Close()
		if n := w.server.Sessions(); n != 1 {
			t.Errorf("%d sessions", n)
		}
		time.Sleep(time.Minute)
		if n := w.server.Sessions(); n != 0 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestServerShutdown(t *testing.T) {
	inWorld(t, engineio.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		poll := w.beginGet(sid)
		ws := w.dial("")
		ws.next()
		w.server.Close()
		(<-poll).want(t, 200, "1")
		ws.wantEnd(websocket.StatusGoingAway)
		w.ended(engineio.ServerShutdown, engineio.ServerShutdown)
		w.do("GET", "EIO=4&transport=polling", "", "").wantError(t, 503, engineio.Forbidden)
	})
}
