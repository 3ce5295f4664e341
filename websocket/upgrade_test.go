package websocket_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

// bareRequest is the one of RFC 6455 section 1.3, in part.
const bareRequest = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

// with adds lines to bareRequest.
func with(lines string) string { return strings.TrimSuffix(bareRequest, "\r\n") + lines + "\r\n" }

// without takes a line out of it.
func without(name string) string {
	var b strings.Builder
	for line := range strings.Lines(bareRequest) {
		if !strings.HasPrefix(line, name+":") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// instead has another line in the place of one of bareRequest, or another first line.
func instead(old, line string) string {
	var b strings.Builder
	for l := range strings.Lines(bareRequest) {
		if strings.HasPrefix(l, old) {
			l = line + "\r\n"
		}
		b.WriteString(l)
	}
	return b.String()
}

// bareRequests are requests and the statuses of their answers.
var bareRequests = []struct {
	name    string
	request string
	status  int
}{
	{"as it should be", bareRequest, 101},
	{"names in other cases", strings.NewReplacer("Host", "hOST", "Upgrade:", "UPGRADE:", "Sec-WebSocket-Key", "sec-websocket-key").Replace(bareRequest), 101},
	{"no space before values", strings.ReplaceAll(bareRequest, ": ", ":"), 101},
	{"white space around values", strings.ReplaceAll(strings.ReplaceAll(bareRequest, ": ", ": \t "), "\r\nUp", " \t\r\nUp"), 101},
	{"lists", strings.Replace(bareRequest, "Connection: Upgrade", "Connection: keep-alive\r\nConnection: , x ,UPGRADE", 1), 101},
	{"a query", instead("GET", "GET /chat?a=%zz&b HTTP/1.1"), 101},
	{"a whole URL", instead("GET", "GET http://other.example.com:80/chat HTTP/1.1"), 101},
	{"a later HTTP/1", instead("GET", "GET / HTTP/1.2"), 101},
	{"Content-Length 0", with("Content-Length: 0\r\n"), 101},
	{"an empty value", with("X:\r\n"), 101},
	{"letters beyond ASCII in a value", with("X: \xe4 ä\r\n"), 101},
	{"an extension", with("Sec-WebSocket-Extensions: permessage-deflate\r\n"), 101},
	{"64 fields", with(strings.Repeat("X: y\r\n", 59)), 101},
	{"16 KiB", with("X: " + strings.Repeat("y", 16<<10-len(bareRequest)-5) + "\r\n"), 101},

	{"a browser's visit", "GET / HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\n\r\n", 426},
	{"no Connection", without("Connection"), 426},
	{"another Connection", instead("Connection", "Connection: keep-alive, upgraded"), 426},
	{"no Upgrade", without("Upgrade"), 426},
	{"another Upgrade", instead("Upgrade", "Upgrade: websocketx"), 426},
	{"no version", without("Sec-WebSocket-Version"), 426},
	{"version 8", instead("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"), 426},
	{"two versions", with("Sec-WebSocket-Version: 13\r\n"), 400},
	{"no key", without("Sec-WebSocket-Key"), 400},
	{"two keys", with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 400},
	{"a key of 15 bytes", instead("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j"), 400},
	{"a subprotocol that is no token", with("Sec-WebSocket-Protocol: a, b c\r\n"), 400},
	{"a malformed extension", with("Sec-WebSocket-Extensions: ;\r\n"), 400},
	{"a page of another origin", with("Origin: http://evil.example\r\n"), 403},
	{"two origins", with("Origin: http://server.example.com\r\nOrigin: http://server.example.com\r\n"), 403},

	{"POST", instead("GET", "POST /chat HTTP/1.1"), 405},
	{"get", instead("GET", "get /chat HTTP/1.1"), 405},
	{"HTTP/1.0", instead("GET", "GET /chat HTTP/1.0"), 505},
	{"HTTP/2", instead("GET", "GET /chat HTTP/2.0"), 505},
	{"HTTP/2 without negotiation", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
	{"HTTP/0.9", "GET /\r\n\r\n", 400},
	{"HTTP/11", instead("GET", "GET /chat HTTP/11"), 400},
	{"HTTP/1.1 in small letters", instead("GET", "GET /chat http/1.1"), 400},
	{"a word too many", instead("GET", "GET /chat x HTTP/1.1"), 400},
	{"two spaces", instead("GET", "GET  /chat HTTP/1.1"), 400},
	{"a space at the end of the first line", instead("GET", "GET /chat HTTP/1.1 "), 400},
	{"a method that is no token", instead("GET", "G(T /chat HTTP/1.1"), 400},
	{"an empty first line", "\r\n" + bareRequest, 400},
	{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400},

	{"no target", instead("GET", "GET  HTTP/1.1"), 400},
	{"a target of all", instead("GET", "GET * HTTP/1.1"), 400},
	{"a target without a slash", instead("GET", "GET chat HTTP/1.1"), 400},
	{"a host as target", instead("GET", "GET server.example.com:80 HTTP/1.1"), 400},
	{"another scheme", instead("GET", "GET ftp://server.example.com/ HTTP/1.1"), 400},
	{"a URL without a host", instead("GET", "GET http:///chat HTTP/1.1"), 400},
	{"a URL with a user", instead("GET", "GET http://a:b@server.example.com/ HTTP/1.1"), 400},
	{"a bad escape in the path", instead("GET", "GET /%zz HTTP/1.1"), 400},
	{"a fragment", instead("GET", "GET /chat#x HTTP/1.1"), 400},
	{"letters beyond ASCII in the target", instead("GET", "GET /ä HTTP/1.1"), 400},
	{"a control character in the target", instead("GET", "GET /\x01 HTTP/1.1"), 400},

	{"no host", without("Host"), 400},
	{"two hosts", with("Host: server.example.com\r\n"), 400},
	{"an empty host", instead("Host", "Host:"), 400},
	{"a host with a slash", instead("Host", "Host: a/b"), 400},
	{"a host with a space", instead("Host", "Host: a b"), 400},
	{"two hosts in one", instead("Host", "Host: a, b"), 400},
	{"a host with a user", instead("Host", "Host: a@b"), 400},

	{"a body", with("Content-Length: 5\r\n") + "hello", 400},
	{"a body of a size that is none", with("Content-Length: x\r\n"), 400},
	{"a body of less than nothing", with("Content-Length: -1\r\n"), 400},
	{"a size that is read in two ways", with("Content-Length: +0\r\n"), 400},
	{"two sizes", with("Content-Length: 0\r\nContent-Length: 0\r\n"), 400},
	{"a list of sizes", with("Content-Length: 0, 0\r\n"), 400},
	{"a body in chunks", with("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400},
	{"an encoding of nothing", with("Transfer-Encoding:\r\n"), 400},
	{"an encoding in small letters", with("transfer-encoding: identity\r\n"), 400},

	{"a space before the colon", strings.Replace(bareRequest, "Host:", "Host :", 1), 400},
	{"a continued line", with("X: a\r\n b\r\n"), 400},
	{"a continued line, by a tab", with("X: a\r\n\tb\r\n"), 400},
	{"a continued first field", strings.Replace(bareRequest, "Host", " Host", 1), 400},
	{"a field without a colon", with("X\r\n"), 400},
	{"a field without a name", with(": x\r\n"), 400},
	{"a name that is no token", with("X(: y\r\n"), 400},
	{"a name beyond ASCII", with("Ä: y\r\n"), 400},
	{"a NUL in a value", with("X: a\x00b\r\n"), 400},
	{"a CR in a value", with("X: a\rb\r\n"), 400},
	{"a CR in the first line", instead("GET", "GET /chat\r HTTP/1.1"), 400},
	{"DEL in a value", with("X: a\x7f\r\n"), 400},
	{"lines that end in LF", strings.ReplaceAll(bareRequest, "\r\n", "\n"), 400},
	{"one line that ends in LF", strings.Replace(bareRequest, "com\r\n", "com\n", 1), 400},
	{"an end in LF", strings.TrimSuffix(bareRequest, "\r\n") + "\n", 400},
	{"LF at the very beginning", "\n" + bareRequest, 400},

	{"65 fields", with(strings.Repeat("X: y\r\n", 60)), 431},
	{"16 KiB and a byte", with("X: " + strings.Repeat("y", 16<<10-len(bareRequest)-4) + "\r\n"), 431},
	{"a line without an end", "GET /" + strings.Repeat("x", 20<<10), 431},
}

// TestBareRequests has every request answered by Serve and Upgrade, in one piece and byte by byte.
func TestBareRequests(t *testing.T) {
	inBareModes(t, nil, openEcho, func(t *testing.T, s bareServer) {
		for _, tc := range bareRequests {
			for _, pieces := range [][]string{{tc.request}, {tc.request[:1], tc.request[1 : len(tc.request)/2], tc.request[len(tc.request)/2:]}} {
				resp := ask(t, s.connect(t), pieces...)
				if resp.StatusCode != tc.status {
					t.Errorf("%s: %s", tc.name, resp.Status)
				}
				h := resp.Header
				switch tc.status {
				case 101:
					if h.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || h["Sec-Websocket-Extensions"] != nil {
						t.Errorf("%s: %v", tc.name, h)
					}
					continue
				case 426:
					if h.Get("Upgrade") != "websocket" || h.Get("Sec-WebSocket-Version") != "13" {
						t.Errorf("%s: %v", tc.name, h)
					}
				case 405:
					if h.Get("Allow") != "GET" {
						t.Errorf("%s: %v", tc.name, h)
					}
				}
				text, _ := io.ReadAll(resp.Body)
				if _, err := http.ParseTime(h.Get("Date")); err != nil || !resp.Close || len(text) < 20 || h.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("%s: %v %q", tc.name, h, text)
				}
			}
		}
	})
}

// TestBareRequestsByteByByte is for the parser alone.
func TestBareRequestsByteByByte(t *testing.T) {
	for _, tc := range bareRequests {
		for _, step := range []int{1, 2, 7, 1 << 20} {
			r, rest, err := websocket.ReadRequest([]byte(tc.request), step, new(websocket.UpgradeOptions))
			status := websocket.Refused(err)
			if err == nil && r != nil {
				status = 101
			}
			if status != tc.status || len(rest) > 0 && status == 101 {
				t.Errorf("%s, in steps of %d: %d, %v, and %q is left", tc.name, step, status, err, rest)
			}
		}
	}
}

func TestUpgradeChecksTheOrigin(t *testing.T) {
	for _, tc := range []struct {
		origin   string
		patterns []string
		any      bool
		status   int
	}{
		{"http://server.example.com", nil, false, 101},
		{"http://server.example.com:80", nil, false, 101},
		{"https://server.example.com", nil, false, 403},
		{"http://evil.example", nil, false, 403},
		{"http://evil.example", nil, true, 101},
		{"https://app.example.com", []string{"*.example.com"}, false, 101},
		{"null", nil, false, 403},
	} {
		o := &websocket.UpgradeOptions{AcceptOptions: websocket.AcceptOptions{OriginPatterns: tc.patterns, InsecureSkipVerify: tc.any}}
		_, _, err := websocket.ReadRequest([]byte(with("Origin: "+tc.origin+"\r\n")), 1<<20, o)
		if got := websocket.Refused(err); got != tc.status && (err != nil || tc.status != 101) {
			t.Errorf("%+v: %v", tc, err)
		}
	}
}

func TestOnRequestSeesTheRequestAndShapesTheAnswer(t *testing.T) {
	const request = "GET /rooms/gr%C3%BCn?a=1&b=%20 HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nCookie: id=42; x=y\r\nX: first\r\nx: second\r\n\r\n"
	o := &websocket.UpgradeOptions{OnRequest: func(r *websocket.UpgradeRequest) error {
		if r.Path != "/rooms/grün" || r.RawQuery != "a=1&b=%20" || r.Host != "server.example.com" || r.Header("x") != "first" || r.Header("nothing") != "" {
			t.Errorf("%+v", r)
		}
		if host, _, err := net.SplitHostPort(r.RemoteAddr().String()); err != nil || host != "127.0.0.1" {
			t.Error(r.RemoteAddr())
		}
		req := r.HTTP()
		cookie, err := req.Cookie("id")
		if err != nil || cookie.Value != "42" || req.URL.Query().Get("b") != " " || req.URL.Path != r.Path || req.Host != r.Host || req.RemoteAddr != r.RemoteAddr().String() {
			t.Errorf("%v, %+v", err, req)
		}
		r.AnswerHeader().Set("Set-Cookie", "seen=1")
		r.AnswerHeader().Set("Upgrade", "nonsense")
		r.AnswerHeader().Set("X-Split", "one\r\nTwo: three")
		return nil
	}}
	open := func(c *websocket.Conn, r *websocket.UpgradeRequest) websocket.Handler {
		if r.Path != "/rooms/grün" {
			t.Error(r.Path)
		}
		return echoes
	}
	inBareModes(t, o, open, func(t *testing.T, s bareServer) {
		h := ask(t, s.connect(t), request).Header
		if h.Get("Set-Cookie") != "seen=1" || len(h["Upgrade"]) != 1 || h.Get("Upgrade") != "websocket" || h["Two"] != nil {
			t.Error(h)
		}
	})
}

func TestOnRequestRefuses(t *testing.T) {
	o := &websocket.UpgradeOptions{OnRequest: func(r *websocket.UpgradeRequest) error {
		r.AnswerHeader().Set("WWW-Authenticate", "Basic")
		r.AnswerHeader().Set("Content-Length", "1000")
		switch r.Path {
		case "/signin":
			return websocket.Refuse(http.StatusUnauthorized, "sign in")
		case "/moved":
			r.AnswerHeader().Set("Location", "/new")
			return fmt.Errorf("wrapped: %w", websocket.Refuse(http.StatusMovedPermanently, "it is at /new"))
		case "/odd":
			return websocket.Refuse(101, "no such refusal")
		}
		return errors.New("the database's password is 1234")
	}}
	open := func(*websocket.Conn, *websocket.UpgradeRequest) websocket.Handler {
		t.Error("opened")
		return echoes
	}
	inBareModes(t, o, open, func(t *testing.T, s bareServer) {
		for path, want := range map[string]string{
			"/signin": "401 sign in\n", "/moved": "301 it is at /new\n", "/odd": "500 the server has failed\n", "/": "500 the server has failed\n",
		} {
			resp := ask(t, s.connect(t), instead("GET", "GET "+path+" HTTP/1.1"))
			text, _ := io.ReadAll(resp.Body)
			if got := fmt.Sprintf("%d %s", resp.StatusCode, text); got != want || resp.Header.Get("WWW-Authenticate") != "Basic" || len(resp.Header["Content-Length"]) != 1 {
				t.Errorf("%s: %q, %v", path, got, resp.Header)
			}
		}
	})
}

// TestUpgradeOfATrickle: a client that sends its request byte by byte, or nothing, has 5 s in all.
func TestUpgradeOfATrickle(t *testing.T) {
	for _, tc := range []struct {
		sends   bool
		timeout time.Duration
		want    time.Duration
	}{{true, 0, 5 * time.Second}, {false, 0, 5 * time.Second}, {true, time.Second, time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			start := time.Now()
			if tc.sends {
				go func() {
					for i := range len(bareRequest) {
						if _, err := io.WriteString(far, bareRequest[i:i+1]); err != nil {
							return
						}
						time.Sleep(100 * time.Millisecond)
					}
				}()
			}
			answer := async(func() string {
				b, _ := io.ReadAll(far)
				return string(b)
			})
			c, err := websocket.Upgrade(near, &websocket.UpgradeOptions{HandshakeTimeout: tc.timeout})
			if c != nil || err == nil || !tc.sends && !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(c, err)
			}
			if took := time.Since(start); took != tc.want {
				t.Errorf("it took %v", took)
			}
			if got := answer(); strings.HasPrefix(got, "HTTP/1.1 408 ") != tc.sends || !tc.sends && got != "" {
				t.Errorf("answered %q", got)
			}
			far.Close()
			time.Sleep(time.Second) // the client notices
		})
	}
}

// TestUpgradeWaitsForAPeerThatIsRefused, but not for ever: it could not read the answer if the connection were closed at once.
func TestUpgradeWaitsForAPeerThatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		start := time.Now()
		upgraded := async(func() error {
			_, err := websocket.Upgrade(halfClosing{near}, nil)
			return err
		})
		io.WriteString(far, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(far), nil)
		if err != nil || resp.StatusCode != 426 {
			t.Fatal(resp, err)
		}
		if err := upgraded(); websocket.Refused(err) != 426 {
			t.Error(err)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("it took %v", took)
		}
		far.Close()
	})
}

