package socketio_test

import (
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
