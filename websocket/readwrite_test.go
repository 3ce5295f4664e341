package websocket_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

var errDeadline = context.DeadlineExceeded

func timeout(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(bg, d)
	t.Cleanup(cancel)
	return ctx
}

func TestMessagesOfAllSizesBothWays(t *testing.T) {
	url := serve(t, nil, func(c *websocket.Conn) {
		c.SetReadLimit(-1)
		echo(c)
	})
	c := dial(t, url, nil)
	c.SetReadLimit(-1)
	for _, n := range []int{0, 1, 125, 126, 4090, 4096, 16383, 16384, 16385, 32768, 65535, 65536, 1<<20 + 7} {
		for _, typ := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
			want := strings.Repeat("0123456789abcde", n/15+1)[:n]
			sent := async(func() error { return c.Write(bg, typ, []byte(want)) })
			wantMessage(t, c, typ, want)
			if err := sent(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
}

func TestWriteLeavesTheCallersBytesAlone(t *testing.T) {
	client, server := pair(t)
	p := bytes.Repeat([]byte("do not mask this in place"), 3000)
	want := string(p)
	sent := async(func() error { return client.Write(bg, websocket.MessageBinary, p) })
	wantMessage(t, server, websocket.MessageBinary, want)
	if err := sent(); err != nil || string(p) != want {
		t.Fatal(err, "the bytes were changed")
	}
}

func TestHeaderAndPayloadLeaveInOneWrite(t *testing.T) {
	for _, n := range []int{0, 100, 10_000, 16 << 10} {
		inMemory(t, func(c *websocket.Conn, writes *countingConn) {
			if err := c.Write(bg, websocket.MessageBinary, make([]byte, n)); err != nil {
				t.Fatal(err)
			}
			if writes.n != 1 {
				t.Errorf("%d bytes left in %d writes", n, writes.n)
			}
		})
	}
}

// countingConn counts writes, and swallows them.
type countingConn struct {
	net.Conn
	n int
}

func (c *countingConn) Write(p []byte) (int, error) { c.n++; return len(p), nil }

func inMemory(t *testing.T, f func(c *websocket.Conn, writes *countingConn)) {
	near, far := net.Pipe()
	defer far.Close()
	counting := &countingConn{Conn: near}
	c := websocket.ClientConn(counting, dialQuiet)
	defer c.CloseNow()
	f(c, counting)
}

func TestWriterSendsEachWriteAsAFragment(t *testing.T) {
	inRoles(t, func(t *testing.T, c *websocket.Conn, p *peer) {
		sent := async(func() error {
			w, err := c.Writer(bg, websocket.MessageText)
			if err != nil {
				return err
			}
			for _, s := range []string{"one", "", "two"} {
				if n, err := io.WriteString(w, s); err != nil || n != len(s) {
					return fmt.Errorf("%d, %w", n, err)
				}
			}
			return w.Close()
		})
		p.want(frame{op: proto.Text, payload: "one"})
		p.want(frame{op: proto.Text, payload: "two"})
		p.want(frame{op: proto.Text, fin: true})
		if err := sent(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWriterOfAnEmptyMessage(t *testing.T) {
	client, server := pair(t)
	sent := async(func() error {
		w, err := client.Writer(bg, websocket.MessageBinary)
		if err != nil {
			return err
		}
		return w.Close()
	})
	wantMessage(t, server, websocket.MessageBinary, "")
	if err := sent(); err != nil {
		t.Fatal(err)
	}
}

func TestWriterAfterItsClose(t *testing.T) {
	client, server := pair(t)
	go server.Read(bg)
	w, err := client.Writer(bg, websocket.MessageBinary)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("Write after Close")
	}
	if w.Close() == nil {
		t.Error("Close after Close")
	}
}

func TestMessagesWaitForAWriterButControlFramesDoNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t)
		w, err := client.Writer(bg, websocket.MessageText)
		if err != nil {
			t.Fatal(err)
		}
		go io.WriteString(w, "half")
		_, r, err := server.Reader(bg)
		if err != nil {
			t.Fatal(err)
		}
		rest := async(func() string {
			b, _ := io.ReadAll(r)
			_, p, _ := server.Read(bg)
			return string(b) + "|" + string(p)
		})
		go readErr(client) // for the pong
		if err := client.Ping(bg); err != nil {
			t.Fatal(err)
		}
		wantIs(t, client.Write(timeout(t, time.Second), websocket.MessageText, []byte("x")), errDeadline)
		second := async(func() error { return client.Write(bg, websocket.MessageText, []byte("second")) })
		synctest.Wait()
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := second(); err != nil {
			t.Fatal(err)
		}
		if got := rest(); got != "half|second" {
			t.Fatalf("%q", got)
		}
	})
}

func TestUnknownMessageTypeIsNotSent(t *testing.T) {
	client, _ := pair(t)
	if err := client.Write(bg, 0, nil); err == nil {
		t.Error("Write")
	}
	if _, err := client.Writer(bg, 8); err == nil {
		t.Error("Writer")
	}
}

func TestManyGoroutinesWrite(t *testing.T) {
	const writers, each = 16, 50
	url := serve(t, nil, func(c *websocket.Conn) {
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for range each {
					c.Write(bg, websocket.MessageBinary, bytes.Repeat([]byte{byte(i)}, 100*i*i))
				}
			})
		}
		wg.Wait()
		c.Close(websocket.StatusNormalClosure, "")
	})
	c := dial(t, url, nil)
	got := map[int]int{}
	for msg, err := range c.Messages(bg) {
		if err != nil {
			t.Fatal(err)
		}
		if len(msg.Data) == 0 {
			got[0]++
			continue
		}
		i := int(msg.Data[0])
		if !bytes.Equal(msg.Data, bytes.Repeat([]byte{byte(i)}, 100*i*i)) {
			t.Fatal("messages are mixed")
		}
		got[i]++
	}
	for i := range writers {
		if got[i] != each {
			t.Errorf("%d messages of writer %d, want %d", got[i], i, each)
		}
	}
}

