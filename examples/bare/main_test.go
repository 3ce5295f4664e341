package main

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/examples/internal/inmemory"
	"github.com/seed-4a326f83/parley/websocket"
)

func TestARoomHearsItsOwnAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse()
		s := inmemory.ServeBare(t, h.serve)
		ann := s.Dial("/rooms/blue?name=ann", nil)
		expect(t, ann, "ann is here")
		ben := s.Dial("/rooms/blue?name=ben%20b", nil)
		expect(t, ann, "ben b is here")
		expect(t, ben, "ben b is here")
		eve := s.Dial("/rooms/red?name=eve", nil)
		expect(t, eve, "eve is here")
		if err := ann.Write(t.Context(), websocket.MessageBinary, []byte("not for anyone")); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := ben.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
				t.Fatal(err)
			}
			expect(t, ann, "ben b: hello")
			expect(t, ben, "ben b: hello")
		}
		ben.Close(websocket.StatusNormalClosure, "")
		expect(t, ann, "ben b has gone")
		ann.CloseNow()
		eve.CloseNow()
		synctest.Wait()
		if len(h.rooms) != 0 {
			t.Errorf("%d rooms are left", len(h.rooms))
		}
	})
}

func TestWhoIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inmemory.ServeBare(t, newHouse().serve)
		for target, want := range map[string]int{
			"/": 404, "/rooms/?name=ann": 404, "/rooms/blue": 400, "/rooms/blue?name=%zz": 400,
			"/rooms/blue?name=0123456789012345678901234567890123456789x": 400,
		} {
			_, resp, err := websocket.Dial(t.Context(), "ws://example"+target, s.Options())
			if err == nil || resp == nil || resp.StatusCode != want {
				t.Errorf("%s: %v", target, err)
			}
		}
		client := s.Options().HTTPClient
		resp, err := client.Get("http://example/rooms/blue")
		if err != nil || resp.StatusCode != http.StatusUpgradeRequired {
			t.Fatalf("a page: %v, %v", resp, err)
		}
		resp.Body.Close()
		client.CloseIdleConnections()
	})
}

func expect(t *testing.T, conn *websocket.Conn, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	typ, got, err := conn.Read(ctx)
	if err != nil || typ != websocket.MessageText || string(got) != want {
		t.Fatalf("got %v %q, %v; want the text %q", typ, got, err, want)
	}
}
