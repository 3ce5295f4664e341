package websocket_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// keptAlive runs f in a bubble with a server's connection with the default keepalive, and its bare peer, on a clock that
// starts at 0.
func keptAlive(t *testing.T, o websocket.AcceptOptions, f func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration)) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		start := time.Now()
		c := websocket.ServerConn(near, o)
		p := &peer{t: t, nc: far, machine: proto.New(proto.Config{Role: proto.Client, Limit: -1}), masks: true}
		defer c.CloseNow()
		defer far.Close()
		f(t, c, p, func() time.Duration { return time.Since(start) })
	})
}

func wantTime(t *testing.T, got, want time.Duration) {
	t.Helper()
	if got != want {
		t.Fatalf("at %v, want %v", got, want)
	}
}

func TestKeepalivePingsAPeerThatIsSilent(t *testing.T) {
	keptAlive(t, websocket.AcceptOptions{}, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		err := readErr(c)
		for i := range 3 {
			f, readErr := p.read()
			if readErr != nil || f.op != proto.Ping {
				t.Fatal(f, readErr)
			}
			wantTime(t, clock(), time.Duration(i+1)*25*time.Second)
			p.sendFrame(proto.Pong, true, f.payload)
		}
		p.nc.Close()
		wantIs(t, err(), io.EOF)
	})
}

func TestKeepaliveDoesNotPingAPeerThatSpeaks(t *testing.T) {
	keptAlive(t, websocket.AcceptOptions{}, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		err := readErr(c)
		for range 10 {
			time.Sleep(20 * time.Second)
			p.sendFrame(proto.Text, true, "hello")
		}
		f, readErr := p.read()
		if readErr != nil || f.op != proto.Ping {
			t.Fatal(f, readErr)
		}
		wantTime(t, clock(), 225*time.Second)
		p.nc.Close()
		err()
	})
}

func TestKeepaliveTakesAnyDataForLife(t *testing.T) {
	keptAlive(t, websocket.AcceptOptions{}, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		err := readErr(c)
		p.read()
		time.Sleep(9 * time.Second)
		p.send(p.header(0x82, 126, 0x10, 0)) // not even a piece of a message
		f, readErr := p.read()
		if readErr != nil || f.op != proto.Ping {
			t.Fatal(f, readErr)
		}
		wantTime(t, clock(), 59*time.Second)
		p.nc.Close()
		err()
	})
}

func TestKeepaliveGivesUpAndTheCallerClosesWithACodeOfItsOwn(t *testing.T) {
	keptAlive(t, websocket.AcceptOptions{}, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		ping := p.soon() // and no answer
		_, _, err := c.Read(bg)
		ping()
		wantIs(t, err, websocket.ErrKeepaliveTimeout)
		wantTime(t, clock(), 35*time.Second)
		_, _, err = c.Read(bg)
		wantIs(t, err, websocket.ErrKeepaliveTimeout)

		closed := async(func() error {
			if err := c.Write(bg, websocket.MessageText, []byte("bye")); err != nil {
				return err
			}
			return c.Close(4001, "heartbeat lost")
		})
		p.want(frame{op: proto.Text, fin: true, payload: "bye"})
		p.want(frame{op: proto.Close, fin: true, code: 4001, payload: "heartbeat lost"})
		p.sendFrame(proto.Close, true, string(proto.AppendClose(nil, 4001, "")))
		if err := closed(); err != nil {
			t.Fatal(err)
		}
		wantTime(t, clock(), 35*time.Second)
	})
}

func TestKeepaliveClosesByItselfIfTheCallerDoesNot(t *testing.T) {
	keptAlive(t, websocket.AcceptOptions{}, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		go c.Read(bg)
		p.read()
		f, err := p.read()
		if err != nil || f.op != proto.Close || f.code != 1011 {
			t.Fatal(f, err)
		}
		wantTime(t, clock(), 40*time.Second)
		if _, err := p.read(); err != io.EOF {
			t.Fatal(err)
		}
		err = c.Write(bg, websocket.MessageText, nil)
		wantIs(t, err, net.ErrClosed)
		wantIs(t, err, websocket.ErrKeepaliveTimeout)
	})
}

func TestKeepaliveClosesByItselfWhenThePeerTakesNothing(t *testing.T) {
	keptAlive(t, websocket.AcceptOptions{}, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		_, _, err := c.Read(bg) // nobody ever takes the ping
		wantIs(t, err, websocket.ErrKeepaliveTimeout)
		wantTime(t, clock(), 35*time.Second)
		wantIs(t, c.Write(bg, websocket.MessageText, nil), websocket.ErrKeepaliveTimeout)
		wantTime(t, clock(), 41*time.Second)
	})
}