func TestReaderHandsOutWhatThereIs(t *testing.T) {
	inRoles(t, func(t *testing.T, c *websocket.Conn, p *peer) {
		whole := p.encode(proto.Binary, false, "partial frame")
		sent := async(func() bool { p.send(whole[:len(whole)-6]); return true })
		typ, r, err := c.Reader(bg)
		if err != nil || typ != websocket.MessageBinary {
			t.Fatal(typ, err)
		}
		sent()
		buf := make([]byte, 100)
		n, err := io.ReadFull(r, buf[:7])
		if err != nil || string(buf[:n]) != "partial" {
			t.Fatalf("%q, %v", buf[:n], err)
		}
		if n, err := r.Read(nil); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		go p.send(whole[len(whole)-6:], p.encode(proto.Continuation, true, "."))
		rest, err := io.ReadAll(iotest.OneByteReader(r))
		if err != nil || string(rest) != " frame." {
			t.Fatalf("%q, %v", rest, err)
		}
		if n, err := r.Read(buf); n != 0 || err != io.EOF {
			t.Fatal(n, err)
		}
	})
}

func TestReaderReturnsWithTheHeader(t *testing.T) {
	inRoles(t, func(t *testing.T, c *websocket.Conn, p *peer) {
		go p.send(p.header(0x82, 100))
		if typ, _, err := c.Reader(bg); err != nil || typ != websocket.MessageBinary {
			t.Fatal(typ, err)
		}
	})
}

func TestNextMessageBeforeTheEndOfTheLast(t *testing.T) {
	client, server := pair(t)
	go client.Write(bg, websocket.MessageText, []byte("first"))
	_, r, err := server.Reader(bg)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := server.Reader(bg); err == nil {
		t.Fatal("Reader")
	}
	if _, _, err := server.Read(bg); err == nil {
		t.Fatal("Read")
	}
	if b, err := io.ReadAll(r); err != nil || string(b) != "first" {
		t.Fatalf("%q, %v", b, err)
	}
	go client.Write(bg, websocket.MessageText, []byte("second"))
	wantMessage(t, server, websocket.MessageText, "second")
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatal("the first reader reads the second message:", n, err)
	}
}

func TestCancelledReadKeepsTheMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t)
		w, err := client.Writer(bg, websocket.MessageText)
		if err != nil {
			t.Fatal(err)
		}
		say := func(s string) (said func() bool) {
			return async(func() bool { _, err := io.WriteString(w, s); return err == nil })
		}
		for _, s := range []string{"one ", "two "} {
			said := say(s)
			_, _, err := server.Read(timeout(t, time.Second))
			wantIs(t, err, errDeadline)
			said()
		}
		said := say("three ")
		ctx, cancel := context.WithCancel(bg)
		cancelled := async(func() error {
			_, _, err := server.Read(ctx)
			return err
		})
		said()
		synctest.Wait()
		cancel()
		wantIs(t, cancelled(), context.Canceled)
		_, _, err = server.Read(ctx) // a context that has ended already
		wantIs(t, err, context.Canceled)
		go func() {
			io.WriteString(w, "four")
			w.Close()
		}()
		wantMessage(t, server, websocket.MessageText, "one two three four")
	})
}

func TestCancelledReaderIsContinuedByTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t)
		w, err := client.Writer(bg, websocket.MessageText)
		if err != nil {
			t.Fatal(err)
		}
		go io.WriteString(w, "begin ")
		_, r, err := server.Reader(timeout(t, time.Second))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		wantIs(t, err, errDeadline)
		_, err = r.Read(make([]byte, 1))
		wantIs(t, err, errDeadline) // it stays so
		go func() {
			io.WriteString(w, "end")
			w.Close()
		}()
		typ, r, err := server.Reader(bg)
		if err != nil || typ != websocket.MessageText {
			t.Fatal(typ, err)
		}
		rest, err := io.ReadAll(r)
		if err != nil || string(got)+string(rest) != "begin end" {
			t.Fatalf("%q %q %v", got, rest, err)
		}
	})
}

func TestReaderAfterACancelledReadHasAllOfTheMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t)
		w, err := client.Writer(bg, websocket.MessageText)
		if err != nil {
			t.Fatal(err)
		}
		go io.WriteString(w, "begin ")
		_, _, err = server.Read(timeout(t, time.Second))
		wantIs(t, err, errDeadline)
		go func() {
			io.WriteString(w, "end")
			w.Close()
		}()
		_, r, err := server.Reader(bg)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != "begin end" {
			t.Fatalf("%q, %v", got, err)
		}
	})
}

func TestCancelledReadOverTCPAndTLSLeavesTheConnectionGood(t *testing.T) {
	for _, secure := range []bool{false, true} {
		url, opts := serveTLS(t, secure, echo)
		c := dial(t, url, opts)
		for i := range 20 {
			ctx, cancel := context.WithCancel(bg)
			cancelled := async(func() error {
				_, _, err := c.Read(ctx)
				return err
			})
			cancel()
			wantIs(t, cancelled(), context.Canceled)
			want := strings.Repeat("x", i*1000)
			if err := c.Write(bg, websocket.MessageText, []byte(want)); err != nil {
				t.Fatal(err)
			}
			wantMessage(t, c, websocket.MessageText, want)
		}
	}
}

func TestWriteWhoseContextHasEndedLeavesTheConnectionGood(t *testing.T) {
	client, server := pair(t)
	ctx, cancel := context.WithCancel(bg)
	cancel()
	wantIs(t, client.Write(ctx, websocket.MessageText, []byte("never")), context.Canceled)
	if _, err := client.Writer(ctx, websocket.MessageText); err == nil {
		t.Fatal("Writer")
	}
	go client.Write(bg, websocket.MessageText, []byte("hello"))
	wantMessage(t, server, websocket.MessageText, "hello")
}

func TestWriteCancelledPartWayClosesTheConnection(t *testing.T) {
	near, far := tcpPipe(t)
	defer far.Close()
	c := websocket.ServerConn(near, acceptQuiet)
	ctx, cancel := context.WithCancel(bg)
	sent := async(func() error { return c.Write(ctx, websocket.MessageBinary, make([]byte, 64<<20)) })
	if _, err := io.ReadFull(far, make([]byte, 1<<20)); err != nil { // part of it is out
		t.Fatal(err)
	}
	cancel()
	wantIs(t, sent(), context.Canceled)
	err := c.Write(bg, websocket.MessageText, nil)
	wantIs(t, err, net.ErrClosed)
	wantIs(t, err, context.Canceled)
}

