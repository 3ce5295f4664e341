package websocket_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// inLine waits until n writes wait.
func inLine(t *testing.T, c *websocket.Conn, n int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); c.InLine() != n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d writes wait, want %d", c.InLine(), n)
		}
	}
}

// joining runs f for both roles over TCP, where writes are joined.
func joining(t *testing.T, f func(t *testing.T, c *websocket.Conn, p *peer)) {
	inRoles(t, func(t *testing.T, c *websocket.Conn, p *peer) {
		if c.Joins() {
			f(t, c, p)
		}
	})
}

func TestWritesThatWaitLeaveTogether(t *testing.T) {
	joining(t, func(t *testing.T, c *websocket.Conn, p *peer) {
		letGo := c.HoldWrites()
		const n = 5
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				msg := fmt.Sprintf("message %d", i)
				var err error
				if i%2 == 0 {
					err = c.Write(bg, websocket.MessageText, []byte(msg))
				} else {
					err = c.WritePrepared(bg, websocket.Prepare(websocket.MessageText, []byte(msg)))
				}
				if err != nil {
					t.Error(err)
				}
			})
			inLine(t, c, i+1)
		}
		// The end of the write before sends them all, in their order.
		if left, _ := letGo(); left != 0 {
			t.Errorf("%d of the writes are left waiting", left)
		}
		for i := range n {
			p.want(frame{op: proto.Text, fin: true, payload: fmt.Sprintf("message %d", i)})
		}
		wg.Wait()
	})
}

func TestAWriteThatCannotBeJoinedKeepsItsPlace(t *testing.T) {
	joining(t, func(t *testing.T, c *websocket.Conn, p *peer) {
		large := strings.Repeat("large ", 10_000)
		messages := []string{"first", "second", large, "fourth"}
		letGo := c.HoldWrites()
		var wg sync.WaitGroup
		for i, m := range messages {
			wg.Go(func() {
				if err := c.Write(bg, websocket.MessageText, []byte(m)); err != nil {
					t.Error(err)
				}
			})
			inLine(t, c, i+1)
		}
		if left, _ := letGo(); left != 2 {
			t.Errorf("%d writes are left, want the large one and that after it", left)
		}
		for _, m := range messages {
			if got, err := p.read(); err != nil || got.payload != m {
				t.Fatalf("got %.20q, %v; want %.20q", got.payload, err, m)
			}
		}
		wg.Wait()
	})
}

func TestAWriteThatIsCancelledInLineLeavesTheConnectionGood(t *testing.T) {
	joining(t, func(t *testing.T, c *websocket.Conn, p *peer) {
		letGo := c.HoldWrites()
		ctx, cancel := context.WithCancel(bg)
		gone := async(func() error { return c.Write(ctx, websocket.MessageText, []byte("cancelled")) })
		inLine(t, c, 1)
		sent := async(func() error { return c.Write(bg, websocket.MessageText, []byte("sent")) })
		inLine(t, c, 2)
		cancel()
		wantIs(t, gone(), context.Canceled)
		letGo()
		p.want(frame{op: proto.Text, fin: true, payload: "sent"})
		if err := sent(); err != nil {
			t.Error(err)
		}
	})
}

// TestWritesThatFindNoRoom has more wait than the network takes at once: what was begun is brought to its end by its own
// writer, and what was not stays in line.
func TestWritesThatFindNoRoom(t *testing.T) {
	joining(t, func(t *testing.T, c *websocket.Conn, p *peer) {
		const n = 500 // 7.5 MB: more than the kernel holds
		want := make(map[string]bool)
		var wg sync.WaitGroup
		letGo := c.HoldWrites()
		for i := range n {
			m := fmt.Sprint(i, strings.Repeat("x", 15_000))
			want[m] = true
			wg.Go(func() {
				if err := c.Write(bg, websocket.MessageText, []byte(m)); err != nil {
					t.Error(err)
				}
			})
		}
		inLine(t, c, n)
		letGo()
		for range n {
			got, err := p.read()
			if err != nil || !want[got.payload] {
				t.Fatalf("got %.20q (%d bytes), %v", got.payload, len(got.payload), err)
			}
			delete(want, got.payload)
		}
		wg.Wait()
	})
}

// TestAWriteThatWasBegunByAnotherAndIsCancelledClosesTheConnection has messages sent along until one of them finds room for a
// part of it alone.
func TestAWriteThatWasBegunByAnotherAndIsCancelledClosesTheConnection(t *testing.T) {
	joining(t, func(t *testing.T, c *websocket.Conn, _ *peer) {
		ctx, cancel := context.WithCancel(bg)
		defer cancel()
		for {
			letGo := c.HoldWrites()
			const n = 4
			errs := make(chan error, n)
			for i := range n {
				go func() { errs <- c.Write(ctx, websocket.MessageBinary, make([]byte, 16_000)) }()
				inLine(t, c, i+1)
			}
			left, begun := letGo()
			cancelled := 0
			if left > 0 || begun {
				cancel()
			}
			for range n {
				if err := <-errs; errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed) {
					cancelled++
				} else if err != nil {
					t.Error(err)
				}
			}
			if left == 0 && !begun {
				continue // there was room for all
			}
			if cancelled == 0 || begun && !c.Closed() {
				t.Errorf("%d cancelled; the connection is closed: %v", cancelled, c.Closed())
			}
			return
		}
	})
}
