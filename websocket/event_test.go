package websocket_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/poll"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// handlerFuncs is a Handler of functions.
type handlerFuncs struct {
	message func(c *websocket.Conn, typ websocket.MessageType, data []byte)
	close   func(c *websocket.Conn, err error)
}

func (h handlerFuncs) OnMessage(c *websocket.Conn, typ websocket.MessageType, data []byte) {
	if h.message != nil {
		h.message(c, typ, data)
	}
}

func (h handlerFuncs) OnClose(c *websocket.Conn, err error) {
	if h.close != nil {
		h.close(c, err)
	}
}

// echoes is a Handler that sends everything back.
var echoes = handlerFuncs{message: func(c *websocket.Conn, typ websocket.MessageType, data []byte) {
	c.Write(bg, typ, data)
}}

// parkedServer returns a server's connection that has been given to h, and its peer.
func parkedServer(t *testing.T, on network, o websocket.AcceptOptions, h websocket.Handler) (*websocket.Conn, *peer) {
	t.Helper()
	near, far := on.pipe(t)
	c := websocket.ServerConn(near, o)
	if err := c.Handle(h); err != nil {
		t.Fatal(err)
	}
	if c.Parked() != on.parks {
		t.Fatalf("in event mode without a goroutine: %v", c.Parked())
	}
	t.Cleanup(func() {
		c.CloseNow()
		far.Close()
	})
	return c, &peer{t: t, nc: far, masks: true, machine: proto.New(proto.Config{Role: proto.Client, Limit: -1})}
}

// serveHandled runs a server whose connections are given to h, and returns its URL and the options to dial it with.
func serveHandled(t *testing.T, secure bool, opts *websocket.AcceptOptions, h websocket.Handler) (string, websocket.DialOptions) {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, opts)
		if err != nil {
			return
		}
		c.SetReadLimit(-1)
		if err := c.Handle(h); err != nil {
			t.Error(err)
		}
		if c.Parked() != poll.Supported {
			t.Error("the connection still has a goroutine")
		}
	}))
	srv.Listener = websocket.NewListener(srv.Listener)
	t.Cleanup(srv.Close)
	if !secure {
		srv.Start()
		return "ws" + strings.TrimPrefix(srv.URL, "http"), websocket.DialOptions{}
	}
	srv.StartTLS()
	return "wss" + strings.TrimPrefix(srv.URL, "https"), websocket.DialOptions{HTTPClient: srv.Client()}
}

// TestEventEcho has clients of every kind talk to a handler, with messages of many sizes, several at a time.
func TestEventEcho(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T){"whole": func(*testing.T) {}, "in pieces": misbehave} {
		for _, mode := range append(modes, websocket.CompressionDisabled) {
			testEventEcho(t, fmt.Sprintf("tcp/%s/compression %d", name, mode), false, mode, prepare)
			testEventEcho(t, fmt.Sprintf("tls/%s/compression %d", name, mode), true, mode, prepare)
		}
	}
}

