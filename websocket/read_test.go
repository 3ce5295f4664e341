package websocket_test

import (
	"context"
	"io"
	"net"
	"strings"
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

func TestReaderIntoLargeBuffers(t *testing.T) {
	inRoles(t, func(t *testing.T, c *websocket.Conn, p *peer) {
		c.SetReadLimit(-1)
		text := strings.Repeat("löng ", 60_000)
		for _, size := range []int{4095, 4096, 5000, 1 << 20} {
			// Characters are cut, and what follows comes along.
			go p.send(p.encode(proto.Text, false, text[:100_002]), p.encode(proto.Continuation, true, text[100_002:]),
				p.encode(proto.Binary, true, "next"))
			_, r, err := c.Reader(bg)
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			for buf := make([]byte, size); err == nil; {
				var n int
				n, err = r.Read(buf)
				got = append(got, buf[:n]...)
			}
			if err != io.EOF || string(got) != text {
				t.Fatalf("by %d bytes: %d bytes, %v; sent %d", size, len(got), err, len(text))
			}
			wantMessage(t, c, websocket.MessageBinary, "next")
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
		synctest.Wait()             // until the first part is written
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
		begun := make(chan struct{})
		go func() {
			io.WriteString(w, "begin ")
			close(begun)
		}()
		_, _, err = server.Read(timeout(t, time.Second))
		wantIs(t, err, errDeadline)
		go func() {
			<-begun // one goroutine writes a message at a time
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
