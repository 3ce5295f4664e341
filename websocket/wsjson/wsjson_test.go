package wsjson_test

import (
	"context"
	"testing"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/wsjson"
	"github.com/seed-4a326f83/parley/websocket/wstest"
)

type order struct {
	Item string `json:"item"`
	N    int    `json:"n"`
}

func pair(t *testing.T) (client, server *websocket.Conn) {
	client, server, err := wstest.Pair(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.CloseNow()
		server.CloseNow()
	})
	return client, server
}

func TestRoundTrip(t *testing.T) {
	client, server := pair(t)
	ctx := context.Background()
	want := order{"<tea>", 2}
	go wsjson.Write(ctx, client, want)
	var got order
	if err := wsjson.Read(ctx, server, &got); err != nil || got != want {
		t.Fatal(got, err)
	}
	go wsjson.Write(ctx, client, want)
	if typ, _, err := server.Read(ctx); err != nil || typ != websocket.MessageText {
		t.Fatal(typ, err)
	}
}

func TestWhatIsNotTheJSONExpectedLeavesTheConnectionGood(t *testing.T) {
	client, server := pair(t)
	ctx := context.Background()
	for _, bad := range []string{"", "{", `{"n":"two"}`, "[]", "{}{}"} {
		go client.Write(ctx, websocket.MessageText, []byte(bad))
		var got order
		if err := wsjson.Read(ctx, server, &got); err == nil {
			t.Errorf("%q was read as %+v", bad, got)
		}
	}
	if err := wsjson.Write(ctx, client, func() {}); err == nil {
		t.Error("a function was sent")
	}
	go wsjson.Write(ctx, client, order{N: 1})
	var got order
	if err := wsjson.Read(ctx, server, &got); err != nil || got.N != 1 {
		t.Fatal(got, err)
	}
}

func TestReadOfAClosedConnection(t *testing.T) {
	client, server := pair(t)
	go client.Close(4000, "")
	var got order
	if err := wsjson.Read(context.Background(), server, &got); websocket.CloseStatus(err) != 4000 {
		t.Fatal(err)
	}
}
