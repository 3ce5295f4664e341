package socketio_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/socketio"
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
