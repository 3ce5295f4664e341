package websocket_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/seed-4a326f83/parley/websocket"
)

func TestEchoOverTCP(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		for {
			typ, p, err := c.Read(context.Background())
			if err != nil {
				return
			}
			if c.Write(context.Background(), typ, p) != nil {
				return
			}
		}
	}))
	defer srv.Close()
	c, _, err := websocket.Dial(t.Context(), srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 5, 125, 126, 65535, 65536, 1 << 20} {
		want := make([]byte, n)
		if err := c.Write(t.Context(), websocket.MessageBinary, want); err != nil {
			t.Fatal(err)
		}
		_, p, err := c.Read(t.Context())
		if err != nil || len(p) != n {
			t.Fatal(len(p), n, err)
		}
	}
	if err := c.Close(websocket.StatusNormalClosure, "bye"); err != nil {
		t.Fatal(err)
	}
}
