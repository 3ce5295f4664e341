package websocket_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/poll"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// A bareServer is a Serve that runs until the test ends.
type bareServer struct {
	addr   string
	secure bool
	listen net.Listener
	ended  func() error // waits until Serve has returned
}

type openFunc = func(*websocket.Conn, *websocket.UpgradeRequest) websocket.Handler

// serveBare runs Serve on what wrap makes of a listener.
func serveBare(t *testing.T, o *websocket.UpgradeOptions, open openFunc, wrap func(net.Listener) net.Listener) bareServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := bareServer{addr: l.Addr().String(), listen: l}
	s.ended = sync.OnceValue(async(func() error { return websocket.Serve(wrap(l), o, open) }))
	t.Cleanup(func() {
		l.Close()
		if err := s.ended(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve returns %v", err)
		}
	})
	return s
}

// asIs is a wrap that does nothing.
func asIs(l net.Listener) net.Listener { return l }

// A oneByOne is a listener of which nothing else is known, so that each connection comes from its Accept.
type oneByOne struct{ net.Listener }

// A strange listener has connections of which nothing is known but that they are some.
type strange struct{ net.Listener }

type strangeConn struct{ *net.TCPConn }

func (l strange) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return strangeConn{nc.(*net.TCPConn)}, nil
}

// inBareModes runs f with Serve in all the ways in which it may get to its connections.
func inBareModes(t *testing.T, o *websocket.UpgradeOptions, open openFunc, f func(t *testing.T, s bareServer)) {
	t.Helper()
	secure := func(l net.Listener) net.Listener {
		return tls.NewListener(websocket.NewListener(l), &tls.Config{Certificates: []tls.Certificate{certificate()}})
	}
	for name, wrap := range map[string]func(net.Listener) net.Listener{
		"event": asIs, "event, in pieces": asIs, "event, below NewListener": websocket.NewListener,
		"event, one by one": func(l net.Listener) net.Listener { return oneByOne{l} },
		"goroutine":         func(l net.Listener) net.Listener { return strange{l} },
		"tls":               secure,
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasSuffix(name, "in pieces") {
				misbehave(t)
			}
			s := serveBare(t, o, open, wrap)
			s.secure = name == "tls"
			f(t, s)
		})
	}
}

func openEcho(*websocket.Conn, *websocket.UpgradeRequest) websocket.Handler { return echoes }

// connect connects to s, and gives up after a time that is long on any machine.
func (s bareServer) connect(t *testing.T) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(30 * time.Second))
	if s.secure {
		return tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	}
	return nc
}

// dial dials s.
func (s bareServer) dial(t *testing.T, o *websocket.DialOptions) *websocket.Conn {
	t.Helper()
	options := websocket.DialOptions{}
	if o != nil {
		options = *o
	}
	options.HTTPClient = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	scheme := "ws://"
	if s.secure {
		scheme = "wss://"
	}
	return dial(t, scheme+s.addr, &options)
}

// ask sends bytes and returns what is answered; after a refusal it waits for the end of the connection.
func ask(t *testing.T, nc net.Conn, pieces ...string) *http.Response {
	t.Helper()
	for _, piece := range pieces {
		io.WriteString(nc, piece) // the answer may come before the end
	}
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatalf("after %.200q: %v", pieces, err)
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("after %.200q: %v", pieces, err)
	}
	resp.Body = io.NopCloser(strings.NewReader(string(body)))
	if n, err := nc.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("after the refusal of %.200q: %d bytes, %v", pieces, n, err)
	}
	nc.Close()
	return resp
}

func TestServeEchoes(t *testing.T) {
	for _, mode := range modes {
		o := &websocket.UpgradeOptions{AcceptOptions: websocket.AcceptOptions{Subprotocols: []string{"echo"}, CompressionMode: mode}}
		var closed sync.WaitGroup
		h := handlerFuncs{message: echoes.message, close: func(_ *websocket.Conn, err error) {
			if websocket.CloseStatus(err) != websocket.StatusNormalClosure {
				t.Error(err)
			}
			closed.Done()
		}}
		inBareModes(t, o, func(c *websocket.Conn, _ *websocket.UpgradeRequest) websocket.Handler { return h }, func(t *testing.T, s bareServer) {
			var clients sync.WaitGroup
			for i := range 20 {
				closed.Add(1)
				c := s.dial(t, &websocket.DialOptions{CompressionMode: mode, Subprotocols: []string{"echo"}})
				clients.Go(func() {
					text := strings.Repeat(fmt.Sprint(i), 1000*i)
					for range 3 {
						if err := c.Write(bg, websocket.MessageText, []byte(text)); err != nil {
							t.Error(err)
						}
						if _, got, err := c.Read(bg); err != nil || string(got) != text {
							t.Errorf("%.50q, %v", got, err)
						}
					}
					if err := c.Close(websocket.StatusNormalClosure, ""); err != nil || c.Subprotocol() != "echo" {
						t.Error(err, c.Subprotocol())
					}
				})
			}
			clients.Wait()
			closed.Wait()
		})
	}
}

