package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
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
)

// acceptOptions are those of our server.
func (m mode) acceptOptions() *websocket.AcceptOptions {
	return &websocket.AcceptOptions{}
}

// dialOptions are those of our client.
func (m mode) dialOptions() *websocket.DialOptions {
	return &websocket.DialOptions{}
}

// check looks at a server's answer: without compression it must not agree to any.
func (m mode) check(t *testing.T, answer http.Header) {
	if answer := answer.Get("Sec-WebSocket-Extensions"); !m.Deflate && answer != "" {
		t.Errorf("the server agreed to %q", answer)
	}
}

// pairs are modes of our side and of the partner's.
var pairs = []struct{ our, their mode }{
	{off, off},
	{off, takeover},
	{off, noTakeover},
}

// A server is a partner that our client connects to.
type server struct {
	name  string
	start func(t *testing.T, secure bool, m mode) (port string)
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
	{"ws", script("server.mjs")},
	{"websockets", script("server.py")},
	{"gorilla", serveGorilla},
	{"coder", serveCoder},
	{"ours", serveOurs},
}

func address(secure bool, port string) string {
	if secure {
		return "wss://127.0.0.1:" + port + "/"
	}
	return "ws://127.0.0.1:" + port + "/"
}

// everyWay runs a test plain and over TLS, in each pair of modes.
func everyWay(t *testing.T, test func(t *testing.T, secure bool, our, their mode)) {
	for _, secure := range []bool{false, true} {
		for _, m := range pairs {
			name := fmt.Sprintf("%s/ours %s, theirs %s", map[bool]string{false: "plain", true: "TLS"}[secure], m.our.Name, m.their.Name)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, secure, m.our, m.their)
			})
		}
	}
}

// TestOurClient talks to servers of others.
func TestOurClient(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			everyWay(t, func(t *testing.T, secure bool, our, their mode) {
				converse(t, dialOurs(t, address(secure, s.start(t, secure, their)), our))
			})
		})
	}
}

// A client is a partner that talks to our server.
type client struct {
	name string
	dial func(t *testing.T, url string, m mode) func(context.Context) (conn, error) // nil: a script
}

var clients = []client{
	{"client.mjs", nil},
	{"client.py", nil},
	{"gorilla", dialGorilla},
	{"coder", dialCoder},
}

// TestOurServer is talked to by clients of others.
func TestOurServer(t *testing.T) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			everyWay(t, func(t *testing.T, secure bool, our, their mode) {
				url := address(secure, serveOurs(t, secure, our))
				if c.dial != nil {
					converse(t, c.dial(t, url, their))
					return
				}
				runScript(t, c.name, task{URL: url, Cert: cert.File, Mode: their})
			})
		})
	}
}

// TestOurServerFromChromium is talked to by the browser's own WebSocket, which always offers compression.
func TestOurServerFromChromium(t *testing.T) {
	type page struct {
		URL     string `json:"url"`
		Deflate bool   `json:"deflate"`
		Long    string `json:"long"`
	}
	var pages []page
	for _, secure := range []bool{false, true} {
		for _, m := range []mode{off} {
			pages = append(pages, page{address(secure, serveOurs(t, secure, m)), m.Deflate, longText})
		}
	}
	urls, err := json.Marshal(map[string]any{"urls": pages})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := command(ctx, t, "chromium.mjs", task{})
	cmd.Stdin = bytes.NewReader(urls)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("chromium.mjs: %v\n%s\n(`make test` installs what the tests need)", err, text)
	}
}
