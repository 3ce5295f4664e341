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
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

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
