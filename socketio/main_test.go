package socketio_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/internal/memnet"
	"github.com/seed-4a326f83/parley/socketio"
	"github.com/seed-4a326f83/parley/websocket"
)

// inWorld runs a test against a server, in a bubble of testing/synctest: time passes only when everything waits. Its pings are
// an hour apart, if nothing else is said.
func inWorld(t *testing.T, opts socketio.Options, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if opts.Engine.PingInterval == 0 {
			opts.Engine.PingInterval, opts.Engine.PingTimeout = time.Hour, time.Hour
		}
		if opts.Logger == nil {
			opts.Logger = slog.New(slog.DiscardHandler)
		}
		w := &world{t: t, io: socketio.NewServer(&opts), header: http.Header{}}
		t.Cleanup(func() { time.Sleep(time.Minute) }) // net/http waits a little where it refused to read on
		w.client = memnet.Serve(t, w.io)
		defer w.io.Close()
		test(t, w)
	})
}

type world struct {
	t      *testing.T
	io     *socketio.Server
	client *http.Client
	header http.Header
}

// A peer is a client's WebSocket.
type peer struct {
	w *world
	*websocket.Conn
	sid string // of Engine.IO
}

// dial opens a connection.
func (w *world) dial() *peer {
	w.t.Helper()
	c, _, err := websocket.Dial(context.Background(), "ws://example.com/socket.io/?EIO=4&transport=websocket&x=y", &websocket.DialOptions{
		HTTPClient: w.client, HTTPHeader: w.header, KeepaliveInterval: -1,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.CloseNow() })
	p := &peer{w: w, Conn: c}
	var h struct{ SID string }
	if err := json.Unmarshal([]byte(p.next()[1:]), &h); err != nil {
		w.t.Fatal(err)
	}
	p.sid = h.SID
	return p
}

// connect opens a connection to the main namespace, and returns it with its socket.
func (w *world) connect() (*peer, *socketio.Socket) {
	w.t.Helper()
	p := w.dial()
	p.send("40")
	return p, w.io.Socket(p.welcomed("40").SID)
}

// A welcome is what a CONNECT is answered with.
type welcome struct{ SID, PID string }

// welcomed reads the answer to a CONNECT.
func (p *peer) welcomed(prefix string) (wel welcome) {
	p.w.t.Helper()
	text := p.next()
	body, ok := strings.CutPrefix(text, prefix)
	if !ok || json.Unmarshal([]byte(body), &wel) != nil || wel.SID == "" {
		p.w.t.Fatalf("no CONNECT: %q", text)
	}
	synctest.Wait() // for what connects it, also here
	return wel
}

// send sends texts, those that begin with "!" as binary without it.
func (p *peer) send(texts ...string) {
	p.w.t.Helper()
	for _, text := range texts {
		typ := websocket.MessageText
		data, binary := strings.CutPrefix(text, "!")
		if binary {
			typ = websocket.MessageBinary
		}
		if err := p.Write(context.Background(), typ, []byte(data)); err != nil {
			p.w.t.Fatal(err)
		}
	}
}

// next returns the next message, binary with a "!" in front.
func (p *peer) next() string {
	p.w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	typ, data, err := p.Read(ctx)
	if err != nil {
		p.w.t.Fatal(err)
	}
	if typ == websocket.MessageBinary {
		return "!" + string(data)
	}
	return string(data)
}

func (p *peer) want(texts ...string) {
	p.w.t.Helper()
	for _, text := range texts {
		if got := p.next(); got != text {
			p.w.t.Fatalf("came %q, want %q", got, text)
		}
	}
}

// quiet checks that nothing comes.
func (p *peer) quiet() {
	p.w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, data, err := p.Read(ctx); err == nil || ctx.Err() == nil {
		p.w.t.Fatalf("came %q, %v; want nothing", data, err)
	}
	synctest.Wait() // so that what handlers did is known here, too
}

// wantEnd reads until the server closes the connection.
func (p *peer) wantEnd() {
	p.w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	for {
		if _, _, err := p.Read(ctx); err != nil {
			if ctx.Err() != nil {
				p.w.t.Fatal("it was not closed")
			}
			return
		}
	}
}

// ids returns the ids of sockets, sorted.
func ids(sockets []*socketio.Socket) (all []string) {
	for _, s := range sockets {
		all = append(all, s.ID())
	}
	slices.Sort(all)
	return all
}
