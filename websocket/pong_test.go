package websocket_test

import (
	"context"
	"testing"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/wstest"
)

func TestUnsolicitedPong(t *testing.T) {
	pongs := make(chan string, 2)
	client, server, err := wstest.Pair(&websocket.DialOptions{
		OnPongReceived: func(_ context.Context, p []byte) { pongs <- string(p) },
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseNow()
	defer server.CloseNow()
	client.CloseRead(t.Context())
	for _, payload := range []string{"", "still here"} {
		if err := server.Pong(t.Context(), []byte(payload)); err != nil {
			t.Fatal(err)
		}
		if got := <-pongs; got != payload {
			t.Errorf("the pong says %q, want %q", got, payload)
		}
	}
	if server.Pong(t.Context(), make([]byte, 126)) == nil {
		t.Error("a pong of 126 bytes was sent")
	}
}