// halfClosing is a connection whose directions end one by one, so far as its user can tell.
type halfClosing struct{ net.Conn }

func (halfClosing) CloseWrite() error { return nil }

func TestUpgradeOfAConnectionThatIsLost(t *testing.T) {
	near, far := net.Pipe()
	go func() {
		io.WriteString(far, "GET / HT")
		far.Close()
	}()
	_, err := websocket.Upgrade(near, nil)
	wantIs(t, err, io.ErrUnexpectedEOF)
	if _, err := near.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Error("the connection is still open:", err)
	}
	w := &hijackedConn{Conn: near, writeErr: errors.New("gone")}
	if _, err := websocket.Upgrade(&bareConn{w, strings.NewReader(bareRequest)}, nil); err == nil || !w.closed {
		t.Error(err, w.closed)
	}
}

// A bareConn has a request to read.
type bareConn struct {
	*hijackedConn
	in *strings.Reader
}

func (c *bareConn) Read(p []byte) (int, error) { return c.in.Read(p) }

func TestUpgradeOverTLS(t *testing.T) {
	near, far := tcpPipe(t)
	o := &websocket.UpgradeOptions{OnRequest: func(r *websocket.UpgradeRequest) error {
		if r.HTTP().TLS == nil {
			return errors.New("it is not known that this is TLS")
		}
		return nil
	}}
	config := &tls.Config{Certificates: []tls.Certificate{certificate()}}
	upgraded := async(func() error {
		c, err := websocket.Upgrade(tls.Server(near, config), o)
		if err == nil {
			c.CloseNow()
		}
		return err
	})
	client := tls.Client(far, &tls.Config{InsecureSkipVerify: true})
	client.SetDeadline(time.Now().Add(30 * time.Second))
	if resp := ask(t, client, with("Origin: https://server.example.com\r\n")); resp.StatusCode != 101 {
		t.Error(resp.Status)
	}
	if err := upgraded(); err != nil {
		t.Error(err)
	}
	client.Close()
}

