package websocket_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

func TestPingMeasuresAndIsAnsweredByANewerPong(t *testing.T) {
	inModes(t, func(t *testing.T, c *testConn, p *peer) {
		err := readErr(c)
		first := async(func() error { return c.Ping(bg) })
		a, _ := p.read()
		second := async(func() error { return c.Ping(bg) })
		b, _ := p.read()
		if a.op != proto.Ping || b.op != proto.Ping || a.payload == b.payload {
			t.Fatal(a, b)
		}
		for _, unsolicited := range []string{"", "no number", "99999"} {
			p.sendFrame(proto.Pong, true, unsolicited)
		}
		p.sendFrame(proto.Pong, true, b.payload) // of several pings only the newest need be answered
		for _, err := range []error{first(), second()} {
			if err != nil {
				t.Fatal(err)
			}
		}
		p.nc.Close()
		err()
	})
}

func TestPingWithoutAnAnswer(t *testing.T) {
	keptAlive(t, acceptQuiet, func(t *testing.T, c *websocket.Conn, p *peer, clock func() time.Duration) {
		ping := p.soon()
		wantIs(t, c.Ping(timeout(t, 2*time.Second)), errDeadline)
		ping()
		wantTime(t, clock(), 2*time.Second)
		again := async(func() error { return c.Ping(bg) })
		p.read()
		c.CloseNow()
		wantIs(t, again(), net.ErrClosed)
	})
}

func TestCallbacksForPingsAndPongs(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(bg, key{}, "the read's context")
	got := make(chan string, 10)
	note := func(ctx context.Context, what string, p []byte) {
		if ctx.Value(key{}) == nil {
			what += " with another context"
		}
		got <- fmt.Sprintf("%s %q", what, p)
	}
	opts := websocket.AcceptOptions{
		KeepaliveInterval: -1,
		OnPingReceived:    func(ctx context.Context, p []byte) bool { note(ctx, "ping", p); return string(p) != "quiet" },
		OnPongReceived:    func(ctx context.Context, p []byte) { note(ctx, "pong", p) },
	}
	near, far := net.Pipe()
	c := websocket.ServerConn(near, opts)
	defer c.CloseNow()
	p := &peer{t: t, nc: far, machine: proto.New(proto.Config{Role: proto.Client, Limit: -1}), masks: true}
	go c.Read(ctx)
	go func() {
		p.sendFrame(proto.Ping, true, "quiet")
		p.sendFrame(proto.Pong, true, "")
		p.sendFrame(proto.Ping, true, "loud")
	}()
	p.want(frame{op: proto.Pong, fin: true, payload: "loud"})
	for _, want := range []string{`ping "quiet"`, `pong ""`, `ping "loud"`} {
		if got := <-got; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	far.Close()
}

func TestPongsGoBeforeTheNextMessage(t *testing.T) {
	inModes(t, func(t *testing.T, c *testConn, p *peer) {
		go func() {
			c.Read(bg)
			c.Write(bg, websocket.MessageText, []byte("answer"))
			c.Read(bg)
		}()
		p.send(append(p.encode(proto.Ping, true, "1"), p.encode(proto.Text, true, "question")...))
		p.want(frame{op: proto.Pong, fin: true, payload: "1"})
		p.want(frame{op: proto.Text, fin: true, payload: "answer"})
		p.nc.Close()
	})
}
