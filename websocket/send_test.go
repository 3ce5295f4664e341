package websocket_test

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// TestSentMessagesKeepTheirOrder sends in all ways there are, of all sizes, and reads late.
func TestSentMessagesKeepTheirOrder(t *testing.T) {
	for _, mode := range append(modes, websocket.CompressionDisabled) {
		d, a := compressing(mode, 0)
		a.SendLimit, d.SendLimit = 16<<20, 16<<20
		client, server := pairOf(t, d, a)
		text := func(i int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%d,", i), i*i*i%5000) }
		const n = 300
		client.SetReadLimit(-1)
		for _, c := range []*testConn{{Conn: client}, handled(t, server)} {
			to := messageSource(c)
			from := server
			if c.Conn == server {
				from = client
			}
			sent := async(func() error {
				for i := range n {
					var err error
					switch i % 5 {
					case 0:
						err = from.Write(bg, websocket.MessageText, text(i))
					case 1:
						err = from.SendPrepared(websocket.Prepare(websocket.MessageText, text(i)))
					default:
						data := text(i)
						err = from.Send(websocket.MessageText, data)
						clear(data) // it is the caller's again
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
			for i := range n {
				wantMessage(t, to, websocket.MessageText, string(text(i)))
			}
			if err := sent(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestSendByMany(t *testing.T) {
	inModes(t, func(t *testing.T, c *testConn, p *peer) {
		const senders, each = 10, 100
		var wg sync.WaitGroup
		for i := range senders {
			wg.Go(func() {
				for k := range each {
					send := c.Send
					if k%7 == 0 {
						send = func(typ websocket.MessageType, p []byte) error { return c.Write(bg, typ, p) }
					}
					if err := send(websocket.MessageText, fmt.Appendf(nil, "%d %d", i, k)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		var next [senders]int
		for range senders * each {
			f, err := p.read()
			if err != nil {
				t.Fatal(err)
			}
			var i, k int
			if fmt.Sscan(f.payload, &i, &k); next[i] != k {
				t.Fatalf("message %d of sender %d comes when %d should", k, i, next[i])
			}
			next[i]++
		}
		wg.Wait()
	})
}

// TestSendToASlowPeer sends until there is no room.
func TestSendToASlowPeer(t *testing.T) {
	for _, policy := range []websocket.SlowPeerPolicy{websocket.SlowPeerClose, websocket.SlowPeerDrop} {
		o := websocket.AcceptOptions{SendLimit: 50_000, SlowPeer: policy, KeepaliveInterval: -1}
		inModesWith(t, &websocket.DialOptions{SendLimit: o.SendLimit, SlowPeer: policy, KeepaliveInterval: -1}, &o, func(t *testing.T, c *testConn, p *peer) {
			message := bytes.Repeat([]byte("m"), 5000)
			sent := 0
			for {
				err := c.Send(websocket.MessageText, message)
				if err != nil {
					wantIs(t, err, websocket.ErrSendLimit)
					break
				}
				sent++
			}
			if queued := c.Queued(); queued > 50_000 {
				t.Errorf("%d bytes are queued", queued)
			}
			for range sent {
				p.want(frame{op: proto.Text, fin: true, payload: string(message)})
			}
			if policy == websocket.SlowPeerClose {
				p.want(frame{op: proto.Close, fin: true, code: 1013, payload: "too slow"})
				p.sendFrame(proto.Close, true, "\x03\xf5")
				p.wantEOF()
				_, _, err := c.Read(bg)
				wantIs(t, err, websocket.ErrSendLimit)
				wantIs(t, c.Send(websocket.MessageText, nil), net.ErrClosed)
				return
			}
			for c.Send(websocket.MessageText, []byte("again")) != nil {
			}
			p.want(frame{op: proto.Text, fin: true, payload: "again"})
		})
	}
}

func TestSendWhileAMessageIsBeingWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t)
		w, err := server.Writer(bg, websocket.MessageText)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := server.Send(websocket.MessageText, []byte("behind it")); err != nil {
				t.Fatal(err)
			}
		}
		if n := server.Queued(); n != 27 {
			t.Errorf("%d bytes are queued", n)
		}
		go func() {
			w.Write([]byte("it"))
			w.Close()
		}()
		for _, want := range []string{"it", "behind it", "behind it", "behind it"} {
			wantMessage(t, client, websocket.MessageText, want)
		}
		synctest.Wait()
		if n := server.Queued(); n != 0 {
			t.Errorf("%d bytes are still queued", n)
		}
	})
}

func TestSendOfWhatCannotBeSent(t *testing.T) {
	client, server := pair(t)
	if server.Send(0, nil) == nil || server.SendPrepared(websocket.Prepare(77, nil)) == nil {
		t.Error("messages without a type were sent")
	}
	client.CloseNow()
	readErr(server)()
	wantIs(t, server.Send(websocket.MessageText, nil), net.ErrClosed)
	wantIs(t, server.SendPrepared(websocket.Prepare(websocket.MessageText, nil)), net.ErrClosed)
}
