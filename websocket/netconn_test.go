package websocket_test

import (
	"bufio"
	"context"
	"encoding/gob"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

func netPair(t *testing.T) (client, server net.Conn) {
	c, s := pair(t)
	return websocket.NetConn(bg, c, websocket.MessageBinary), websocket.NetConn(bg, s, websocket.MessageBinary)
}

func TestNetConnIsAStream(t *testing.T) {
	client, server := netPair(t)
	want := strings.Repeat("a line of a stream\n", 200_000) // over the read limit, were there one
	go func() {
		io.Copy(client, strings.NewReader(want))
		client.Close()
	}()
	var got strings.Builder
	if _, err := io.Copy(&got, bufio.NewReaderSize(server, 777)); err != nil || got.String() != want {
		t.Fatal(err, got.Len())
	}
	if n, err := server.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatal(n, err)
	}
}

func TestNetConnWithAProtocolOnTop(t *testing.T) {
	client, server := netPair(t)
	go func() {
		enc := gob.NewEncoder(client)
		for i := range 10 {
			enc.Encode(map[string]int{"n": i})
		}
		client.Write(nil)
	}()
	dec := gob.NewDecoder(server)
	for i := range 10 {
		var got map[string]int
		if err := dec.Decode(&got); err != nil || got["n"] != i {
			t.Fatal(got, err)
		}
	}
}

func TestNetConnOfTheWrongMessageType(t *testing.T) {
	client, server := pair(t)
	nc := websocket.NetConn(bg, server, websocket.MessageBinary)
	go client.Write(bg, websocket.MessageText, []byte("text"))
	closed := readErr(client)
	if _, err := nc.Read(make([]byte, 10)); err == nil || err == io.EOF {
		t.Fatal(err)
	}
	if err := closed(); websocket.CloseStatus(err) != websocket.StatusUnsupportedData {
		t.Fatal(err)
	}
}

func TestNetConnClosedWithAnErrorIsNoEOF(t *testing.T) {
	client, server := pair(t)
	nc := websocket.NetConn(bg, server, websocket.MessageBinary)
	go client.Close(4000, "")
	_, err := nc.Read(make([]byte, 10))
	if websocket.CloseStatus(err) != 4000 {
		t.Fatal(err)
	}
}

func TestNetConnDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := netPair(t)
		buf := make([]byte, 3)
		start := time.Now()

		// A read deadline leaves the stream as it was, in the middle of a message, too.
		server.SetReadDeadline(time.Now().Add(time.Second))
		go client.Write([]byte("abcdef"))
		io.ReadFull(server, buf[:2])
		server.SetReadDeadline(time.Now().Add(-1))
		synctest.Wait()
		_, err := server.Read(buf)
		if err != os.ErrDeadlineExceeded {
			t.Fatal(err)
		}
		if e, ok := err.(net.Error); !ok || !e.Timeout() {
			t.Fatalf("%T", err)
		}
		server.SetReadDeadline(time.Time{})
		for _, want := range []string{"cde", "f"} {
			if n, err := server.Read(buf); err != nil || string(buf[:n]) != want {
				t.Fatalf("%q, %v", buf[:n], err)
			}
		}

		// A deadline that is moved while a read waits.
		late := async(func() error { _, err := server.Read(buf); return err })
		synctest.Wait()
		server.SetDeadline(time.Now().Add(time.Second))
		server.SetDeadline(time.Now().Add(2 * time.Second))
		wantIs(t, late(), os.ErrDeadlineExceeded)
		wantTime(t, time.Since(start), 2*time.Second)
		server.SetDeadline(time.Time{})

		// A write that nobody takes.
		client.SetWriteDeadline(time.Now().Add(time.Second))
		_, err = client.Write([]byte("x"))
		wantIs(t, err, os.ErrDeadlineExceeded)
		wantTime(t, time.Since(start), 3*time.Second)
	})
}

func TestNetConnEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := pair(t)
		ctx, cancel := context.WithCancel(bg)
		nc := websocket.NetConn(ctx, client, websocket.MessageBinary)
		ended := async(func() error { _, err := nc.Read(make([]byte, 1)); return err })
		synctest.Wait()
		cancel()
		wantIs(t, ended(), context.Canceled)
		_, err := nc.Write([]byte("x"))
		wantIs(t, err, context.Canceled)
	})
}

func TestNetConnAddresses(t *testing.T) {
	url := serve(t, nil, echo)
	nc := websocket.NetConn(bg, dial(t, url, nil), websocket.MessageText)
	if "ws://"+nc.RemoteAddr().String() != url || nc.LocalAddr().String() == "" {
		t.Error(nc.RemoteAddr(), nc.LocalAddr())
	}
	if err := nc.Close(); err != nil {
		t.Error(err)
	}
	if _, err := nc.Read(make([]byte, 1)); err == nil {
		t.Error("read from a closed connection")
	}
}