func TestServeNeedsNoGoroutineForAConnection(t *testing.T) {
	opened := make(chan *websocket.Conn, 1)
	open := func(c *websocket.Conn, _ *websocket.UpgradeRequest) websocket.Handler {
		opened <- c
		return echoes
	}
	inBareModes(t, nil, open, func(t *testing.T, s bareServer) {
		c := s.dial(t, nil)
		server := <-opened
		if err := c.Write(bg, websocket.MessageText, []byte("x")); err != nil {
			t.Fatal(err)
		}
		wantMessage(t, c, websocket.MessageText, "x") // it is with its Handler by now
		if want := poll.Supported && !strings.HasSuffix(t.Name(), "goroutine"); server.Parked() != want {
			t.Errorf("in event mode: %v, want %v", server.Parked(), want)
		}
		if err := server.Handle(echoes); err != websocket.ErrHandled {
			t.Error(err)
		}
	})
}

func TestServeKeepsWhatComesWithTheRequest(t *testing.T) {
	inBareModes(t, nil, openEcho, func(t *testing.T, s bareServer) {
		for _, step := range []int{1, 3, 50, 10_000} {
			nc := s.connect(t)
			p := &peer{t: t, nc: nc, masks: true, machine: proto.New(proto.Config{Role: proto.Client, Limit: -1})}
			all := append([]byte(bareRequest), p.encode(proto.Text, true, "first")...)
			all = append(all, p.encode(proto.Text, true, "second")...)
			for rest := all; len(rest) > 0; {
				n := min(step, len(rest))
				p.send(rest[:n])
				rest = rest[n:]
			}
			r := bufio.NewReader(nc)
			if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 101 {
				t.Fatal(resp, err)
			}
			p.in, _ = r.Peek(r.Buffered())
			p.want(frame{op: proto.Text, fin: true, payload: "first"})
			p.want(frame{op: proto.Text, fin: true, payload: "second"})
			nc.Close()
		}
	})
}

func TestOpenMaySendAndClose(t *testing.T) {
	ended := make(chan error, 1)
	h := handlerFuncs{message: echoes.message, close: func(_ *websocket.Conn, err error) { ended <- err }}
	open := func(c *websocket.Conn, r *websocket.UpgradeRequest) websocket.Handler {
		if err := c.Send(websocket.MessageText, []byte("welcome to "+r.Path)); err != nil {
			t.Error(err)
		}
		switch r.RawQuery {
		case "close":
			go c.Close(4000, "bye") // which waits for the peer where there is no event mode
		case "drop":
			c.CloseNow()
		case "nobody":
			return nil
		}
		return h
	}
	inBareModes(t, nil, open, func(t *testing.T, s bareServer) {
		for query, code := range map[string]websocket.StatusCode{"stay": 1000, "close": 4000, "nobody": websocket.StatusInternalError, "drop": -1} {
			nc := s.connect(t)
			io.WriteString(nc, instead("GET", "GET /x?"+query+" HTTP/1.1"))
			r := bufio.NewReader(nc)
			if resp, err := http.ReadResponse(r, nil); query != "drop" && (err != nil || resp.StatusCode != 101) {
				t.Fatal(query, resp, err)
			}
			in, _ := r.Peek(r.Buffered())
			p := &peer{t: t, nc: nc, in: in, masks: true, machine: proto.New(proto.Config{Role: proto.Client, Limit: -1})}
			if query != "drop" {
				p.want(frame{op: proto.Text, fin: true, payload: "welcome to /x"})
			}
			if query == "stay" {
				p.sendFrame(proto.Close, true, "\x03\xe8")
			}
			if code != -1 {
				if f, err := p.read(); err != nil || f.op != proto.Close || f.code != int(code) {
					t.Fatal(query, f, err)
				}
			}
			if query == "close" || query == "nobody" {
				p.sendFrame(proto.Close, true, "\x03\xe8")
			}
			if query != "nobody" {
				if err := <-ended; query == "stay" && websocket.CloseStatus(err) != 1000 || query == "drop" && !errors.Is(err, net.ErrClosed) {
					t.Error(query, err)
				}
			}
			nc.Close()
		}
	})
}

