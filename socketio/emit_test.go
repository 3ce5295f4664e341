package socketio_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/socketio"
	"github.com/seed-4a326f83/parley/socketio/engineio"
)

func TestEmit(t *testing.T) {
	type file struct {
		Name string          `json:"name"`
		Data socketio.Binary `json:"data"`
		Text []byte          `json:"text"`
		none int
	}
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		p, s := w.connect()
		f := file{"a", socketio.Binary("A"), []byte("x"), 1}
		for _, tt := range []struct {
			args []any
			want []string
		}{
			{nil, []string{`42["e"]`}},
			{[]any{nil, true, -1, 1.5, "a<b>&\u2028\x1e\"", uint8(3)}, []string{`42["e",null,true,-1,1.5,"a<b>&\u2028\u001e\"",3]`}},
			{[]any{json.RawMessage(`{"a": 1}`), json.Number("1e3"), map[string]int{"b": 1}, []string{}, struct{}{}}, []string{`42["e",{"a": 1},1e3,{"b":1},[],{}]`}},
			{[]any{[]byte("A"), socketio.Binary("B")}, []string{`452-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "!A", "!B"}},
			{[]any{[]byte(nil), socketio.Binary(nil), json.RawMessage(nil)}, []string{`42["e",null,null,null]`}},
			{[]any{[]byte{}}, []string{`451-["e",{"_placeholder":true,"num":0}]`, "!"}},
			{[]any{f}, []string{`451-["e",{"name":"a","data":{"_placeholder":true,"num":0},"text":"eA=="}]`, "!A"}},
			{[]any{&f, []*file{&f}}, []string{`452-["e",{"name":"a","data":{"_placeholder":true,"num":0},"text":"eA=="},[{"name":"a","data":{"_placeholder":true,"num":1},"text":"eA=="}]]`, "!A", "!A"}},
			{[]any{map[string]any{"x": []any{[]byte("A"), 1}, "y": "z"}}, []string{`451-["e",{"x":[{"_placeholder":true,"num":0},1],"y":"z"}]`, "!A"}},
			{[]any{[2]socketio.Binary{[]byte("A"), nil}}, []string{`451-["e",[{"_placeholder":true,"num":0},null]]`, "!A"}},
		} {
			if err := s.Emit("e", tt.args...); err != nil {
				t.Fatal(err)
			}
			p.want(tt.want...)
		}
		if string(f.Data) != "A" {
			t.Error("an argument was changed")
		}
		if text, err := json.Marshal(f); err != nil || string(text) != `{"name":"a","data":"QQ==","text":"eA=="}` {
			t.Errorf("on its own it is %s, %v", text, err)
		}
		s.Send("x")
		p.want(`42["message","x"]`)

		many := make([]any, 10)
		for i := range many {
			many[i] = []byte{'a' + byte(i)}
		}
		if err := s.Emit("e", many...); err != nil {
			t.Fatal(err)
		}
		for range 11 {
			p.next()
		}
		loop := map[string]any{}
		loop["loop"] = loop
		for name, err := range map[string]error{
			"too many attachments":         s.Emit("e", append(many, []byte("k"))...),
			"too many, nested":             s.Emit("e", slices.Repeat([]any{map[string]any{"a": []byte("x")}}, 300)),
			"what JSON cannot hold":        s.Emit("e", func() {}),
			"what is no JSON":              s.Emit("e", json.RawMessage(`{`)),
			"what holds itself":            s.Emit("e", loop),
			"a reserved name":              s.Emit("disconnect"),
			"a reserved name to all":       w.io.Emit("connect"),
			"a reserved name, for an ack":  s.EmitThen(func(socketio.Args, error) { t.Error("called") }, "connect_error"),
			"a reserved name, prepared":    second(w.io.Prepare("newListener")),
			"a bad argument to all":        w.io.Emit("e", func() {}),
			"a bad argument, prepared":     second(w.io.Prepare("e", func() {})),
			"a reserved name, acks of all": second(w.io.EmitWithAck(context.Background(), "removeListener")),
		} {
			if err == nil {
				t.Errorf("%s is no error", name)
			}
		}
		if err := s.Emit("e", append(many, []byte("k"))...); err != socketio.ErrTooManyAttachments {
			t.Error(err)
		}
		if err := s.Emit("disconnect"); err != socketio.ErrReserved {
			t.Error(err)
		}
		p.quiet()
	})
}

func second[T any](_ T, err error) error { return err }

func TestArgs(t *testing.T) {
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		events := make(chan *socketio.Event, 1)
		w.io.On("connection", func(s *socketio.Socket) { s.OnAny(func(e *socketio.Event) { events <- e }) })
		p, _ := w.connect()
		p.send(`42["x",1,"two",{"a":[3]},"QQ=="]`)
		e := <-events
		var n int
		var s string
		var m map[string][]int
		var b []byte
		if err := e.Scan(&n, nil, &m); err != nil || n != 1 || m["a"][0] != 3 {
			t.Error(err, n, m)
		}
		if err := errors.Join(e.Decode(1, &s), e.Decode(3, &b)); err != nil || s != "two" || string(b) != "A" {
			t.Error(err, s, b)
		}
		if e.Len() != 4 || e.HasBinary() || string(e.Raw(2)) != `{"a":[3]}` || e.Raw(4) != nil || e.Raw(-1) != nil {
			t.Error(e.Len(), e.Raw(2))
		}
		if e.Decode(4, &s) == nil || e.Decode(-1, &s) == nil || e.Decode(0, &s) == nil || e.Scan(&n, &n) == nil {
			t.Error("no error")
		}
		if e.WantsAck() || e.Ack() != socketio.ErrNoAck || e.Socket() != w.io.Sockets()[0] {
			t.Error("it wants no ack")
		}

		p.send(`452-7["x",{"_placeholder":true,"num":0},{"f":{"_placeholder":true,"num":1},"n":1.5},[2]]`, "!A", "!B")
		e = <-events
		var bin socketio.Binary
		var doc struct {
			F socketio.Binary
			N float64
		}
		var any0, any1 any
		var object map[string]any
		var list []any
		if err := errors.Join(e.Scan(&b, &doc), e.Decode(0, &bin), e.Decode(0, &any0), e.Decode(1, &any1), e.Decode(1, &object), e.Decode(2, &list)); err != nil {
			t.Fatal(err)
		}
		if string(b) != "A" || string(bin) != "A" || string(doc.F) != "B" || doc.N != 1.5 || !bytes.Equal(any0.([]byte), []byte("A")) ||
			string(object["f"].([]byte)) != "B" || object["n"] != 1.5 || any1.(map[string]any)["n"] != 1.5 || list[0] != 2.0 {
			t.Error(b, bin, doc, any0, any1, object, list)
		}
		if !e.HasBinary() || string(e.Raw(1)) != `{"f":"Qg==","n":1.5}` || e.Decode(0, &n) == nil || e.Decode(2, &object) == nil {
			t.Error(string(e.Raw(1)))
		}
		// An ack is sent once.
		if err := e.Ack("ok"); err != nil {
			t.Error(err)
		}
		if err := e.Ack("again"); err != socketio.ErrNoAck {
			t.Error(err)
		}
		p.want(`437["ok"]`)
		p.quiet()
	})
}

func TestAcksOfClients(t *testing.T) {
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		ctx := context.Background()
		var answers []string
		w.io.On("connection", func(s *socketio.Socket) {
			s.On("ask", func(e *socketio.Event) { // in a handler, and while other events wait
				a, err := s.EmitWithAck(ctx, "question", "?")
				answers = append(answers, "asked "+string(a.Raw(0)), errText(err))
			})
			s.On("next", func(e *socketio.Event) { answers = append(answers, "next") })
		})
		p, s := w.connect()
		p.send(`42["ask"]`, `42["next"]`)
		p.want(`420["question","?"]`)
		p.send(`430["!"]`, `430["twice"]`, `4399["nobody asked"]`)
		synctest.Wait()
		if got := strings.Join(answers, ","); got != `asked "!",,next` {
			t.Errorf("got %s", got)
		}

		then := make(chan string, 10)
		tell := func(a socketio.Args, err error) { then <- string(a.Raw(0)) + errText(err) }
		s.EmitThen(tell, "question")
		p.want(`421["question"]`)
		p.send(`451-["x"]`, "!between") // acks and events with attachments do not mix
		p.send(`461-1[{"_placeholder":true,"num":0}]`, "!A")
		if got := <-then; got != `"QQ=="` {
			t.Errorf("got %s", got)
		}
		begun := time.Now()
		s.Timeout(time.Second).EmitThen(tell, "question")
		p.next()
		if got := <-then; got != socketio.ErrTimeout.Error() || time.Since(begun) != time.Second {
			t.Errorf("got %s after %v", got, time.Since(begun))
		}
		if _, err := s.Timeout(time.Second).EmitWithAck(ctx, "question"); err != socketio.ErrTimeout {
			t.Error(err)
		}
		p.next()
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if _, err := s.EmitWithAck(short, "question"); err != context.DeadlineExceeded {
			t.Error(err)
		}
		p.next()
		p.send(`434["too late"]`)
		s.Timeout(time.Hour).EmitThen(tell, "question")
		p.next()
		p.CloseNow()
		if got := <-then; got != socketio.ErrDisconnected.Error() {
			t.Errorf("got %s", got)
		}
		if err := s.EmitThen(tell, "question"); err != socketio.ErrDisconnected {
			t.Error(err)
		}
		if _, err := s.EmitWithAck(ctx, "question"); err != socketio.ErrDisconnected {
			t.Error(err)
		}
	})
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestBroadcast(t *testing.T) {
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		a, sa := w.connect()
		b, sb := w.connect()
		c, sc := w.connect()
		peers := map[string]*peer{"a": a, "b": b, "c": c}
		sa.Join("r", "s", "r")
		sb.Join("r")
		sc.Join("s", "t")
		for i, tt := range []struct {
			send func(event string, args ...any) error
			to   string
		}{
			{w.io.Emit, "abc"},
			{w.io.To("r").Emit, "ab"},
			{w.io.In("r", "s").Emit, "abc"}, // each once
			{w.io.To("r").To("t").Emit, "abc"},
			{w.io.To("nobody").Emit, ""},
			{w.io.Except("r").Emit, "c"},
			{w.io.To("s").Except("r").Emit, "c"},
			{w.io.Except("r", "t").Emit, ""},
			{w.io.To(sa.ID()).Emit, "a"}, // each has a room of its own
			{w.io.To(sa.ID(), "r").Emit, "ab"},
			{w.io.Except(sa.ID()).Emit, "bc"},
			{sa.To("r").Emit, "b"},
			{sa.To("r", "s").Emit, "bc"},
			{sa.Broadcast().Emit, "bc"},
			{sa.Except("t").Emit, "b"},
			{sa.In("s").Except("t").Emit, ""},
			{sa.To(sb.ID()).Emit, "b"},
			{sa.Volatile().Broadcast().Emit, "bc"},
			{sa.Volatile().To("r").Emit, "b"},
			{sa.Volatile().Emit, "a"},
			{w.io.Volatile().To("s").Emit, "ac"},
			{func(e string, args ...any) error { return w.io.Send(args...) }, "abc"},
			{func(e string, args ...any) error {
				prepared, err := w.io.Prepare("message", args...)
				if err != nil || prepared.Size() < 4 {
					return errors.New("not prepared")
				}
				return errors.Join(sa.EmitPrepared(prepared), sc.EmitPrepared(prepared))
			}, "ac"},
		} {
			if err := tt.send("message", i, []byte("B")); err != nil {
				t.Fatal(err)
			}
			for name, p := range peers {
				if strings.Contains(tt.to, name) {
					var n [1]json.RawMessage
					text := p.next()
					if _, rest, ok := strings.Cut(text, `451-["message",`); !ok || json.Unmarshal([]byte("["+rest), &n) != nil || string(n[0]) != string(must(json.Marshal(i))) {
						t.Fatalf("%d: %s got %s", i, name, text)
					}
					p.want("!B")
				}
			}
		}
		for _, p := range peers {
			p.quiet()
		}

		if got := ids(w.io.In("r").FetchSockets()); !slices.Equal(got, ids([]*socketio.Socket{sa, sb})) {
			t.Error(got)
		}
		if got := ids(sa.Broadcast().FetchSockets()); !slices.Equal(got, ids([]*socketio.Socket{sc, sb})) {
			t.Error(got)
		}
		if got := ids(w.io.FetchSockets()); len(got) != 3 {
			t.Error(got)
		}
		w.io.In("t").SocketsJoin("u", "v")
		w.io.SocketsLeave("v")
		if got := sc.Rooms(); !slices.Equal(got, []string{sc.ID(), "s", "t", "u"}) {
			t.Error(got)
		}
		w.io.SocketsJoin("w")
		sb.Leave("w")
		sb.Leave("never joined")
		if got := len(w.io.In("w").FetchSockets()); got != 2 {
			t.Error(got)
		}
		w.io.In("u").DisconnectSockets(false)
		c.want("41")
		if got := len(w.io.In("w").FetchSockets()); got != 1 {
			t.Error(got)
		}
		sc.Join("x")
		if got := len(w.io.In("x").FetchSockets()); got != 0 {
			t.Error(got)
		}
		w.io.DisconnectSockets(true)
		a.wantEnd()
		b.wantEnd()
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestBroadcastWithAcks(t *testing.T) {
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		a, sa := w.connect()
		b, _ := w.connect()
		ask := func(ctx context.Context, op socketio.BroadcastOperator) <-chan string {
			answer := make(chan string, 1)
			go func() {
				args, err := op.EmitWithAck(ctx, "vote")
				texts := []string{}
				for _, a := range args {
					texts = append(texts, string(a.Raw(0)))
				}
				answer <- strings.Join(texts, ",") + errText(err)
			}()
			synctest.Wait()
			return answer
		}
		ctx := context.Background()
		answer := ask(ctx, w.io.To().Timeout(time.Second))
		a.want(`420["vote"]`)
		b.want(`420["vote"]`)
		b.send("430[2]")
		synctest.Wait()
		a.send("430[1]")
		if got := <-answer; got != "2,1" {
			t.Error(got)
		}
		answer = ask(ctx, sa.Timeout(time.Second).Broadcast())
		b.next()
		if got := <-answer; got != socketio.ErrTimeout.Error() {
			t.Error(got)
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		answer = ask(short, w.io.To())
		a.next()
		b.next()
		a.send("432[7]")
		if got := <-answer; got != "7"+context.DeadlineExceeded.Error() {
			t.Error(got)
		}
		answer = ask(ctx, w.io.To())
		a.next()
		b.next()
		b.send("433[8]")
		synctest.Wait()
		a.CloseNow()
		if got := <-answer; got != "8"+socketio.ErrDisconnected.Error() {
			t.Error(got)
		}
		if got := <-ask(ctx, w.io.To("nobody")); got != "" {
			t.Error(got)
		}
	})
}

func TestTyped(t *testing.T) {
	type pair struct{ A, B int }
	inWorld(t, socketio.Options{}, func(t *testing.T, w *world) {
		var errs []error
		w.io.On("connection", func(s *socketio.Socket) {
			socketio.OnAck(s, "divide", func(p pair) (int, error) {
				if p.B == 0 {
					return 0, errors.New("by nothing")
				}
				return p.A / p.B, nil
			})
			s.OnError(func(err error) { errs = append(errs, err) })
		})
		p, _ := w.connect()
		p.send(`421["divide",{"a":6,"b":2}]`, `422["divide",{"a":6}]`, `423["divide","x"]`, `42["divide",{"a":6,"b":3}]`)
		p.want("431[3]")
		p.quiet()
		if len(errs) != 2 {
			t.Errorf("%q", errs)
		}
	})
}

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