// TestUpgradeAllocatesLittle: what is not pooled is the connection itself, and what OnRequest may keep.
func TestUpgradeAllocatesLittle(t *testing.T) {
	if raceEnabled { // its pools forget at random
		return
	}
	o := &websocket.UpgradeOptions{AcceptOptions: acceptQuiet}
	in := []byte(bareRequest)
	if n := testing.AllocsPerRun(500, func() { websocket.ReadRequest(in, 1<<20, o) }); n > 3 {
		t.Errorf("reading a request: %v allocations, want at most 3", n)
	}
	nc := &bareConn{&hijackedConn{}, strings.NewReader(bareRequest)}
	if n := testing.AllocsPerRun(500, func() {
		nc.in.Reset(bareRequest)
		nc.sent.Reset()
		if _, err := websocket.Upgrade(nc, o); err != nil {
			t.Fatal(err)
		}
	}); n > 6 {
		t.Errorf("Upgrade: %v allocations, want at most 6", n)
	}
}

// FuzzUpgrade reads requests as they come from the network. What is accepted, net/http must accept, too, and read in the same
// way: else somebody in between could be led to see another request than we do.
func FuzzUpgrade(f *testing.F) {
	for _, tc := range bareRequests {
		f.Add([]byte(tc.request), uint16(7))
	}
	f.Add([]byte(with("Pragma: no-cache\r\nTrailer: X\r\nExpect: 100-continue\r\nX: a\r\nX: b\r\n")+"\x81\x80abcd"), uint16(1000))
	f.Fuzz(func(t *testing.T, in []byte, step uint16) {
		o := &websocket.UpgradeOptions{AcceptOptions: websocket.AcceptOptions{CompressionMode: websocket.CompressionContextTakeover}}
		r, rest, err := websocket.ReadRequest(in, 1<<20, o)
		if r2, rest2, err2 := websocket.ReadRequest(in, 1+int(step), o); fmt.Sprint(err) != fmt.Sprint(err2) || (r == nil) != (r2 == nil) || len(rest) != len(rest2) {
			t.Fatalf("in pieces: %v, and as a whole: %v", err2, err)
		}
		if err != nil {
			if status := websocket.Refused(err); status < 400 {
				t.Fatalf("refused with %d: %v", status, err)
			}
			return
		}
		if r == nil {
			return
		}
		b := bufio.NewReader(bytes.NewReader(in))
		req, err := http.ReadRequest(b)
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", in, err)
		}
		left, _ := io.ReadAll(b)
		if !bytes.Equal(left, rest) || req.Method != http.MethodGet || req.ContentLength != 0 || req.TransferEncoding != nil {
			t.Fatalf("of %q, net/http leaves %q, and we %q; or it has a body", in, left, rest)
		}
		if req.URL.Path != r.Path || req.URL.RawQuery != r.RawQuery || req.Host != r.Host {
			t.Fatalf("%q: %q, %q, %q, and to net/http %q, %q, %q", in, r.Path, r.RawQuery, r.Host, req.URL.Path, req.URL.RawQuery, req.Host)
		}
		for name, values := range req.Header {
			if name == "Cache-Control" && r.Header("Pragma") == "no-cache" && r.Header(name) == "" { // net/http adds it
				continue
			}
			if got := r.Header(name); got != values[0] {
				t.Fatalf("%q: %s is %q, and to net/http %q", in, name, got, values[0])
			}
		}
		if _, err := accept(req, &o.AcceptOptions); err != nil {
			t.Fatalf("Accept refuses %q: %v", in, err)
		}
	})
}
