package socketio_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/socketio"
)

// echo has all sockets send back what they get, and acknowledge it with the same.
func echo(w *world) {
	w.io.On("connection", func(s *socketio.Socket) {
		s.OnAny(func(e *socketio.Event) {
			if e.WantsAck() {
				e.Ack(e.Values()...)
			} else {
				s.Emit(e.Name, e.Values()...)
			}
		})
	})
}

func TestConnect(t *testing.T) {
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		w.io.Of("/custom")
		w.io.Of("admin?x=y") // is "/admin"
		p := w.dial()
		p.send("40")
		wel := p.welcomed("40")
		if wel.SID == p.sid || wel.PID != "" {
			t.Errorf("the socket's id is %q, the connection's %q, the private one %q", wel.SID, p.sid, wel.PID)
		}
		p.send(`40/custom,{"token":"abc"}`)
		if custom := p.welcomed("40/custom,").SID; custom == wel.SID || string(w.io.Of("/custom").Socket(custom).Handshake().Auth) != `{"token":"abc"}` {
			t.Errorf("the other namespace's is %q, too", custom)
		}
		p.send("40/admin?token=x,") // the query does not belong to the namespace
		p.welcomed("40/admin,")
		if auth := w.io.Socket(wel.SID).Handshake().Auth; string(auth) != "{}" {
			t.Errorf("auth is %s", auth)
		}
		// An unknown namespace is refused, and no more.
		p.send("40/random")
		p.want(`44/random,{"message":"Invalid namespace"}`)
		p.send(`40/random?x,{"a":1}`)
		p.want(`44/random,{"message":"Invalid namespace"}`)
		if n := w.io.Connections(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestBadPackets(t *testing.T) {
	for _, packets := range [][]string{
		{"4abc"}, {"42{}"}, {`42abc["x"]`}, {"42"}, {`42["x"`}, {"47"}, {"4"},
		{`42["connect"]`}, {`42["connect_error"]`}, {`42["disconnect"]`}, {`42["disconnecting"]`}, {`42["newListener"]`}, {`42["removeListener"]`},
		{"40"}, // twice
		{`44{"message":"x"}`},
		{`42/custom,["x"]`},   // not connected to it
		{`42/nowhere,["x"]`},  // does not exist
		{`41/custom,`},        // not connected to it
		{`43/custom,0["x"]`},  // not connected to it
		{"!attachment"},       // belongs to nothing
		{`4511-["x"]`, "!1"},  // too many
		{`450-["x"]`},         // too few
		{`451-["x"]`, `42[]`}, // text where an attachment should come
		{`451-["x"]`, `42["y"]`},
		{`451-["x",{"_placeholder":true,"num":1}]`, "!1"},
		{`451-["x",{"_placeholder":true,"num":-1}]`, "!1"},
		{`451-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`, "!1"},
		{`451-["x",{"_placeholder":true,"num":"0"}]`, "!1"},
		{`43["x"]`}, // no id
	} {
		inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
			t.Logf("%q", packets)
			w.io.Of("/custom")
			var reason socketio.Reason
			w.io.On("connection", func(s *socketio.Socket) {
				s.OnAny(func(e *socketio.Event) { t.Errorf("%s came", e.Name) })
				s.OnDisconnect(func(r socketio.Reason) { reason = r })
			})
			other, _ := w.connect()
			p, _ := w.connect()
			p.send(packets...)
			p.wantEnd()
			synctest.Wait()
			if reason != "parse error" {
				t.Errorf("the socket ended with %q", reason)
			}
			other.quiet()
			if n := w.io.Connections(); n != 1 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

func TestConnectMustComeFirst(t *testing.T) {
	for _, text := range []string{`42["x"]`, "41", `431["x"]`, `44{}`, "4abc", `451-["x"]`} {
		inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
			p := w.dial()
			p.send(text)
			if text == `451-["x"]` {
				p.send("!1")
			}
			p.wantEnd()
		})
	}
}

func TestConnectTimeout(t *testing.T) {
	inWorld(t, socketio.Options{ConnectTimeout: time.Second}, func(t *testing.T, w *world) {
		late, connected := w.dial(), w.dial()
		refused := w.dial()
		refused.send("40/nowhere")
		refused.next()
		connected.send("40")
		connected.welcomed("40")
		begun := time.Now()
		late.wantEnd()
		refused.wantEnd()
		if d := time.Since(begun); d != time.Second {
			t.Errorf("closed after %v", d)
		}
		// Who has left all namespaces may stay.
		connected.send("41")
		connected.quiet()
		time.Sleep(time.Minute)
		connected.send("40")
		connected.welcomed("40")
	})
}

func TestDisconnect(t *testing.T) {
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		echo(w)
		admin := w.io.Of("/admin")
		var told []string
		admin.On("connection", func(s *socketio.Socket) {
			s.Join("r")
			s.On("disconnecting", func(e *socketio.Event) {
				var reason string
				if err := e.Decode(0, &reason); err != nil {
					t.Error(err)
				}
				told = append(told, "disconnecting", reason, strings.Join(s.Rooms()[1:], " "))
			})
			s.OnDisconnect(func(reason socketio.Reason) { told = append(told, string(reason), strings.Join(s.Rooms()[1:], " ")) })
		})
		check := func(reason string) {
			t.Helper()
			synctest.Wait()
			if got, want := strings.Join(told, ","), "disconnecting,"+reason+",r,"+reason+","; got != want {
				t.Errorf("told %s, want %s", got, want)
			}
			told = nil
		}
		p, _ := w.connect()
		p.send("40/admin,")
		p.welcomed("40/admin,")
		p.send("41/admin,", `42["still","here"]`)
		p.want(`42["still","here"]`)
		check("client namespace disconnect")
		// It may come again, and be sent away. What it sends before it knows is not held against it.
		p.send("40/admin,")
		s := admin.Socket(p.welcomed("40/admin,").SID)
		s.Disconnect(false)
		p.send(`42/admin,["x"]`, `431["x"]`, "41/admin,", `42["still","here"]`)
		p.want("41/admin,", `42["still","here"]`)
		check("server namespace disconnect")
		if s.Connected() || s.Emit("x") != socketio.ErrDisconnected || admin.Socket(s.ID()) != nil || len(admin.Sockets()) != 0 {
			t.Error("it is still there")
		}
		p.send("40/admin,")
		p.welcomed("40/admin,")
		w.io.Sockets()[0].Disconnect(true)
		p.want("41", "41/admin,")
		p.wantEnd()
		check("server namespace disconnect")
		// Whatever else ends the connection has its own words.
		p = w.dial()
		p.send("40/admin,")
		p.welcomed("40/admin,")
		p.CloseNow()
		check("transport close")
		p = w.dial()
		p.send("40/admin,")
		s = admin.Socket(p.welcomed("40/admin,").SID)
		s.Conn().Close()
		check("forced close")
		p = w.dial()
		p.send("40/admin,")
		p.welcomed("40/admin,")
		w.io.Close()
		p.wantEnd() // without a DISCONNECT, after which it would not come back
		check("server shutting down")
	})
}

