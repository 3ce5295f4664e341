package test

import (
	"context"
	"os/exec"
	"strings"
	"testing"
)

// TestDataFolderIsLocked starts a second server on the data of a first: it
// refuses, says why, and the first goes on.
func TestDataFolderIsLocked(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, binary, "serve", "--listen", "127.0.0.1:0", "--data", s.data).CombinedOutput()
	if err == nil || ctx.Err() != nil {
		t.Errorf("the second server: err %v, %v", err, ctx.Err())
	}
	if !strings.Contains(string(out), s.data) || len(out) > 1000 || strings.Contains(string(out), "goroutine") {
		t.Errorf("the second server says %q; want a short message that names the folder", out)
	}
	lives(t, s.addr())
}

// TestGracefulStop ends the server with SIGTERM while people are connected:
// each is told, and when to come back, and finds their place there.
func TestGracefulStop(t *testing.T) {
	t.Parallel()
	s := newServer(t, unlimited...)
	var people []*client
	for range 20 {
		c, _ := guest(t, s.addr(), "ann")
		c.must(object{"type": "join", "room": "lobby"})
		people = append(people, c)
	}
	silent := mustDial(t, s.addr()) // has not said hello yet
	people[0].say("lobby", "one")
	s.terminate()
	times := map[int]bool{}
	for _, c := range people {
		bye := c.next("bye")
		if bye.Code != 1001.0 || bye.RetryAfter == nil {
			t.Fatalf("%s; want code 1001 and retry_after", bye.raw)
		}
		times[*bye.RetryAfter] = true
		if code := c.closed(); code != 1001 {
			t.Errorf("close code %d (%v), want 1001", code, c.err)
		}
	}
	if len(times) < len(people)/2 {
		t.Errorf("20 people are to come back after %v ms: that is no spread", times)
	}
	if code := silent.closed(); code != 1001 {
		t.Errorf("who had not said hello: close code %d (%v), want 1001", code, silent.err)
	}
	s.ended()
	s.start()
	c, _ := guest(t, s.addr(), "judge")
	c.must(object{"type": "join", "room": "lobby"})
	if h := c.wholeHistory("lobby"); len(h) != 1 {
		t.Errorf("%d messages after a restart, want 1", len(h))
	}
}
