package websocket_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

func TestCloseHandshakeFromThisSide(t *testing.T) {
	inModes(t, func(t *testing.T, c *testConn, p *peer) {
		closed := async(func() error { return c.Close(websocket.StatusGoingAway, "see you") })
		p.want(frame{op: proto.Close, fin: true, code: 1001, payload: "see you"})
		p.sendFrame(proto.Text, true, "a message that was on its way")
		p.sendFrame(proto.Close, true, string(proto.AppendClose(nil, 1001, "")))
		p.wantEOF()
		if err := closed(); err != nil {
			t.Fatal(err)
		}
		wantIs(t, c.Close(websocket.StatusNormalClosure, ""), net.ErrClosed)
		wantIs(t, c.CloseNow(), net.ErrClosed)
		_, _, err := c.Read(bg)
		wantIs(t, err, net.ErrClosed)
		wantIs(t, c.Ping(bg), net.ErrClosed)
		if _, err := c.Writer(bg, websocket.MessageText); err == nil {
			t.Fatal("a writer on a closed connection")
		}
	})
}

func TestCloseHandshakeFromThePeer(t *testing.T) {
	for _, tc := range []struct {
		payload string
		want    websocket.CloseError
		answer  int
	}{
		{"", websocket.CloseError{Code: websocket.StatusNoStatusRcvd}, 1005},
		{"\x03\xe8", websocket.CloseError{Code: 1000}, 1000},
		{"\x10\xe1grüße", websocket.CloseError{Code: 4321, Reason: "grüße"}, 4321},
	} {
		inModes(t, func(t *testing.T, c *testConn, p *peer) {
			err := readErr(c)
			for _, b := range p.encode(proto.Close, true, tc.payload) { // also in pieces
				p.send([]byte{b})
			}
			p.want(frame{op: proto.Close, fin: true, code: tc.answer})
			p.wantEOF()
			got := err()
			wantIs(t, got, tc.want)
			if websocket.CloseStatus(got) != tc.want.Code {
				t.Fatal(got)
			}
			// So do all calls after that.
			for _, err := range []error{c.Write(bg, websocket.MessageText, nil), c.Close(1000, ""), c.CloseNow()} {
				wantIs(t, err, net.ErrClosed)
				wantIs(t, err, tc.want)
			}
		})
	}
}

func TestAClientWaitsForTheServerToEndTheConnection(t *testing.T) {
	for _, tc := range []struct {
		name      string
		wait, end time.Duration // after how long the server ends the connection, and the client
	}{
		{"the server ends it", 3 * time.Second, 3 * time.Second},
		{"the server does not", time.Minute, 5 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				c := websocket.ClientConn(near, dialQuiet)
				p := &peer{t: t, nc: far, machine: proto.New(proto.Config{Role: proto.Server, Limit: -1}), serves: true}
				began := time.Now()
				closed := async(func() error { return c.Close(1000, "") })
				p.want(frame{op: proto.Close, fin: true, code: 1000})
				p.sendFrame(proto.Close, true, "")
				server := time.AfterFunc(tc.wait, func() { far.Close() })
				defer server.Stop()
				if err := closed(); err != nil {
					t.Fatal(err)
				}
				wantTime(t, time.Since(began), tc.end)
			})
		})
	}
}

func TestCloseWhileAnotherGoroutineReads(t *testing.T) {
	client, server := pair(t)
	clientErr, serverErr := readErr(client), readErr(server)
	if err := client.Close(4000, "enough"); err != nil {
		t.Fatal(err)
	}
	wantIs(t, serverErr(), websocket.CloseError{Code: 4000, Reason: "enough"})
	if err := clientErr(); websocket.CloseStatus(err) != 4000 {
		t.Fatal(err)
	}
}

func TestCloseOfBothSidesAtOnce(t *testing.T) {
	for range 50 {
		a, b := tcpPipe(t)
		client, server := websocket.ClientConn(a, dialQuiet), websocket.ServerConn(b, acceptQuiet)
		first := async(func() error { return client.Close(1000, "") })
		second := async(func() error { return server.Close(1001, "") })
		// Each gets the other's frame, or finds the connection gone once the other had all it needed.
		if a, b := first(), second(); a != nil && b != nil {
			t.Fatal(a, b)
		}
	}
}

func TestCloseTakesOverFromAReaderThatStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t)
		go func() {
			server.Read(bg) // one message, and nobody reads after it
		}()
		go readErr(client)
		synctest.Wait()
		closed := async(func() error { return server.Close(1000, "") })
		synctest.Wait()
		if err := closed(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCloseHasADeadline(t *testing.T) {
	for _, tc := range []struct {
		name string
		peer func(p *peer)
		want time.Duration
	}{
		{"the peer takes nothing", func(p *peer) {}, 5 * time.Second},
		{"the peer does not answer", func(p *peer) { p.read() }, 5 * time.Second},
		{"the peer takes the frame late and does not answer", func(p *peer) { time.Sleep(4 * time.Second); p.read() }, 9 * time.Second},
		{"the peer sends on and on", func(p *peer) {
			p.read()
			for {
				if _, err := p.nc.Write(p.encode(proto.Binary, true, "on and on")); err != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
		}, 5 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			keptAlive(t, acceptQuiet, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
				done := async(func() bool { tc.peer(p); return true })
				err := c.Close(1000, "")
				defer done()
				if err == nil {
					t.Fatal("no error")
				}
				wantTime(t, clock(), tc.want)
				wantIs(t, c.Write(bg, websocket.MessageText, nil), net.ErrClosed)
			})
		})
	}
}

func TestCloseBehindAWriteThatIsStuck(t *testing.T) {
	keptAlive(t, acceptQuiet, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		stuck := async(func() error { return c.Write(bg, websocket.MessageText, []byte("nobody takes this")) })
		synctest.Wait()
		if err := c.Close(1000, ""); err == nil {
			t.Fatal("no error")
		}
		wantTime(t, clock(), 5*time.Second)
		wantIs(t, stuck(), net.ErrClosed)
	})
}

func TestPeerClosesAndTakesNoAnswer(t *testing.T) {
	keptAlive(t, acceptQuiet, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		go p.sendFrame(proto.Close, true, "\x03\xe8")
		_, _, err := c.Read(bg)
		wantIs(t, err, websocket.CloseError{Code: 1000})
		wantTime(t, clock(), 5*time.Second)
	})
}

func TestViolatorTakesNoCloseFrame(t *testing.T) {
	keptAlive(t, acceptQuiet, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		go p.send(p.header(0x83, 0))
		_, _, err := c.Read(bg)
		if err == nil || !strings.Contains(err.Error(), "reserved opcode") {
			t.Fatal(err)
		}
		wantTime(t, clock(), 5*time.Second)
	})
}

func TestViolatorThatGoesOnSendingStillGetsTheCloseFrame(t *testing.T) {
	// Had the connection been closed at once, with bytes unread, TCP would have taken the close frame back.
	near, far := tcpPipe(t)
	c := websocket.ServerConn(near, acceptQuiet)
	c.SetReadLimit(1000)
	p := &peer{t: t, nc: far, machine: proto.New(proto.Config{Role: proto.Client, Limit: -1}), masks: true}
	err := readErr(c)
	p.sendFrame(proto.Binary, true, strings.Repeat("x", 4<<20))
	p.wantEnd(websocket.StatusMessageTooBig)
	wantIs(t, err(), websocket.ErrMessageTooBig)
	_, _, again := c.Read(bg)
	wantIs(t, again, websocket.ErrMessageTooBig)
}

func TestViolationDuringTheCloseHandshake(t *testing.T) {
	inModes(t, func(t *testing.T, c *testConn, p *peer) {
		closed := async(func() error { return c.Close(1000, "") })
		p.want(frame{op: proto.Close, fin: true, code: 1000})
		p.send(p.header(0x83, 0))
		p.nc.Close()
		if closed() == nil {
			t.Fatal("no error")
		}
	})
}

func TestPeerDropsTheConnectionInsteadOfAnswering(t *testing.T) {
	inModes(t, func(t *testing.T, c *testConn, p *peer) {
		closed := async(func() error { return c.Close(1000, "") })
		p.read()
		p.nc.Close()
		wantIs(t, closed(), io.EOF)
	})
}

