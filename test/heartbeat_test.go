package test

import (
	"testing"
	"time"
)

// TestHeartbeat takes a client's network away without a word, as when somebody
// walks out of the radio's reach: the server finds out by its heartbeat and
// tells the others, and the client's session still works from elsewhere.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	way := newProxy(t, s.addr())

	ben, _ := guest(t, s.addr(), "ben")
	ben.must(object{"type": "join", "room": "lobby"})
	ann, hello := guest(t, way.addr(), "ann")
	ann.must(object{"type": "join", "room": "lobby"})
	if f := ben.next("presence"); !f.Online {
		t.Fatalf("%s; want ann online", f.raw)
	}
	way.stall()
	began := time.Now()
	limit := time.Duration(hello.Heartbeat.Interval+hello.Heartbeat.Timeout) * time.Millisecond
	if limit <= 0 || limit > time.Minute {
		t.Fatalf("heartbeat %+v", hello.Heartbeat)
	}
	select {
	case f := <-ben.events:
		if f.Type != "presence" || f.Online || time.Since(began) < time.Second {
			t.Errorf("after %s: %s; want ann offline after about %s", time.Since(began), f.raw, limit)
		}
	case <-time.After(limit + patience):
		t.Errorf("ann is still here, %s after her network fell silent", time.Since(began))
	}

	again := mustDial(t, s.addr())
	if back := again.must(object{"type": "hello", "session": hello.Session}); back.User != hello.User {
		t.Errorf("the session is of %v, want %v", back.User, hello.User)
	}
}