// TestOpenMayBlock: it holds up no other connection.
func TestOpenMayBlock(t *testing.T) {
	goOn := make(chan struct{})
	open := func(c *websocket.Conn, r *websocket.UpgradeRequest) websocket.Handler {
		if r.Path == "/slow" {
			<-goOn
		}
		return echoes
	}
	inBareModes(t, nil, open, func(t *testing.T, s bareServer) {
		slow := []net.Conn{s.connect(t), s.connect(t), s.connect(t)}
		for _, nc := range slow {
			io.WriteString(nc, instead("GET", "GET /slow HTTP/1.1"))
		}
		c := s.dial(t, nil)
		if err := c.Write(bg, websocket.MessageText, []byte("x")); err != nil {
			t.Fatal(err)
		}
		wantMessage(t, c, websocket.MessageText, "x")
		for range slow {
			goOn <- struct{}{}
		}
		for _, nc := range slow {
			if resp := ask(t, nc); resp.StatusCode != 101 {
				t.Error(resp.Status)
			}
		}
	})
}

// TestServeEndsHandshakesThatTakeTooLong, whether or not something has come.
func TestServeEndsHandshakesThatTakeTooLong(t *testing.T) {
	o := &websocket.UpgradeOptions{HandshakeTimeout: 200 * time.Millisecond}
	inBareModes(t, o, openEcho, func(t *testing.T, s bareServer) {
		silent := s.connect(t)
		for range 50 { // where the machine is slow, the time may be over before anything has come
			nc := s.connect(t)
			io.WriteString(nc, "GET / HTTP/1.1\r\n")
			b, err := io.ReadAll(nc)
			if strings.HasPrefix(string(b), "HTTP/1.1 408 ") {
				break
			}
			if len(b) > 0 || errors.Is(err, errTimeout) {
				t.Fatalf("answered %q, %v", b, err)
			}
		}
		if b, err := io.ReadAll(silent); len(b) > 0 || errors.Is(err, errTimeout) {
			t.Errorf("answered %q, %v", b, err)
		}
	})
}

var errTimeout = os.ErrDeadlineExceeded

// TestServeOfPeersThatGo: who ends the connection in the middle of the handshake, or resets it, leaves nothing behind.
func TestServeOfPeersThatGo(t *testing.T) {
	inBareModes(t, nil, openEcho, func(t *testing.T, s bareServer) {
		for n := range 20 {
			nc := s.connect(t)
			io.WriteString(nc, bareRequest[:n*5])
			if tcp, ok := nc.(*net.TCPConn); ok && n%2 == 0 {
				tcp.SetLinger(0)
				tcp.Close()
				continue
			}
			nc.(interface{ CloseWrite() error }).CloseWrite()
			if b, err := io.ReadAll(nc); len(b) > 0 || errors.Is(err, errTimeout) {
				t.Errorf("answered %q, %v", b, err)
			}
			nc.Close()
		}
	})
}

// A flaky listener fails for a while.
type flaky struct {
	net.Listener
	left atomic.Int32
}

func (l *flaky) Accept() (net.Conn, error) {
	if l.left.Add(-1) >= 0 {
		return nil, temporary{}
	}
	return l.Listener.Accept()
}

type temporary struct{}

func (temporary) Error() string   { return "too many open files" }
func (temporary) Temporary() bool { return true }

func TestServeGoesOnWhenThereAreTooManyDescriptors(t *testing.T) {
	s := serveBare(t, nil, openEcho, func(l net.Listener) net.Listener {
		f := &flaky{Listener: l}
		f.left.Store(3)
		return f
	})
	if resp := ask(t, s.connect(t), bareRequest); resp.StatusCode != 101 {
		t.Error(resp.Status)
	}
}

// TestServeLeavesConnectionsOpen that are open when the listener is closed.
func TestServeLeavesConnectionsOpen(t *testing.T) {
	inBareModes(t, nil, openEcho, func(t *testing.T, s bareServer) {
		c := s.dial(t, nil)
		s.listen.Close()
		wantIs(t, s.ended(), net.ErrClosed)
		if err := c.Write(bg, websocket.MessageText, []byte("x")); err != nil {
			t.Fatal(err)
		}
		wantMessage(t, c, websocket.MessageText, "x")
	})
}
