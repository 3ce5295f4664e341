package wstest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/wstest"
)

func TestPairTalksInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		client, server, err := wstest.Pair(&websocket.DialOptions{Subprotocols: []string{"a", "b"}}, &websocket.AcceptOptions{Subprotocols: []string{"b"}})
		if err != nil {
			t.Fatal(err)
		}
		if client.Subprotocol() != "b" || server.Subprotocol() != "b" {
			t.Error(client.Subprotocol(), server.Subprotocol())
		}
		go func() {
			for msg, err := range server.Messages(ctx) {
				if err != nil {
					return
				}
				server.Write(ctx, msg.Type, msg.Data)
			}
		}()
		if err := client.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, p, err := client.Read(ctx); err != nil || string(p) != "hello" {
			t.Fatal(string(p), err)
		}
		client.CloseRead(ctx)
		time.Sleep(10 * time.Minute) // the keepalive's clock is the bubble's
		if err := client.Close(websocket.StatusNormalClosure, ""); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPairTellsWhyThereIsNone(t *testing.T) {
	for name, tc := range map[string]struct {
		dial *websocket.DialOptions
		want string
	}{
		"refused by the server": {&websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"http://elsewhere"}}}, "elsewhere"},
		"wrong options":         {&websocket.DialOptions{Subprotocols: []string{"a b"}}, "a b"},
	} {
		client, server, err := wstest.Pair(tc.dial, nil)
		if err == nil || client != nil || server != nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
