package websocket_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"

	"github.com/seed-4a326f83/parley/websocket"
)

func TestMessagesEndsQuietlyWithANormalClose(t *testing.T) {
	for code, quiet := range map[websocket.StatusCode]bool{1000: true, 1001: true, 1011: false, 4000: false} {
		client, server := pair(t)
		go func() {
			client.Write(bg, websocket.MessageText, []byte("a"))
			client.Write(bg, websocket.MessageBinary, []byte("b"))
			client.Close(code, "")
		}()
		got, last := "", error(nil)
		for msg, err := range server.Messages(bg) {
			got += msg.Type.String() + string(msg.Data) + " "
			last = err
		}
		if quiet {
			if got != "MessageTexta MessageBinaryb " || last != nil {
				t.Errorf("%d: %q, %v", code, got, last)
			}
		} else if websocket.CloseStatus(last) != code {
			t.Errorf("%d: %v", code, last)
		}
	}
}

func TestMessagesLeavesTheConnectionGood(t *testing.T) {
	client, server := pair(t)
	ctx, cancel := context.WithCancel(bg)
	cancel()
	n := 0
	for _, err := range server.Messages(ctx) {
		wantIs(t, err, context.Canceled)
		n++
	}
	go func() {
		for _, s := range []string{"a", "b"} {
			client.Write(bg, websocket.MessageText, []byte(s))
		}
	}()
	for msg, err := range server.Messages(bg) {
		if err != nil || string(msg.Data) != "a" {
			t.Fatal(msg, err)
		}
		break
	}
	wantMessage(t, server, websocket.MessageText, "b")
	if n != 1 {
		t.Fatalf("%d errors", n)
	}
}

func TestCloseReadAnswersPingsAndNoticesTheEnd(t *testing.T) {
	client, server := pair(t)
	ctx := server.CloseRead(bg)
	if ctx != server.CloseRead(context.Background()) {
		t.Error("another context from the second call")
	}
	client.CloseRead(bg)
	for range 3 {
		if err := client.Ping(bg); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := server.Read(bg); !errors.Is(err, websocket.ErrConcurrentRead) {
		t.Fatal(err)
	}
	if err := client.Close(4321, ""); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if websocket.CloseStatus(context.Cause(ctx)) != 4321 {
		t.Fatal(context.Cause(ctx))
	}
}

func TestCloseReadRefusesMessages(t *testing.T) {
	client, server := pair(t)
	ctx := server.CloseRead(bg)
	go client.Write(bg, websocket.MessageText, []byte("not expected"))
	if _, _, err := client.Read(bg); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Fatal(err)
	}
	<-ctx.Done()
	if err := context.Cause(ctx); err == nil || errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestCloseReadEndsWithItsContextAndLeavesTheConnectionGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t)
		parent, cancel := context.WithCancel(bg)
		ctx := server.CloseRead(parent)
		synctest.Wait()
		cancel()
		<-ctx.Done()
		synctest.Wait()
		go client.Write(bg, websocket.MessageText, []byte("hello"))
		wantMessage(t, server, websocket.MessageText, "hello")
	})
}

func TestCloseReadOfAConnectionThatDrops(t *testing.T) {
	inRoles(t, func(t *testing.T, c *websocket.Conn, p *peer) {
		ctx := c.CloseRead(bg)
		p.nc.Close()
		<-ctx.Done()
		wantIs(t, context.Cause(ctx), io.EOF)
		wantIs(t, context.Cause(ctx), net.ErrClosed)
	})
}