func TestWriterWhoseContextEndsInTheMessageClosesTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t)
		go readErr(server)
		ctx, cancel := context.WithCancel(bg)
		w, err := client.Writer(ctx, websocket.MessageText)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, "half"); err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := io.WriteString(w, "more"); err == nil {
			t.Fatal("Write")
		}
		wantIs(t, w.Close(), context.Canceled)
		wantIs(t, client.Write(bg, websocket.MessageText, nil), net.ErrClosed)
	})
}

func TestReadLimit(t *testing.T) {
	for _, tc := range []struct {
		limit int64
		size  int
		ok    bool
	}{{5, 5, true}, {5, 6, false}, {0, 0, true}, {0, 1, false}, {-1, 2 << 20, true}, {1 << 20, 1 << 20, true}, {1 << 20, 1<<20 + 1, false}} {
		client, server := pair(t)
		if tc.limit != 1<<20 { // the default
			server.SetReadLimit(tc.limit)
		}
		closed := readErr(client)
		go client.Write(bg, websocket.MessageBinary, make([]byte, tc.size))
		_, p, err := server.Read(bg)
		if tc.ok {
			if err != nil || len(p) != tc.size {
				t.Errorf("%+v: %v", tc, err)
			}
			continue
		}
		wantIs(t, err, websocket.ErrMessageTooBig)
		if err := closed(); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
			t.Errorf("%+v: %v", tc, err)
		}
	}
}

func TestMaxFragmentsOfTheCaller(t *testing.T) {
	for _, tc := range []struct{ max, sent int }{{0, 1024}, {0, 1025}, {2, 2}, {2, 3}, {-1, 3000}} {
		client, server := pairOf(t, &dialQuiet, &websocket.AcceptOptions{KeepaliveInterval: -1, MaxFragments: tc.max})
		go readErr(client)
		go func() {
			w, err := client.Writer(bg, websocket.MessageBinary)
			for i := 0; err == nil && i < tc.sent-1; i++ {
				_, err = w.Write([]byte{1})
			}
			w.Close()
		}()
		_, _, err := server.Read(bg)
		most := tc.max
		if most == 0 {
			most = 1024
		}
		if want := most < 0 || tc.sent <= most; (err == nil) != want {
			t.Errorf("%+v: %v", tc, err)
		}
	}
}

func TestPingMeasuresAndIsAnsweredByANewerPong(t *testing.T) {
	inRoles(t, func(t *testing.T, c *websocket.Conn, p *peer) {
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
	inRoles(t, func(t *testing.T, c *websocket.Conn, p *peer) {
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

func TestEndWithoutACloseFrame(t *testing.T) {
	inRoles(t, func(t *testing.T, c *websocket.Conn, p *peer) {
		go func() {
			p.sendFrame(proto.Text, false, "half a mess")
			p.nc.Close()
		}()
		_, r, err := c.Reader(bg)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if string(got) != "half a mess" || err == nil {
			t.Fatalf("%q, %v", got, err)
		}
		wantIs(t, err, io.EOF)
		wantIs(t, err, net.ErrClosed)
	})
}

func TestEveryCutOfTheStreamGivesTheSameMessages(t *testing.T) {
	inRoles(t, func(t *testing.T, c *websocket.Conn, p *peer) {
		var in []byte
		in = append(in, p.encode(proto.Text, false, "grü")...)
		in = append(in, p.encode(proto.Ping, true, "between")...)
		in = append(in, p.encode(proto.Continuation, true, "ße")...)
		in = append(in, p.encode(proto.Binary, true, "")...)
		in = append(in, p.encode(proto.Binary, true, strings.Repeat("z", 300))...)
		const rounds = 25
		sent := async(func() bool {
			for i := range rounds {
				for rest := in; len(rest) > 0; {
					n := min(1+i, len(rest))
					p.send(rest[:n])
					rest = rest[n:]
				}
			}
			return true
		})
		pongs := async(func() bool {
			for {
				f, err := p.read()
				if err != nil || f.payload == "end" {
					return err == nil
				}
			}
		})
		for range rounds {
			wantMessage(t, c, websocket.MessageText, "grüße")
			wantMessage(t, c, websocket.MessageBinary, "")
			wantMessage(t, c, websocket.MessageBinary, strings.Repeat("z", 300))
		}
		sent()
		err := readErr(c)
		p.sendFrame(proto.Ping, true, "end")
		if !pongs() {
			t.Error("no pong")
		}
		p.nc.Close()
		err()
	})
}
