package interop

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/seed-4a326f83/parley/websocket"
)

// A mode is a side's way of compression.
type mode struct {
	Name     string `json:"name"`
	Deflate  bool   `json:"deflate"`
	Takeover bool   `json:"takeover"` // what was sent before is used
	Bits     int    `json:"bits"`     // of both windows; 0: as many as there are
}

var (
	off        = mode{Name: "off"}
	takeover   = mode{Name: "takeover", Deflate: true, Takeover: true}
	noTakeover = mode{Name: "no takeover", Deflate: true}
	narrow     = mode{Name: "narrow", Deflate: true, Takeover: true, Bits: 9}
)

// A pair is the modes of our side and of the partner's.
type pair struct {
	our, their mode
	anyWindow  bool // it needs a partner that can limit its window
}

var pairs = []pair{
	{our: off, their: off},
	{our: off, their: takeover},
	{our: takeover, their: off},
	{our: takeover, their: takeover},
	{our: takeover, their: noTakeover},
	{our: noTakeover, their: takeover},
	{our: noTakeover, their: noTakeover},
	{our: takeover, their: narrow, anyWindow: true},
	{our: narrow, their: takeover, anyWindow: true},
}

// deflate tells whether both sides want compression, and so get it.
func (p pair) deflate() bool { return p.our.Deflate && p.their.Deflate }

// checkAnswer looks at what a server agreed to.
func checkAnswer(t *testing.T, answer http.Header, deflate bool) {
	if answer := answer.Get("Sec-WebSocket-Extensions"); strings.HasPrefix(answer, "permessage-deflate") != deflate {
		t.Errorf("the server agreed to %q", answer)
	}
}

// compression returns the options of our side for a mode.
func (m mode) compression() (websocket.CompressionMode, int) {
	switch {
	case !m.Deflate:
		return websocket.CompressionDisabled, 0
	case m.Takeover:
		return websocket.CompressionContextTakeover, m.Bits
	default:
		return websocket.CompressionNoContextTakeover, m.Bits
	}
}

// acceptOptions are those of our server.
func (m mode) acceptOptions() *websocket.AcceptOptions {
	how, bits := m.compression()
	return &websocket.AcceptOptions{CompressionMode: how, CompressionWindowBits: bits, CompressionThreshold: 1}
}

// dialOptions are those of our client.
func (m mode) dialOptions() *websocket.DialOptions {
	how, bits := m.compression()
	return &websocket.DialOptions{CompressionMode: how, CompressionWindowBits: bits, CompressionThreshold: 1}
}

// A server is a partner that our client connects to.
type server struct {
	name      string
	start     func(t *testing.T, secure bool, m mode) (port string)
	anyWindow bool // it can limit its window
}

func script(name string) func(t *testing.T, secure bool, m mode) string {
	return func(t *testing.T, secure bool, m mode) string {
		t.Helper()
		work := task{Cert: cert.File, Mode: m}
		if secure {
			work.Key = cert.KeyFile
		}
		return startScript(t, name, work)
	}
}

var servers = []server{
	{"ws", script("server.mjs"), true},
	{"websockets", script("server.py"), true},
	{"gorilla", serveGorilla, false},
	{"coder", serveCoder, false},
	{"ours", serveOurs, true},
}

func address(secure bool, port string) string {
	if secure {
		return "wss://127.0.0.1:" + port + "/"
	}
	return "ws://127.0.0.1:" + port + "/"
}

// everyWay runs a test in each pair of modes, and over TLS in those of which both sides think the same: what lies below does
// not know of compression.
func everyWay(t *testing.T, anyWindow bool, test func(t *testing.T, secure bool, p pair)) {
	for _, p := range pairs {
		for _, secure := range []bool{false, true} {
			if p.anyWindow && !anyWindow || secure && p.our != p.their {
				continue
			}
			name := fmt.Sprintf("ours %s, theirs %s, %s", p.our.Name, p.their.Name, map[bool]string{false: "plain", true: "TLS"}[secure])
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, secure, p)
			})
		}
	}
}

// TestOurClient talks to servers of others.
func TestOurClient(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			everyWay(t, s.anyWindow, func(t *testing.T, secure bool, p pair) {
				converse(t, dialOurs(t, address(secure, s.start(t, secure, p.their)), p.our, p.deflate()))
			})
		})
	}
}

// A client is a partner that talks to our server.
type client struct {
	name      string
	dial      func(t *testing.T, url string, m mode, deflate bool) func(context.Context) (conn, error) // nil: a script
	anyWindow bool                                                                                     // it can limit its window
}

var clients = []client{
	{"client.mjs", nil, true},
	{"client.py", nil, true},
	{"gorilla", dialGorilla, false},
	{"coder", dialCoder, false},
}

// TestOurServer is talked to by clients of others.
func TestOurServer(t *testing.T) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			everyWay(t, c.anyWindow, func(t *testing.T, secure bool, p pair) {
				url := address(secure, serveOurs(t, secure, p.our))
				if c.dial != nil {
					converse(t, c.dial(t, url, p.their, p.deflate()))
					return
				}
				runScript(t, c.name, task{URL: url, Cert: cert.File, Mode: p.their, Deflate: p.deflate()})
			})
		})
	}
}

// TestOurServerFromChromium is talked to by the browser's own WebSocket, which always offers compression.
func TestOurServerFromChromium(t *testing.T) {
	var tasks []task
	for _, secure := range []bool{false, true} {
		for _, m := range []mode{off, takeover, noTakeover, narrow} {
			tasks = append(tasks, task{URL: address(secure, serveOurs(t, secure, m)), Deflate: m.Deflate})
		}
	}
	runScript(t, "chromium.mjs", tasks...)
}