func testEventEcho(t *testing.T, name string, secure bool, mode websocket.CompressionMode, prepare func(t *testing.T)) {
	t.Run(name, func(t *testing.T) {
		prepare(t)
		d, a := compressing(mode, 0)
		h := handlerFuncs{message: echoes.message, close: func(_ *websocket.Conn, err error) {
			if websocket.CloseStatus(err) != 4000 {
				t.Errorf("OnClose got %v", err)
			}
		}}
		url, opts := serveHandled(t, secure, a, h)
		d.HTTPClient = opts.HTTPClient
		var wg sync.WaitGroup
		for i := range 8 {
			c := dial(t, url, d)
			c.SetReadLimit(-1)
			const n = 60
			text := func(k int) string { return strings.Repeat(fmt.Sprint(k, i, "|"), k*k*k/20) }
			wg.Go(func() {
				for k := range n {
					if err := c.Write(bg, websocket.MessageText, []byte(text(k))); err != nil {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				for k := range n {
					_, got, err := c.Read(bg)
					if err != nil || string(got) != text(k) {
						t.Errorf("message %d comes back as %.40q, %v", k, got, err)
						break
					}
				}
				if err := c.Close(4000, ""); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

// TestEventLargeMessages sends both ways at once what no buffer between holds.
func TestEventLargeMessages(t *testing.T) {
	for name, secure := range map[string]bool{"tcp": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			url, opts := serveHandled(t, secure, nil, echoes)
			for _, size := range []int{100 << 10, 1<<20 + 1, 16 << 20} {
				c := dial(t, url, &opts)
				c.SetReadLimit(-1)
				msg := bytes.Repeat([]byte("0123456789abcde\n"), size/16+1)[:size]
				go func() {
					for range 3 {
						c.Write(bg, websocket.MessageText, msg)
					}
				}()
				for range 3 {
					typ, got, err := c.Read(bg)
					if err != nil || typ != websocket.MessageText || !bytes.Equal(got, msg) {
						t.Fatalf("%d of %d bytes, %v", len(got), len(msg), err)
					}
				}
				c.Close(websocket.StatusNormalClosure, "")
			}
		})
	}
}

// TestEventLargeFramesInParts stops sending where the network is to tell of more, or of less, and goes on with what is small.
func TestEventLargeFramesInParts(t *testing.T) {
	overSockets(t, func(t *testing.T, on network) {
		c, p := parkedServer(t, on, acceptQuiet, handlerFuncs{
			message: func(c *websocket.Conn, typ websocket.MessageType, data []byte) {
				c.Write(bg, typ, fmt.Append(nil, len(data), crc32.ChecksumIEEE(data)))
			}})
		c.SetReadLimit(-1)
		for _, size := range []int{512<<10 - 1, 512 << 10, 512<<10 + 14, 2<<20 + 1, 5 << 20} {
			data := strings.Repeat("0123456789abcdefghi\n", size/20+1)[:size]
			for _, rest := range []int{size, size - 1, 2<<20 + 1, 2<<20 - 1, 512 << 10, 64 << 10, 4096, 1} {
				frame := p.encode(proto.Binary, true, data)
				stop := max(len(frame)-rest, 1)
				p.send(frame[:stop])
				runtime.Gosched()
				p.send(append(frame[stop:], p.encode(proto.Ping, true, "then")...))
				answers := map[proto.Opcode]string{}
				for range 2 {
					f, err := p.read()
					if err != nil {
						t.Fatal(err)
					}
					answers[f.op] = f.payload
				}
				want := fmt.Sprint(size, crc32.ChecksumIEEE([]byte(data)))
				if answers[proto.Binary] != want || answers[proto.Pong] != "then" {
					t.Fatalf("%d bytes, the last %d by themselves: %q", size, rest, answers)
				}
			}
		}
	})
}

// TestEventBadTextInALargeFrame: the rest of the frame does not come, and is not waited for (RFC 6455 section 8.1).
func TestEventBadTextInALargeFrame(t *testing.T) {
	overSockets(t, func(t *testing.T, on network) {
		for _, size := range []int{5000, 300 << 10, 700 << 10, 2900 << 10} {
			c, p := parkedServer(t, on, acceptQuiet, handlerFuncs{})
			c.SetReadLimit(-1)
			frame := p.encode(proto.Text, true, strings.Repeat("x", size)+"\xff"+strings.Repeat("x", 3<<20))
			p.send(frame[:size/2])
			runtime.Gosched()
			p.send(frame[size/2 : size+1000])
			p.wantEnd(websocket.StatusInvalidFramePayloadData)
		}
	})
}

func TestEventHandlerThatBlocksDelaysNoOther(t *testing.T) {
	overSockets(t, func(t *testing.T, on network) {
		release := make(chan struct{})
		const stuck = 20
		entered := make(chan struct{}, stuck)
		var peers []*peer
		for range stuck {
			_, p := parkedServer(t, on, acceptQuiet, handlerFuncs{message: func(*websocket.Conn, websocket.MessageType, []byte) {
				entered <- struct{}{}
				<-release
			}})
			peers = append(peers, p)
		}
		defer close(release)
		var quick []*peer // some with each poller
		for range 8 {
			_, p := parkedServer(t, on, acceptQuiet, echoes)
			quick = append(quick, p)
		}
		for _, p := range peers {
			p.sendFrame(proto.Text, true, "block")
			for _, q := range quick {
				q.sendFrame(proto.Text, true, "go on")
			}
			for _, q := range quick {
				q.want(frame{op: proto.Text, fin: true, payload: "go on"})
			}
		}
		for range stuck {
			<-entered
		}
	})
}

func TestEventAnswersToOnePacketLeaveInOne(t *testing.T) {
	overParked(t, func(t *testing.T, on network) {
		if !poll.Supported {
			return
		}
		var writes atomic.Int32
		t.Cleanup(websocket.Misbehave(func(n int) int { return n }, func(n int) int {
			writes.Add(1)
			return n
		}))
		_, p := parkedServer(t, on, acceptQuiet, echoes)
		// A first message, so that the poller is not careful because of a test before.
		p.sendFrame(proto.Text, true, "x")
		p.want(frame{op: proto.Text, fin: true, payload: "x"})
		for {
			writes.Store(0)
			var packet []byte
			for i := range 20 {
				packet = append(packet, p.encode(proto.Text, true, fmt.Sprint(i))...)
				packet = append(packet, p.encode(proto.Ping, true, "p")...)
			}
			p.send(packet)
			for i := range 20 {
				p.want(frame{op: proto.Text, fin: true, payload: fmt.Sprint(i)})
				p.want(frame{op: proto.Pong, fin: true, payload: "p"})
			}
			if writes.Load() == 1 {
				return
			}
		}
	})
}

// TestEventSlowHandlerHoldsNothingBack answers, and then goes on for as long as the peer has not got the answer.
func TestEventSlowHandlerHoldsNothingBack(t *testing.T) {
	overSockets(t, func(t *testing.T, on network) {
		arrived := make(chan struct{})
		_, p := parkedServer(t, on, acceptQuiet, handlerFuncs{message: func(c *websocket.Conn, typ websocket.MessageType, data []byte) {
			c.Write(bg, typ, []byte("working on it"))
			<-arrived
			c.Write(bg, typ, []byte("done"))
		}})
		p.sendFrame(proto.Text, true, "work")
		p.want(frame{op: proto.Text, fin: true, payload: "working on it"})
		close(arrived)
		p.want(frame{op: proto.Text, fin: true, payload: "done"})
	})
}

func TestEventCloseFromWithinTheHandler(t *testing.T) {
	ends := make(chan error, 1)
	h := handlerFuncs{
		message: func(c *websocket.Conn, typ websocket.MessageType, data []byte) {
			c.Write(bg, typ, []byte("goodbye"))
			if err := c.Close(4001, "enough"); err != nil {
				t.Error(err)
			}
			wantIs(t, c.Write(bg, typ, nil), net.ErrClosed)
			wantIs(t, c.Close(4002, ""), net.ErrClosed)
		},
		close: func(_ *websocket.Conn, err error) { ends <- err },
	}
	overAll(t, func(t *testing.T, on network) {
		_, p := parkedServer(t, on, acceptQuiet, h)
		p.sendFrame(proto.Text, true, "hello")
		p.want(frame{op: proto.Text, fin: true, payload: "goodbye"})
		p.want(frame{op: proto.Close, fin: true, code: 4001, payload: "enough"})
		p.sendFrame(proto.Text, true, "too late")
		p.sendFrame(proto.Close, true, "\x0f\xa1")
		if _, err := p.read(); err != io.EOF {
			t.Errorf("after the close handshake: %v", err)
		}
		if err := <-ends; websocket.CloseStatus(err) != 4001 {
			t.Errorf("OnClose got %v", err)
		}
	})
}

func TestEventCloseNowSendsWhatWasWritten(t *testing.T) {
	overSockets(t, func(t *testing.T, on network) {
		ends := make(chan error, 1)
		_, p := parkedServer(t, on, acceptQuiet, handlerFuncs{
			message: func(c *websocket.Conn, typ websocket.MessageType, data []byte) {
				c.Write(bg, typ, []byte("last words"))
				c.CloseNow()
			},
			close: func(_ *websocket.Conn, err error) { ends <- err },
		})
		p.sendFrame(proto.Text, true, "hello")
		p.want(frame{op: proto.Text, fin: true, payload: "last words"})
		if _, err := p.read(); err != io.EOF {
			t.Errorf("after CloseNow: %v", err)
		}
		wantIs(t, <-ends, net.ErrClosed)
	})
}

func TestEventPeerThatDoesNotAnswerTheClose(t *testing.T) {
	overParked(t, func(t *testing.T, on network) {
		ends := make(chan error, 1)
		c, p := parkedServer(t, on, acceptQuiet, handlerFuncs{close: func(_ *websocket.Conn, err error) { ends <- err }})
		if err := c.Close(1000, ""); err != nil {
			t.Fatal(err)
		}
		p.want(frame{op: proto.Close, fin: true, code: 1000})
		c.Hurry()
		wantIs(t, <-ends, net.ErrClosed)
		if _, err := p.read(); err == nil || err == io.EOF {
			t.Errorf("the connection was closed with %v, want a reset", err)
		}
	})
}

func TestEventPeerThatDoesNotGoAfterAnError(t *testing.T) {
	overParked(t, func(t *testing.T, on network) {
		ends := make(chan error, 1)
		c, p := parkedServer(t, on, acceptQuiet, handlerFuncs{close: func(_ *websocket.Conn, err error) { ends <- err }})
		p.send([]byte{0xFF, 0xFF})
		if f, err := p.read(); f.code != int(websocket.StatusProtocolError) {
			t.Fatal(f, err)
		}
		if _, err := p.read(); err != io.EOF { // our direction is ended
			t.Fatal(err)
		}
		p.sendFrame(proto.Text, true, "nobody listens")
		c.Hurry()
		if err := <-ends; !strings.Contains(err.Error(), "1002") {
			t.Errorf("OnClose got %v", err)
		}
	})
}

func TestEventKeepalive(t *testing.T) {
	overParked(t, func(t *testing.T, on network) {
		ends := make(chan error, 2)
		o := websocket.AcceptOptions{KeepaliveInterval: 50 * time.Millisecond, KeepaliveTimeout: 50 * time.Millisecond}
		c, p := parkedServer(t, on, o, handlerFuncs{close: func(c *websocket.Conn, err error) {
			ends <- err
			c.Write(bg, websocket.MessageText, []byte("are you there?"))
			c.Close(4001, "heartbeat lost")
		}})
		for range 3 {
			ping, err := p.read()
			if err != nil || ping.op != proto.Ping {
				t.Fatal(ping, err)
			}
			p.sendFrame(proto.Pong, true, ping.payload)
		}
		if f, err := p.read(); f.op != proto.Ping {
			t.Fatal(f, err)
		}
		wantIs(t, <-ends, websocket.ErrKeepaliveTimeout)
		p.want(frame{op: proto.Text, fin: true, payload: "are you there?"})
		p.want(frame{op: proto.Close, fin: true, code: 4001, payload: "heartbeat lost"})
		c.Hurry()
		for !c.Closed() {
			runtime.Gosched()
		}
		if len(ends) > 0 {
			t.Errorf("OnClose again, with %v", <-ends)
		}
	})
}

func TestEventKeepaliveClosesForWhoDoesNot(t *testing.T) {
	overSockets(t, func(t *testing.T, on network) {
		o := websocket.AcceptOptions{KeepaliveInterval: time.Millisecond, KeepaliveTimeout: time.Millisecond}
		_, p := parkedServer(t, on, o, handlerFuncs{})
		for {
			f, err := p.read()
			if err != nil {
				t.Fatal(err)
			}
			if f.op == proto.Close {
				if f.code != int(websocket.StatusInternalError) || f.payload != "keepalive timeout" {
					t.Errorf("closed with %+v", f)
				}
				return
			}
		}
	})
}

// TestEventWritesWaitForASlowPeer fills what a peer that does not read makes wait.
func TestEventWritesWaitForASlowPeer(t *testing.T) {
	overParked(t, func(t *testing.T, on network) {
		c, p := parkedServer(t, on, acceptQuiet, handlerFuncs{})
		message := bytes.Repeat([]byte("m"), 10_000)
		sent := 0
		for {
			for ; c.Queued() <= 1<<20; sent++ { // as long as there is room, it does not wait
				if err := c.Write(bg, websocket.MessageBinary, message); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(bg, 20*time.Millisecond)
			err := c.Write(ctx, websocket.MessageBinary, message)
			cancel()
			if err != nil {
				wantIs(t, err, errDeadline)
				break
			}
			sent++ // the kernel has taken some more after all
		}
		if queued := c.Queued(); queued > 1<<20+2*len(message) {
			t.Errorf("%d bytes are queued", queued)
		}
		waiting := async(func() error { return c.Write(bg, websocket.MessageText, []byte("at last")) })
		for range sent {
			p.want(frame{op: proto.Binary, fin: true, payload: string(message)})
		}
		if err := waiting(); err != nil {
			t.Error(err)
		}
		p.want(frame{op: proto.Text, fin: true, payload: "at last"})
	})
}

// TestEventLargeWriteCancelled cancels a message of which half is out, and one of which nothing is.
func TestEventLargeWriteCancelled(t *testing.T) {
	overParked(t, func(t *testing.T, on network) {
		ends := make(chan error, 1)
		c, p := parkedServer(t, on, acceptQuiet, handlerFuncs{close: func(_ *websocket.Conn, err error) { ends <- err }})
		ctx, cancel := context.WithCancel(bg)
		large := async(func() error { return c.Write(ctx, websocket.MessageBinary, make([]byte, 32<<20)) })
		if _, err := p.nc.Read(make([]byte, 1)); err != nil { // so it has begun
			t.Fatal(err)
		}
		behind, cancelBehind := context.WithTimeout(bg, 20*time.Millisecond)
		defer cancelBehind()
		wantIs(t, c.Write(behind, websocket.MessageText, []byte("x")), errDeadline)
		if c.Closed() {
			t.Fatal("a write that had not begun closed the connection")
		}
		cancel()
		wantIs(t, large(), context.Canceled)
		wantIs(t, <-ends, context.Canceled)
	})
}

func TestEventManyWriters(t *testing.T) {
	overSockets(t, func(t *testing.T, on network) {
		c, p := parkedServer(t, on, acceptQuiet, handlerFuncs{})
		const writers, each = 20, 200
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for k := range each {
					if err := c.Write(bg, websocket.MessageText, fmt.Appendf(nil, "%d %d", i, k)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		var next [writers]int
		for range writers * each {
			f, err := p.read()
			if err != nil {
				t.Fatal(err)
			}
			var i, k int
			if fmt.Sscan(f.payload, &i, &k); next[i] != k {
				t.Fatalf("message %d of writer %d comes when %d should", k, i, next[i])
			}
			next[i]++
		}
		wg.Wait()
	})
}

func TestHandleTakesOverWhatWasRead(t *testing.T) {
	overSockets(t, func(t *testing.T, on network) {
		got := make(chan string, 3)
		near, far := on.pipe(t)
		defer far.Close()
		c := websocket.ServerConn(near, acceptQuiet)
		defer c.CloseNow()
		p := &peer{t: t, nc: far, masks: true}
		p.send(p.encode(proto.Text, true, "first"), p.encode(proto.Text, false, "half "))
		wantMessage(t, c, websocket.MessageText, "first")
		ctx, cancel := context.WithTimeout(bg, 10*time.Millisecond)
		defer cancel()
		_, _, err := c.Read(ctx)
		wantIs(t, err, errDeadline)
		if err := c.Handle(handlerFuncs{message: func(_ *websocket.Conn, _ websocket.MessageType, data []byte) { got <- string(data) }}); err != nil {
			t.Fatal(err)
		}
		p.send(p.encode(proto.Continuation, true, "and half"), p.encode(proto.Text, true, "last"))
		for _, want := range []string{"half and half", "last"} {
			if s := <-got; s != want {
				t.Errorf("got %q, want %q", s, want)
			}
		}
	})
}

func TestHandleOfWhatCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t)
		reading := readErr(server)
		synctest.Wait()
		wantIs(t, server.Handle(echoes), websocket.ErrConcurrentRead)
		client.CloseNow()
		reading()
		wantIs(t, server.Handle(echoes), net.ErrClosed)
		wantIs(t, client.Handle(echoes), net.ErrClosed)
	})

	client, server := pair(t)
	if err := server.Handle(echoes); err != nil {
		t.Fatal(err)
	}
	wantIs(t, server.Handle(echoes), websocket.ErrHandled)
	_, _, err := server.Reader(bg)
	wantIs(t, err, websocket.ErrHandled)
	client.CloseNow()
}

func TestEventAddresses(t *testing.T) {
	overSockets(t, func(t *testing.T, on network) {
		near, far := on.pipe(t)
		defer far.Close()
		c := websocket.ServerConn(near, acceptQuiet)
		nc := websocket.NetConn(bg, c, websocket.MessageText)
		local, remote := nc.LocalAddr().String(), nc.RemoteAddr().String()
		ended := make(chan struct{})
		if err := c.Handle(handlerFuncs{close: func(*websocket.Conn, error) { close(ended) }}); err != nil {
			t.Fatal(err)
		}
		if nc.LocalAddr().String() != local || nc.RemoteAddr().String() != remote {
			t.Errorf("%v and %v, were %v and %v", nc.LocalAddr(), nc.RemoteAddr(), local, remote)
		}
		c.CloseNow()
		<-ended
		if nc.LocalAddr() == nil || nc.RemoteAddr() == nil {
			t.Error("no address after the end")
		}
	})
}
