package websocket_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// A bareServer is Serve on a network, until the test ends.
type bareServer struct {
	addr   string
	listen net.Listener
	ended  func() error // waits until Serve has returned
}

// serveBare runs Serve.
func serveBare(t *testing.T, o *websocket.UpgradeOptions, open func(*websocket.Conn, *websocket.UpgradeRequest) websocket.Handler) bareServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, l, o, open)
}

func serveOn(t *testing.T, l net.Listener, o *websocket.UpgradeOptions, open func(*websocket.Conn, *websocket.UpgradeRequest) websocket.Handler) bareServer {
	t.Helper()
	s := bareServer{l.Addr().String(), l, sync.OnceValue(async(func() error { return websocket.Serve(l, o, open) }))}
	t.Cleanup(func() {
		l.Close()
		if err := s.ended(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve returns %v", err)
		}
	})
	return s
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
	return nc
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
	nc.(interface{ CloseWrite() error }).CloseWrite()
	if n, err := nc.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("after the refusal of %.200q: %d bytes, %v", pieces, n, err)
	}
	return resp
}

func TestServeEchoes(t *testing.T) {
	for _, mode := range []websocket.CompressionMode{websocket.CompressionDisabled, websocket.CompressionContextTakeover} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			o := &websocket.UpgradeOptions{AcceptOptions: websocket.AcceptOptions{Subprotocols: []string{"echo"}, CompressionMode: mode}}
			s := serveBare(t, o, openEcho)
			var wg sync.WaitGroup
			for i := range 30 {
				wg.Go(func() {
					c, _, err := websocket.Dial(bg, "ws://"+s.addr+"/", &websocket.DialOptions{CompressionMode: mode, Subprotocols: []string{"echo"}})
					if err != nil {
						t.Error(err)
						return
					}
					defer c.CloseNow()
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
			wg.Wait()
		})
	}
}

const bareRequest = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

func TestServeKeepsWhatComesWithTheRequestInPieces(t *testing.T) {
	s := serveBare(t, nil, openEcho)
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
	}
}
