package main

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/examples/internal/inmemory"
	"github.com/seed-4a326f83/parley/websocket"
)

func TestEveryoneGetsEveryTextAndTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom()
		s := inmemory.Serve(t, r)
		ann, ben := s.Dial("/", &websocket.DialOptions{Subprotocols: []string{"other", "app"}}), s.Dial("/", nil)
		if got := ann.Subprotocol() + "," + ben.Subprotocol(); got != "app," {
			t.Errorf("subprotocols %q", got)
		}
		go r.tellTime(t.Context())
		say(t, ann, websocket.MessageBinary, "not for anyone")
		say(t, ann, websocket.MessageText, "hello")
		for _, conn := range []*websocket.Conn{ann, ben} {
			expect(t, conn, "hello")
		}
		for range 2 {
			for _, conn := range []*websocket.Conn{ann, ben} {
				_, got, err := conn.Read(t.Context())
				want := fmt.Sprintf(`{"type":"time","content":%d}`, time.Now().UnixMilli())
				if err != nil || string(got) != want || time.Now().UnixMilli()%30_000 != 0 {
					t.Fatalf("got %s, %v; want %s", got, err, want)
				}
			}
		}
	})
}

func TestASlowClientHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inmemory.Serve(t, newRoom())
		fast, slow := s.Dial("/", nil), s.Dial("/", nil)
		begun := time.Now()
		for i := range maxQueue + 10 {
			text := fmt.Sprint(i)
			say(t, fast, websocket.MessageText, text)
			expect(t, fast, text)
		}
		if d := time.Since(begun); d != 0 {
			t.Errorf("the fast one waited %s for the slow one", d)
		}
		for {
			_, _, err := slow.Read(t.Context())
			if err != nil {
				if code := websocket.CloseStatus(err); code != websocket.StatusTryAgainLater {
					t.Errorf("the slow one's connection ended with %v, want 1013", err)
				}
				return
			}
		}
	})
}

func TestTheDeadAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom()
		s := inmemory.Serve(t, r)
		s.Dial("/", &websocket.DialOptions{KeepaliveInterval: -1}) // and never reads, so that it answers no ping
		if n := r.size(); n != 1 {
			t.Fatalf("%d clients, want 1", n)
		}
		time.Sleep(35*time.Second + time.Millisecond)
		synctest.Wait()
		if n := r.size(); n != 0 {
			t.Errorf("%d clients after 35 s, want 0", n)
		}
	})
}

func (r *room) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.clients)
}

func say(t *testing.T, conn *websocket.Conn, typ websocket.MessageType, text string) {
	t.Helper()
	if err := conn.Write(context.Background(), typ, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, conn *websocket.Conn, want string) {
	t.Helper()
	typ, got, err := conn.Read(context.Background())
	if err != nil || typ != websocket.MessageText || string(got) != want {
		t.Fatalf("got %v %q, %v; want the text %q", typ, got, err, want)
	}
}
