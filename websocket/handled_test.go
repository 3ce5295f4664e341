package websocket_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"

	"github.com/seed-4a326f83/parley/websocket"
)

// A testConn lets tests written for blocking mode run in event mode, too.
type testConn struct {
	*websocket.Conn
	in *inbox // nil in blocking mode
}

// handled puts c in event mode.
func handled(t *testing.T, c *websocket.Conn) *testConn {
	t.Helper()
	in := &inbox{more: make(chan struct{}, 1), ended: make(chan struct{})}
	if err := c.Handle(in); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.CloseNow()
		<-in.ended
	})
	return &testConn{c, in}
}

// An inbox is a Handler that keeps messages for Read.
type inbox struct {
	mu       sync.Mutex
	messages []websocket.Message
	err      error
	more     chan struct{}
	ended    chan struct{}
}

func (in *inbox) OnMessage(_ *websocket.Conn, typ websocket.MessageType, data []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err != nil {
		panic("a message after the end")
	}
	in.messages = append(in.messages, websocket.Message{Type: typ, Data: append([]byte{}, data...)})
	clear(data) // it was good until now
	select {
	case in.more <- struct{}{}:
	default:
	}
}

func (in *inbox) OnClose(_ *websocket.Conn, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err != nil {
		panic("two ends")
	}
	in.err = err
	close(in.ended)
}

func (c *testConn) Read(ctx context.Context) (websocket.MessageType, []byte, error) {
	if c.in == nil {
		return c.Conn.Read(ctx)
	}
	if _, _, err := c.Conn.Read(ctx); !errors.Is(err, websocket.ErrHandled) && !errors.Is(err, net.ErrClosed) {
		return 0, nil, fmt.Errorf("reading what is handled: %w", err)
	}
	for {
		c.in.mu.Lock()
		if len(c.in.messages) > 0 {
			m := c.in.messages[0]
			c.in.messages = c.in.messages[1:]
			c.in.mu.Unlock()
			return m.Type, m.Data, nil
		}
		err := c.in.err
		c.in.mu.Unlock()
		if err != nil {
			return 0, nil, err
		}
		select {
		case <-c.in.more:
		case <-c.in.ended:
		case <-ctx.Done():
			return 0, nil, ctx.Err()
		}
	}
}

// Close waits for the end, as Conn.Close does in blocking mode.
func (c *testConn) Close(code websocket.StatusCode, reason string) error {
	err := c.Conn.Close(code, reason)
	if c.in == nil || err != nil {
		return err
	}
	<-c.in.ended
	if websocket.CloseStatus(c.in.err) == -1 {
		return c.in.err
	}
	return nil
}

// misbehave has reads of event mode cut at random, and writes find no room at random, for the rest of the test.
func misbehave(t *testing.T) {
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(1, uint64(len(t.Name()))))
	some := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		switch rng.IntN(4) {
		case 0:
			return 0
		case 1:
			return min(n, 1+rng.IntN(5))
		case 2:
			return 1 + rng.IntN(n)
		default:
			return n
		}
	}
	t.Cleanup(websocket.Misbehave(some, some))
}
