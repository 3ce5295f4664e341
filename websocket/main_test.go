package websocket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
	"github.com/seed-4a326f83/parley/websocket/wstest"
)

// TestMain fails if a goroutine of this package outlives the connections that the tests closed.
func TestMain(m *testing.M) {
	code := m.Run()
	deadline := time.Now().Add(10 * time.Second)
	for code == 0 {
		buf := make([]byte, 1<<20)
		stacks := string(buf[:runtime.Stack(buf, true)])
		left := ""
		for g := range strings.SplitSeq(stacks, "\n\n") {
			if strings.Contains(g, "parley/websocket.") && !strings.Contains(g, "TestMain") {
				left = g
			}
		}
		if left == "" {
			break
		}
		if time.Now().After(deadline) {
			fmt.Fprintln(os.Stderr, "a goroutine is left behind:\n"+left)
			code = 1
		}
		time.Sleep(10 * time.Millisecond)
	}
	os.Exit(code)
}

var bg = context.Background()

// noKeepalive are options for tests that have no use for pings.
var (
	acceptQuiet = websocket.AcceptOptions{KeepaliveInterval: -1}
	dialQuiet   = websocket.DialOptions{KeepaliveInterval: -1}
)

// pair returns both ends of a connection in memory.
func pair(t *testing.T) (client, server *websocket.Conn) {
	t.Helper()
	return pairOf(t, &dialQuiet, &acceptQuiet)
}

// keptPair is a pair with the default keepalive.
func keptPair(t *testing.T) (client, server *websocket.Conn) {
	t.Helper()
	return pairOf(t, nil, nil)
}

func pairOf(t *testing.T, d *websocket.DialOptions, a *websocket.AcceptOptions) (client, server *websocket.Conn) {
	t.Helper()
	client, server, err := wstest.Pair(d, a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.CloseNow()
		server.CloseNow()
	})
	return client, server
}

// serve runs a server whose handler gets each accepted connection, and returns its URL.
func serve(t *testing.T, opts *websocket.AcceptOptions, handler func(*websocket.Conn)) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, opts)
		if err != nil {
			return
		}
		defer c.CloseNow()
		handler(c)
	}))
	t.Cleanup(srv.Close)
	return "ws" + strings.TrimPrefix(srv.URL, "http")
}

// echo sends back what comes until the connection ends.
func echo(c *websocket.Conn) {
	for {
		typ, p, err := c.Read(bg)
		if err != nil {
			return
		}
		if c.Write(bg, typ, p) != nil {
			return
		}
	}
}

func dial(t *testing.T, url string, opts *websocket.DialOptions) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	return c
}

// inModes runs f as server and as client, over TCP, in memory, and for servers over TLS, in blocking mode and in event mode: f
// gets a connection and the bare network connection of its peer.
func inModes(t *testing.T, f func(t *testing.T, c *testConn, p *peer)) {
	t.Helper()
	inModesWith(t, &dialQuiet, &acceptQuiet, f)
}

// inModesWith is inModes with options. Compression is on if they say so.
func inModesWith(t *testing.T, d *websocket.DialOptions, a *websocket.AcceptOptions, f func(t *testing.T, c *testConn, p *peer)) {
	t.Helper()
	inRolesWith(t, d, a, func(t *testing.T, c *websocket.Conn, p *peer) { f(t, &testConn{Conn: c}, p) })
	t.Run("event", func(t *testing.T) {
		inRolesWith(t, d, a, func(t *testing.T, c *websocket.Conn, p *peer) { f(t, handled(t, c), p) })
	})
	t.Run("event, in pieces", func(t *testing.T) {
		misbehave(t)
		inRolesWith(t, d, a, func(t *testing.T, c *websocket.Conn, p *peer) { f(t, handled(t, c), p) })
	})
}

// inRoles is inModes in blocking mode alone.
func inRoles(t *testing.T, f func(t *testing.T, c *websocket.Conn, p *peer)) {
	t.Helper()
	inRolesWith(t, &dialQuiet, &acceptQuiet, f)
}

// inRolesWith is inRoles with options.
func inRolesWith(t *testing.T, d *websocket.DialOptions, a *websocket.AcceptOptions, f func(t *testing.T, c *websocket.Conn, p *peer)) {
	t.Helper()
	deflates := a.CompressionMode != websocket.CompressionDisabled
	for _, role := range []proto.Role{proto.Server, proto.Client} {
		networks := []network{overTCP, overMemory}
		if role == proto.Server {
			networks = append(networks, overTLS)
		}
		for _, on := range networks {
			t.Run(map[proto.Role]string{proto.Server: "server/", proto.Client: "client/"}[role]+on.name, func(t *testing.T) {
				var c *websocket.Conn
				near, far := on.pipe(t)
				p := &peer{t: t, nc: far}
				if role == proto.Server {
					c = websocket.ServerConn(near, *a)
					p.machine = proto.New(proto.Config{Role: proto.Client, Limit: -1, RSV1: deflates})
					p.masks = true
				} else {
					c = websocket.ClientConn(near, *d)
					p.machine = proto.New(proto.Config{Role: proto.Server, Limit: -1, RSV1: deflates})
					p.serves = true
				}
				t.Cleanup(func() {
					c.CloseNow()
					far.Close()
				})
				f(t, c, p)
			})
		}
	}
}

