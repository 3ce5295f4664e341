package test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestFullDisk lets the server's files grow to 4 MiB and no further, which is
// how a full disk looks from inside. Publishing is then refused as unavailable,
// reading goes on, and once there is room again everything acked is there.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := newServerUnder(t, "ulimit -f 8192", unlimited...) // in units of 512 bytes
	c, hello := guest(t, s.addr(), "ann")
	c.must(object{"type": "join", "room": "full"})
	body := object{"text": text(20_000)}
	var acked int
	refused := 0
	for n := 0; refused < 5; n++ {
		f, err := c.call(object{"type": "publish", "room": "full", "id": fmt.Sprint(n), "body": body})
		switch {
		case err == nil:
			if acked++; f.Seq != int64(acked) {
				t.Fatalf("message %d got seq %d", acked, f.Seq)
			}
		case f.Code == "unavailable" && f.Message != "":
			refused++
		default:
			t.Fatalf("after %d messages: %v; want unavailable", acked, err)
		}
		if n > 1000 {
			t.Fatalf("%d messages of 20 kB fit in 4 MiB", acked)
		}
	}
	if acked == 0 {
		t.Fatal("not one message fitted: this tests nothing")
	}
	if h := c.wholeHistory("full"); len(h) != acked {
		t.Errorf("with a full disk, the history has %d messages, %d were acked", len(h), acked)
	}
	s.kill()
	s.limits = ""
	s.start()
	again := mustDial(t, s.addr())
	if back := again.must(object{"type": "hello", "session": hello.Session}); back.User != hello.User {
		t.Errorf("the session is of %v, want %v", back.User, hello.User)
	}
	again.must(object{"type": "join", "room": "full"})
	if h := again.wholeHistory("full"); len(h) != acked {
		t.Errorf("with room again, the history has %d messages, %d were acked", len(h), acked)
	}
	if seq := again.say("full", "room again"); seq != int64(acked+1) {
		t.Errorf("the next message got seq %d, want %d", seq, acked+1)
	}
}

// TestManySockets opens more connections than the server has descriptors for:
// those beyond are told to come back later, those within are served, and when
// some leave others get in.
func TestManySockets(t *testing.T) {
	t.Parallel()
	s := newServerUnder(t, "ulimit -n 100")
	first, _ := guest(t, s.addr(), "first")
	first.must(object{"type": "join", "room": "lobby"})
	var open []net.Conn
	var turnedAway *http.Response
	for turnedAway == nil {
		conn := rawDial(t, s.addr())
		open = append(open, conn)
		io.WriteString(conn, upgrade+"Host: "+s.addr()+"\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("connection %d: %v", len(open), err)
		}
		if res.StatusCode != 101 {
			turnedAway = res
		}
		if len(open) > 100 {
			t.Fatalf("%d WebSockets with 100 descriptors", len(open))
		}
	}
	if turnedAway.StatusCode != 503 || turnedAway.Header.Get("Retry-After") == "" {
		t.Errorf("connection %d: %s, Retry-After %q; want 503 and a time", len(open), turnedAway.Status, turnedAway.Header.Get("Retry-After"))
	}
	if len(open) < 50 {
		t.Errorf("connection %d was turned away, with 100 descriptors", len(open))
	}
	first.say("lobby", "still served")
	for _, conn := range open {
		conn.Close()
	}
	for end := time.Now().Add(patience); ; {
		c, err := dial(t, s.addr())
		if err == nil {
			c.conn.CloseNow()
			break
		}
		if time.Now().After(end) {
			t.Fatalf("nobody gets in after all have left: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	lives(t, s.addr())
}

// TestDeafFlood asks for much without reading a byte of the answers: the
// server must end it rather than keep the answers, and serve the others.
func TestDeafFlood(t *testing.T) {
	t.Parallel()
	s := newServer(t, unlimited...)
	ben, _ := guest(t, s.addr(), "ben")
	ben.must(object{"type": "join", "room": "heavy"})
	for i := range 8 {
		ben.must(object{"type": "publish", "room": "heavy", "id": fmt.Sprint(i), "body": object{"text": text(60_000)}})
	}
	conn := rawDial(t, s.addr())
	conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	io.WriteString(conn, upgrade+"Host: "+s.addr()+"\r\n\r\n"+
		masked(`{"type":"hello","name":"deaf"}`)+masked(`{"type":"join","room":"heavy"}`))
	if f := ben.next("presence"); !f.Online {
		t.Fatalf("%s; want deaf online", f.raw)
	}
	go func() {
		ask := []byte(masked(`{"type":"history","ref":1,"room":"heavy","after":0,"limit":200}`))
		for range 100_000 {
			if _, err := conn.Write(ask); err != nil {
				return
			}
		}
	}()
	for began := time.Now(); time.Since(began) < patience; {
		ben.must(object{"type": "ping"})
		for len(ben.events) > 0 {
			if f := <-ben.events; f.Type == "presence" && !f.Online {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("who asks and never reads is still here after %s", patience)
}

// TestFullMemory gives the server less memory than it needs: the page is still
// served, and who wants to connect is told to come again.
func TestFullMemory(t *testing.T) {
	t.Parallel()
	s := newServerUnder(t, "export GOMEMLIMIT=4MiB")
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.url()+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	for field, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		req.Header.Set(field, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("%s, Retry-After %q; want 503 and when to come again", res.Status, res.Header.Get("Retry-After"))
	}
}
