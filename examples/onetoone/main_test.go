package main

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/examples/internal/inmemory"
	"github.com/seed-4a326f83/parley/websocket"
)

func say(t *testing.T, conn *websocket.Conn, text string) {
	t.Helper()
	if err := conn.Write(context.Background(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func TestASlowReceiverPacesItsSenderAndIsThenClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inmemory.Serve(t, newSwitchboard())
		ann, ben := s.Dial("/", nil), s.Dial("/", nil)
		say(t, ann, `{"type":"open","fromUserId":"ann","toUserId":"ben"}`)
		say(t, ben, `{"type":"open","fromUserId":"ben","toUserId":"ann"}`)
		const text = `{"fromUserId":"ann","toUserId":"ben"}`
		say(t, ann, text)
		time.Sleep(patience - 1)
		if _, got, err := ben.Read(t.Context()); err != nil || string(got) != text {
			t.Fatalf("got %s, %v", got, err)
		}
		say(t, ann, text)
		time.Sleep(patience + time.Second)
		for {
			_, _, err := ben.Read(t.Context())
			if err == nil {
				continue // what was on its way
			}
			if websocket.CloseStatus(err) != websocket.StatusTryAgainLater {
				t.Errorf("it ended with %v, want 1013", err)
			}
			break
		}
		say(t, ann, text) // to nobody, and no trouble
	})
}

func TestSessionsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := newSwitchboard()
		s := inmemory.Serve(t, board)
		ann, dead := s.Dial("/", nil), s.Dial("/", &websocket.DialOptions{KeepaliveInterval: -1})
		say(t, ann, `{"type":"open","fromUserId":"ann","toUserId":"ben"}`)
		say(t, ann, `{"type":"open","fromUserId":"ann","toUserId":"cem"}`)
		say(t, ann, `{"type":"open","fromUserId":"ann","toUserId":"cem"}`)
		say(t, dead, `{"type":"open","fromUserId":"ann","toUserId":"cem"}`)
		ann.CloseNow()
		synctest.Wait()
		if n := board.size(); n != 1 {
			t.Errorf("%d sessions with one connection left, want 1", n)
		}
		time.Sleep(35*time.Second + 1) // in which the other one answers no ping
		synctest.Wait()
		if n := board.size(); n != 0 {
			t.Errorf("%d sessions are left, want none", n)
		}
	})
}

func (s *switchboard) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

func TestTooManySessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := inmemory.Serve(t, newSwitchboard()).Dial("/", nil)
		go func() {
			for i := range maxSessions + 1 {
				text := `{"type":"open","fromUserId":"ann","toUserId":"` + strings.Repeat("x", i+1) + `"}`
				conn.Write(t.Context(), websocket.MessageText, []byte(text))
			}
		}()
		if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			t.Errorf("it ended with %v, want 1008", err)
		}
	})
}

func TestParse(t *testing.T) {
	for text, want := range map[string][3]string{
		`{"type":"open","fromUserId":"a","toUserId":"b"}`:     {"open", "a", "b"},
		`{"fromUserId":7,"toUserId":"7"}`:                     {"", "7", "7"},
		`{"fromUserId":1e21,"toUserId":-0.5}`:                 {"", "1000000000000000000000", "-0.5"},
		`{"type":5,"fromUserId":["a"],"toUserId":{"b":true}}`: {},
		`{"fromUserId":null,"toUserId":false}`:                {},
		`["open","a","b"]`:                                    {},
		`"open"`:                                              {},
	} {
		kind, from, to := parse([]byte(text))
		if got := [3]string{kind, from, to}; got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