// A peer speaks to a connection in bare bytes.
type peer struct {
	t       *testing.T
	nc      net.Conn
	machine proto.Machine // reads what the connection sends
	masks   bool
	serves  bool // it plays the server
	in      []byte
}

// A frame is what a peer reads.
type frame struct {
	op      proto.Opcode
	fin     bool
	rsv1    bool // of the message
	code    int
	payload string
}

// encode makes a frame as this peer would send it.
func (p *peer) encode(op proto.Opcode, fin bool, payload string) []byte {
	return proto.AppendFrame(nil, proto.Header{Op: op, Fin: fin, Masked: p.masks, Key: 0x5eed1234}, []byte(payload))
}

// encodeRSV1 is encode for the first frame of a compressed message.
func (p *peer) encodeRSV1(op proto.Opcode, fin bool, payload string) []byte {
	b := p.encode(op, fin, payload)
	b[0] |= 0x40
	return b
}

// header makes a header by bytes, with the mask that this peer must or must not use.
func (p *peer) header(b ...byte) []byte {
	if p.masks {
		b[1] |= 0x80
		b = append(b, 1, 2, 3, 4)
	}
	return b
}

// send writes raw bytes. That the connection has had enough of them is for the test to find out by reading.
func (p *peer) send(b ...[]byte) {
	for _, b := range b {
		p.nc.Write(b)
	}
}

func (p *peer) sendFrame(op proto.Opcode, fin bool, payload string) {
	p.send(p.encode(op, fin, payload))
}

// read returns the next frame that the connection sends, or the error that ended it.
func (p *peer) read() (frame, error) {
	var f frame
	for {
		for len(p.in) > 0 {
			ev, n, err := p.machine.Next(p.in)
			if err != nil {
				return f, fmt.Errorf("the connection itself broke the protocol: %w", err)
			}
			p.in = p.in[n:]
			if ev.Op != 0 {
				f.op, f.code, f.fin, f.rsv1 = ev.Op, int(ev.Code), ev.Fin, ev.RSV1
				f.payload += string(ev.Payload)
				if ev.FrameEnd {
					return f, nil
				}
			}
		}
		buf := make([]byte, 4096)
		n, err := p.nc.Read(buf)
		if p.in = buf[:n]; n == 0 && err != nil {
			return f, err
		}
	}
}

// soon reads the next frame meanwhile and returns what waits for it.
func (p *peer) soon() func() frame {
	return async(func() frame {
		f, _ := p.read()
		return f
	})
}

func (p *peer) want(want frame) {
	p.t.Helper()
	if got, err := p.read(); err != nil || got != want {
		p.t.Fatalf("the connection sent %+v, %v; want %+v", got, err, want)
	}
}

// wantEnd wants a close frame with the code and then the end of the connection.
func (p *peer) wantEnd(code websocket.StatusCode) string {
	p.t.Helper()
	f, err := p.read()
	if err != nil || f.op != proto.Close || f.code != int(code) {
		p.t.Fatalf("the connection sent %+v, %v; want a close frame with %d", f, err, code)
	}
	p.wantEOF()
	p.nc.Close()
	return f.payload
}

// wantEOF wants the end of the connection after close frames both ways. A server is the first to end it (RFC 6455 section
// 7.1.1), so for a client the peer does so.
func (p *peer) wantEOF() {
	p.t.Helper()
	if p.serves {
		half, ok := p.nc.(interface{ CloseWrite() error })
		if !ok {
			p.nc.Close()
			return
		}
		half.CloseWrite()
	}
	if f, err := p.read(); err != io.EOF {
		p.t.Fatalf("after the close frame: %+v, %v", f, err)
	}
}

// async runs f in a goroutine and returns what waits for its result.
func async[T any](f func() T) func() T {
	done := make(chan T, 1)
	go func() { done <- f() }()
	return func() T { return <-done }
}

// A messageSource is a Conn or a testConn.
type messageSource interface {
	Read(context.Context) (websocket.MessageType, []byte, error)
}

// readErr reads until an error.
func readErr(c messageSource) func() error {
	return async(func() error {
		for {
			if _, _, err := c.Read(bg); err != nil {
				return err
			}
		}
	})
}

func wantIs(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("error %v, want one that matches %v", err, target)
	}
}

func wantMessage(t *testing.T, c messageSource, typ websocket.MessageType, want string) {
	t.Helper()
	gotTyp, got, err := c.Read(bg)
	if err != nil || gotTyp != typ || string(got) != want {
		t.Fatalf("read %v %.50q, %v; want %v %.50q", gotTyp, got, err, typ, want)
	}
}

// serveTLS is serve, over TLS if secure, with the options to dial it.
func serveTLS(t *testing.T, secure bool, handler func(*websocket.Conn)) (string, *websocket.DialOptions) {
	t.Helper()
	if !secure {
		return serve(t, nil, handler), nil
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		handler(c)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return "wss" + strings.TrimPrefix(srv.URL, "https"), &websocket.DialOptions{HTTPClient: srv.Client()}
}

// cancelled returns a context that has ended.
func cancelled() context.Context {
	ctx, cancel := context.WithCancel(bg)
	cancel()
	return ctx
}