func TestKeepaliveJudgesOnlyWhileAReadWaits(t *testing.T) {
	keptAlive(t, websocket.AcceptOptions{}, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		pings := 0
		go func() {
			for {
				f, err := p.read()
				if err != nil {
					return
				}
				if f.op == proto.Ping {
					pings++
				}
			}
		}()
		time.Sleep(time.Hour) // the application is busy
		if synctest.Wait(); pings != 1 {
			t.Fatalf("%d pings in an hour without a read: the first is still unanswered", pings)
		}
		_, _, err := c.Read(bg)
		wantIs(t, err, websocket.ErrKeepaliveTimeout)
		wantTime(t, clock(), time.Hour+10*time.Second)
	})
}

func TestKeepaliveFindsThePongThatCameWhileNobodyRead(t *testing.T) {
	keptAlive(t, websocket.AcceptOptions{}, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		go func() {
			f, _ := p.read()
			p.sendFrame(proto.Pong, true, f.payload) // waits in the pipe until somebody reads
			time.Sleep(9 * time.Second)
			p.sendFrame(proto.Text, true, "here I am")
		}()
		time.Sleep(time.Hour)
		wantMessage(t, c, websocket.MessageText, "here I am")
		wantTime(t, clock(), time.Hour+9*time.Second)
	})
}

func TestKeepaliveAddsUpShortReads(t *testing.T) {
	keptAlive(t, websocket.AcceptOptions{}, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		go p.read()
		for {
			ctx, cancel := context.WithTimeout(bg, 700*time.Millisecond)
			_, _, err := c.Read(ctx)
			cancel()
			if errors.Is(err, websocket.ErrKeepaliveTimeout) {
				break
			}
			wantIs(t, err, context.DeadlineExceeded)
		}
		if got := clock(); got < 35*time.Second || got > 36*time.Second {
			t.Fatalf("given up after %v", got)
		}
	})
}

func TestKeepaliveWhoseLastReadEndsInVain(t *testing.T) {
	// The read's own context ends with the time that the peer had: that read tells of its context, the next of the peer.
	keptAlive(t, websocket.AcceptOptions{KeepaliveTimeout: 10 * time.Second}, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		go p.read()
		time.Sleep(26 * time.Second)
		for range 2 {
			ctx, cancel := context.WithTimeout(bg, 5*time.Second-time.Nanosecond)
			_, _, err := c.Read(ctx)
			cancel()
			wantIs(t, err, context.DeadlineExceeded)
		}
		ctx, cancel := context.WithTimeout(bg, time.Millisecond)
		defer cancel()
		_, _, err := c.Read(ctx)
		wantIs(t, err, context.DeadlineExceeded)
		_, _, err = c.Read(bg)
		wantIs(t, err, websocket.ErrKeepaliveTimeout)
	})
}

func TestKeepaliveOff(t *testing.T) {
	keptAlive(t, acceptQuiet, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		err := readErr(c)
		p.nc.SetReadDeadline(time.Now().Add(24 * time.Hour))
		if f, err := p.read(); err == nil {
			t.Fatalf("%+v", f)
		}
		p.nc.Close()
		err()
	})
}

func TestKeepaliveIntervalsOfTheCaller(t *testing.T) {
	o := websocket.AcceptOptions{KeepaliveInterval: 3 * time.Second, KeepaliveTimeout: time.Second}
	keptAlive(t, o, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		ping := p.soon()
		_, _, err := c.Read(bg)
		ping()
		wantIs(t, err, websocket.ErrKeepaliveTimeout)
		wantTime(t, clock(), 4*time.Second)
	})
}

func TestKeepaliveInterruptsAStreamAndCloseReadsOn(t *testing.T) {
	keptAlive(t, websocket.AcceptOptions{}, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		ping := async(func() frame {
			p.sendFrame(proto.Text, false, "half")
			f, _ := p.read()
			return f
		})
		_, r, err := c.Reader(bg)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		ping()
		wantIs(t, err, websocket.ErrKeepaliveTimeout)
		if string(got) != "half" {
			t.Fatalf("%q", got)
		}
		closed := async(func() error { return c.Close(4001, "") })
		p.want(frame{op: proto.Close, fin: true, code: 4001})
		p.sendFrame(proto.Continuation, true, "late") // thrown away
		p.sendFrame(proto.Close, true, "")
		if err := closed(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestKeepaliveBothWaysOverAnHourOfSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := keptPair(t)
		a, b := readErr(client), readErr(server)
		time.Sleep(time.Hour)
		if err := client.Close(websocket.StatusNormalClosure, ""); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{a(), b()} {
			if websocket.CloseStatus(err) != websocket.StatusNormalClosure {
				t.Fatal(err)
			}
		}
	})
}