// TestWhatCameBeforeTheEnd: events that came are handled, though the connection has ended.
func TestWhatCameBeforeTheEnd(t *testing.T) {
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		var got []string
		w.io.On("connection", func(s *socketio.Socket) {
			s.OnAny(func(e *socketio.Event) {
				time.Sleep(time.Second)
				got = append(got, e.Name)
			})
			s.OnDisconnect(func(socketio.Reason) { got = append(got, "end") })
		})
		p, _ := w.connect()
		p.send(`42["a"]`, `42["b"]`, `42["c"]`, "1")
		p.wantEnd()
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := strings.Join(got, " "); s != "a b c end" {
			t.Errorf("got %s", s)
		}
	})
}

func TestEventsAndAcks(t *testing.T) {
	for _, tt := range []struct{ send, want []string }{
		{[]string{`42["message",1,"2",{"3":[true]}]`}, []string{`42["message",1,"2",{"3":[true]}]`}},
		{[]string{`42["ü \"\\",1.50e3,12345678901234567890]`}, []string{`42["ü \"\\",1.50e3,12345678901234567890]`}},
		{[]string{`42["message"]`}, []string{`42["message"]`}},
		{[]string{`42456["message",1,"2",{"3":[false]}]`}, []string{`43456[1,"2",{"3":[false]}]`}},
		{[]string{`420["message"]`}, []string{`430[]`}},
		{
			[]string{`452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "!\x01\x02\x03", "!\x04"},
			[]string{`452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "!\x01\x02\x03", "!\x04"},
		},
		{ // the answer to binary with binary
			[]string{`452-789["message",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`, "!a", "!b"},
			[]string{`462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "!b", "!a"},
		},
		{
			[]string{`451-["message",{"a":[{"_placeholder":true,"num":0}],"n":12345678901234567890}]`, "!"},
			[]string{`451-["message",{"a":[{"_placeholder":true,"num":0}],"n":12345678901234567890}]`, "!"},
		},
	} {
		inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
			echo(w)
			p, _ := w.connect()
			p.send(tt.send...)
			p.want(tt.want...)
			p.quiet()
		})
	}
}

func TestMiddleware(t *testing.T) {
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		var asked []string
		w.header.Set("X-Name", "Ann")
		w.io.Use(func(s *socketio.Socket) error {
			asked = append(asked, "first")
			h := s.Handshake()
			if h.Header().Get("X-Name") != "Ann" || h.Query().Get("x") != "y" || h.Host != "example.com" || h.Secure || h.RemoteAddr == "" || h.Time.IsZero() {
				t.Errorf("the handshake is %+v %v", h, h.Header())
			}
			if s.Emit("early") != socketio.ErrDisconnected {
				t.Error("a socket that is not connected was sent to")
			}
			s.Data = "ann"
			switch string(h.Auth) {
			case `{"a":1}`:
				return &socketio.ConnectError{Message: "not you", Data: map[string]int{"code": 42}}
			case `{"a":2}`:
				return errors.New("plainly no")
			case `{"a":3}`:
				panic("as asked")
			case `{"a":4}`:
				return &socketio.ConnectError{Message: "no", Data: func() {}}
			case `{"a":5}`:
				return &socketio.ConnectError{Message: "and do not ask again", Close: true}
			}
			return nil
		})
		w.io.Use(func(s *socketio.Socket) error {
			asked = append(asked, "second")
			if s.Data != "ann" {
				t.Errorf("data is %v", s.Data)
			}
			return nil
		})
		w.io.On("connection", func(s *socketio.Socket) { asked = append(asked, "connected") })
		p := w.dial()
		p.send(`40{"a":1}`)
		p.want(`44{"message":"not you","data":{"code":42}}`)
		p.send(`40{"a":2}`)
		p.want(`44{"message":"plainly no"}`)
		p.send(`40{"a":3}`)
		p.want(`44{"message":"internal error"}`)
		p.send(`40{"a":4}`)
		p.want(`44{"message":"no"}`)
		p.send("40")
		p.welcomed("40")
		if s := strings.Join(asked, " "); s != "first first first first first second connected" {
			t.Errorf("asked %s", s)
		}
		p = w.dial()
		p.send(`40{"a":5}`)
		p.want(`44{"message":"and do not ask again"}`)
		p.wantEnd()
	})
}

func TestMiddlewareOfEvents(t *testing.T) {
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		var got []string
		w.io.On("connection", func(s *socketio.Socket) {
			s.Use(func(e *socketio.Event) error {
				if e.Name == "bad" {
					return errors.New("not that")
				}
				return nil
			})
			s.OnError(func(err error) { got = append(got, err.Error()) })
			socketio.On(s, "good", func(n int) { got = append(got, strings.Repeat("x", n)) })
			s.On("bad", func(*socketio.Event) { t.Error("it came through") })
			s.On("off", func(*socketio.Event) { t.Error("it came through") })
			s.Off("off")
		})
		p, _ := w.connect()
		p.send(`42["bad"]`, `42["good",3]`, `42["off"]`, `42["error","mine"]`, `42["good","y"]`, `42["good"]`)
		synctest.Wait()
		if len(got) != 4 || got[0] != "not that" || got[1] != "xxx" || !strings.Contains(got[2], "argument 0") || !strings.Contains(got[3], "no argument 0") {
			t.Errorf("got %q", got)
		}
	})
}

// TestRoomsOfMiddlewares: what a middleware has a socket join it is in once it is connected, and not before.
func TestRoomsOfMiddlewares(t *testing.T) {
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		w.io.Use(func(s *socketio.Socket) error {
			s.Join("a", "b", "a")
			s.Leave("b")
			if rooms := s.Rooms(); len(rooms) != 2 || rooms[0] != s.ID() || rooms[1] != "a" {
				t.Errorf("it is in %q", rooms)
			}
			if n := len(w.io.In("a").FetchSockets()); n != 0 {
				t.Errorf("%d sockets are in a room before they are connected", n)
			}
			if string(s.Handshake().Auth) == `{"a":1}` {
				return errors.New("no")
			}
			return nil
		})
		p := w.dial()
		p.send(`40{"a":1}`)
		p.want(`44{"message":"no"}`)
		p, s := w.connect()
		w.io.To("a").Emit("to a")
		w.io.To("b").Emit("to b")
		w.io.Emit("to all")
		p.want(`42["to a"]`, `42["to all"]`)
		p.send("41")
		synctest.Wait()
		if s.Join("c"); len(s.Rooms()) != 1 || len(w.io.In("a", "b", "c").FetchSockets()) != 0 {
			t.Errorf("who has left is in %q", s.Rooms())
		}
	})
}

// TestPanic: it ends one socket.
func TestPanic(t *testing.T) {
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		echo(w)
		w.io.Of("/bad").On("connection", func(s *socketio.Socket) {
			s.On("panic", func(*socketio.Event) { panic("as asked") })
			s.OnDisconnect(func(reason socketio.Reason) {
				if reason != socketio.HandlerPanic {
					t.Errorf("ended with %q", reason)
				}
			})
		})
		w.io.Of("/worse").On("connection", func(s *socketio.Socket) { panic("at once") })
		p, _ := w.connect()
		p.send("40/bad,")
		p.welcomed("40/bad,")
		p.send(`42/bad,["panic"]`)
		p.want("41/bad,")
		p.send("40/worse,")
		p.welcomed("40/worse,")
		p.want("41/worse,")
		p.send(`42["still","here"]`)
		p.want(`42["still","here"]`)
		if len(w.io.Of("/bad").Sockets())+len(w.io.Of("/worse").Sockets()) != 0 {
			t.Error("a socket is left")
		}
	})
}

// TestConnectRightAfterLeaving: the client need not wait for the server's handlers.
func TestConnectRightAfterLeaving(t *testing.T) {
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		var did []string // by one goroutine, and looked at when it waits
		w.io.On("connection", func(s *socketio.Socket) {
			did = append(did, "connection")
			s.On("slow", func(*socketio.Event) {
				time.Sleep(time.Second)
				did = append(did, "slow")
			})
			s.OnDisconnect(func(reason socketio.Reason) { did = append(did, string(reason)) })
		})
		p := w.dial()
		p.send("40")
		first := p.welcomed("40")
		p.send(`42["slow"]`, "41", "40")
		if again := p.welcomed("40"); again.SID == first.SID {
			t.Error("it is the same socket")
		}
		p.quiet()
		want := []string{"connection", "slow", "client namespace disconnect", "connection"}
		if !slices.Equal(did, want) {
			t.Errorf("came %q, want %q", did, want)
		}
		if n := len(w.io.Sockets()); n != 1 {
			t.Errorf("%d sockets", n)
		}
	})
}