func TestCloseChecksWhatItIsGiven(t *testing.T) {
	for _, tc := range []struct {
		code   websocket.StatusCode
		reason string
		sent   frame
		ok     bool
	}{
		{1000, strings.Repeat("r", 123), frame{code: 1000, payload: strings.Repeat("r", 123)}, true},
		{websocket.StatusNoStatusRcvd, "", frame{code: 1005}, true},
		{4999, "", frame{code: 4999}, true},
		{1000, strings.Repeat("r", 124), frame{code: 1011}, false},
		{1000, "\xff", frame{code: 1011}, false},
		{websocket.StatusNoStatusRcvd, "why", frame{code: 1011}, false},
		{websocket.StatusAbnormalClosure, "", frame{code: 1011}, false},
		{websocket.StatusTLSHandshake, "", frame{code: 1011}, false},
		{-1, "", frame{code: 1011}, false}, // what CloseStatus says when there is no code
		{5000, "", frame{code: 1011}, false},
		{66536, "", frame{code: 1011}, false}, // 1000 in 16 bits
	} {
		client, server := pair(t)
		got := readErr(server)
		err := client.Close(tc.code, tc.reason)
		if (err == nil) != tc.ok {
			t.Errorf("Close(%d, %q): %v", tc.code, tc.reason, err)
		}
		wantIs(t, got(), websocket.CloseError{Code: websocket.StatusCode(tc.sent.code), Reason: tc.sent.payload})
	}
}

func TestCloseNowUnblocksEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		c := websocket.ServerConn(near, acceptQuiet)
		calls := []func() error{
			readErr(c),
			async(func() error { return c.Write(bg, websocket.MessageText, []byte("a")) }), // holds the message
			async(func() error { return c.Write(bg, websocket.MessageText, []byte("b")) }), // waits for it
			async(func() error { return c.Ping(bg) }),                                      // waits for the frame
		}
		synctest.Wait()
		if err := c.CloseNow(); err != nil {
			t.Fatal(err)
		}
		for _, err := range calls {
			wantIs(t, err(), net.ErrClosed)
		}
	})
}

func TestReadDuringCloseIsEndedByItsContext(t *testing.T) {
	keptAlive(t, acceptQuiet, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		closed := async(func() error { return c.Close(1000, "") })
		p.read()
		synctest.Wait()
		_, _, err := c.Read(timeout(t, time.Second))
		wantIs(t, err, errDeadline)
		wantTime(t, clock(), time.Second)
		_, _, err = c.Read(bg)
		wantIs(t, err, net.ErrClosed)
		wantTime(t, clock(), 5*time.Second)
		wantIs(t, c.Close(1000, ""), net.ErrClosed)
		closed()
	})
}

func TestSecondCloseReturnsAtOnce(t *testing.T) {
	keptAlive(t, acceptQuiet, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		closed := async(func() error { return c.Close(1000, "") })
		p.read()
		synctest.Wait()
		wantIs(t, c.Close(1000, ""), net.ErrClosed)
		wantIs(t, c.Write(bg, websocket.MessageText, nil), net.ErrClosed)
		wantTime(t, clock(), 0)
		closed()
	})
}

func TestNoPongAfterTheCloseFrame(t *testing.T) {
	inModes(t, func(t *testing.T, c *testConn, p *peer) {
		closed := async(func() error { return c.Close(1000, "") })
		p.want(frame{op: proto.Close, fin: true, code: 1000})
		p.sendFrame(proto.Ping, true, "too late")
		p.sendFrame(proto.Close, true, "")
		p.wantEOF()
		if err := closed(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestStatusCodesAndCloseErrorsSayWhatTheyAre(t *testing.T) {
	for got, want := range map[string]string{
		websocket.StatusNormalClosure.String():                        "StatusNormalClosure",
		websocket.StatusBadGateway.String():                           "StatusBadGateway",
		websocket.StatusCode(4001).String():                           "StatusCode(4001)",
		websocket.MessageText.String():                                "MessageText",
		websocket.MessageBinary.String():                              "MessageBinary",
		websocket.MessageType(9).String():                             "MessageType(9)",
		websocket.CloseError{Code: 1001}.Error():                      "websocket: the peer closed with 1001 (StatusGoingAway)",
		websocket.CloseError{Code: 4001, Reason: "heartbeat"}.Error(): `websocket: the peer closed with 4001 (StatusCode(4001)): "heartbeat"`,
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if websocket.CloseStatus(nil) != -1 || websocket.CloseStatus(io.EOF) != -1 {
		t.Error("CloseStatus of what is no CloseError")
	}
}
