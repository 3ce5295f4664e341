package websocket_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// handshakeRequest is the one of RFC 6455 section 1.3.
func handshakeRequest() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://server.example.com/chat", nil)
	r.Header = http.Header{
		"Upgrade":               {"websocket"},
		"Connection":            {"Upgrade"},
		"Sec-Websocket-Key":     {"dGhlIHNhbXBsZSBub25jZQ=="},
		"Sec-Websocket-Version": {"13"},
	}
	return r
}

// hijackable is a ResponseWriter that gives away a connection in memory; sent is what was written to it.
type hijackable struct {
	*httptest.ResponseRecorder
	conn hijackedConn
	err  error
}

type hijackedConn struct {
	net.Conn
	sent     bytes.Buffer
	writeErr error
	closed   bool
}

func (c *hijackedConn) Write(p []byte) (int, error) {
	if c.writeErr != nil {
		return 0, c.writeErr
	}
	return c.sent.Write(p)
}
func (c *hijackedConn) Close() error                     { c.closed = true; return nil }
func (c *hijackedConn) SetDeadline(time.Time) error      { return nil }
func (c *hijackedConn) SetReadDeadline(time.Time) error  { return nil }
func (c *hijackedConn) SetWriteDeadline(time.Time) error { return nil }

func (h *hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if h.err != nil {
		return nil, nil, h.err
	}
	return &h.conn, bufio.NewReadWriter(bufio.NewReader(&h.conn), bufio.NewWriter(&h.conn)), nil
}

// accept runs Accept on a request and returns what was answered: by net/http, or on the connection.
func accept(r *http.Request, o *websocket.AcceptOptions) (*http.Response, error) {
	w := &hijackable{ResponseRecorder: httptest.NewRecorder()}
	c, err := websocket.Accept(w, r, o)
	if err != nil {
		return w.Result(), err
	}
	c.CloseNow()
	resp, err := http.ReadResponse(bufio.NewReader(&w.conn.sent), r)
	if err != nil {
		return nil, fmt.Errorf("the answer is not HTTP: %w", err)
	}
	return resp, nil
}

func TestAcceptAnswersAsTheRFCsExample(t *testing.T) {
	resp, err := accept(handshakeRequest(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Accept": {"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}}
	if resp.StatusCode != 101 || fmt.Sprint(resp.Header) != fmt.Sprint(want) {
		t.Fatal(resp.Status, resp.Header)
	}
}

func TestAcceptRefusesWhatIsNoHandshake(t *testing.T) {
	set := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = values }
	}
	for _, tc := range []struct {
		name   string
		change func(*http.Request)
		status int // 101: accepted
	}{
		{"lists and cases", func(r *http.Request) {
			r.Header = http.Header{
				"Upgrade":               {"h2c, WebSocket"},
				"Connection":            {"keep-alive", " , UPGRADE ,,\tother"},
				"Sec-Websocket-Key":     r.Header["Sec-Websocket-Key"],
				"Sec-Websocket-Version": {" 13 "},
			}
		}, 101},
		{"POST", func(r *http.Request) { r.Method = http.MethodPost }, 405},
		{"HTTP/1.0", func(r *http.Request) { r.Proto, r.ProtoMinor = "HTTP/1.0", 0 }, 505},
		{"HTTP/2", func(r *http.Request) { r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0 }, 505},
		{"a body", func(r *http.Request) { r.ContentLength = 5 }, 400},
		{"a body in chunks", func(r *http.Request) { r.TransferEncoding = []string{"chunked"} }, 400},
		{"no Connection", set("Connection"), 426},
		{"Connection of something else", set("Connection", "keep-alive, upgraded"), 426},
		{"no Upgrade", set("Upgrade"), 426},
		{"Upgrade to something else", set("Upgrade", "websocketx"), 426},
		{"no version", set("Sec-WebSocket-Version"), 426},
		{"version 8", set("Sec-WebSocket-Version", "8"), 426},
		{"version 013", set("Sec-WebSocket-Version", "013"), 426},
		{"two versions", set("Sec-WebSocket-Version", "13", "13"), 400},
		{"no key", set("Sec-WebSocket-Key"), 400},
		{"two keys", set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="), 400},
		{"key of 15 bytes", set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j"), 400},
		{"key of 17 bytes", set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZTEy"), 400},
		{"key that is not base64", set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=!"), 400},
		{"key with stray bits", set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZR=="), 400},
		{"subprotocol that is no token", set("Sec-WebSocket-Protocol", "chat, super chat"), 400},
		{"subprotocol twice", set("Sec-WebSocket-Protocol", "chat", "chat"), 400},
		{"empty subprotocols", set("Sec-WebSocket-Protocol", "", ",,"), 101},
		{"an extension", set("Sec-WebSocket-Extensions", "permessage-deflate"), 101},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := handshakeRequest()
			tc.change(r)
			resp, err := accept(r, nil)
			if resp == nil || resp.StatusCode != tc.status || (err == nil) != (tc.status == 101) {
				t.Fatalf("%+v, %v", resp, err)
			}
			if resp.Header["Sec-Websocket-Extensions"] != nil {
				t.Error("an extension was agreed to")
			}
			switch tc.status {
			case 426:
				if resp.Header.Get("Sec-WebSocket-Version") != "13" || resp.Header.Get("Upgrade") != "websocket" {
					t.Error(resp.Header)
				}
			case 405:
				if resp.Header.Get("Allow") != "GET" {
					t.Error(resp.Header)
				}
			}
		})
	}
}

func TestAcceptChecksTheOrigin(t *testing.T) {
	for _, tc := range []struct {
		origin   []string
		host     string
		tls      bool
		patterns []string
		ok       bool
	}{
		{nil, "example.com", false, nil, true},
		{[]string{"http://example.com"}, "example.com", false, nil, true},
		{[]string{"HTTP://EXAMPLE.com"}, "example.COM", false, nil, true},
		{[]string{"http://example.com:80"}, "example.com", false, nil, true},
		{[]string{"http://example.com"}, "example.com:80", false, nil, true},
		{[]string{"https://example.com"}, "example.com:443", true, nil, true},
		{[]string{"http://example.com:8080"}, "example.com:8080", false, nil, true},
		{[]string{"http://[::1]:8080"}, "[::1]:8080", false, nil, true},
		{[]string{"https://example.com"}, "example.com", false, nil, false}, // another scheme is another origin
		{[]string{"http://example.com"}, "example.com", true, nil, false},
		{[]string{"http://example.com:8081"}, "example.com:8080", false, nil, false},
		{[]string{"http://example.com"}, "example.com:8080", false, nil, false},
		{[]string{"http://evil.com"}, "example.com", false, nil, false},
		{[]string{"http://example.com.evil.com"}, "example.com", false, nil, false},
		{[]string{"null"}, "example.com", false, nil, false},
		{[]string{""}, "example.com", false, nil, false},
		{[]string{"http://%zz"}, "example.com", false, nil, false},
		{[]string{"file://"}, "example.com", false, nil, false},
		{[]string{"http://example.com", "http://example.com"}, "example.com", false, nil, false},
		{[]string{"https://app.example.com"}, "example.com", false, []string{"*.example.com"}, true},
		{[]string{"https://APP.example.com"}, "example.com", false, []string{"app.EXAMPLE.com"}, true},
		{[]string{"https://app.example.com"}, "example.com", false, []string{"https://*.example.com"}, true},
		{[]string{"http://app.example.com"}, "example.com", false, []string{"https://*.example.com"}, false},
		{[]string{"https://app.example.com:8443"}, "example.com", false, []string{"app.example.com"}, false},
		{[]string{"https://example.org"}, "example.com", false, []string{"x.org", "*.com"}, false},
		{[]string{"https://example.org"}, "example.com", false, []string{"[a"}, false},
	} {
		r := handshakeRequest()
		r.Host = tc.host
		if tc.origin != nil {
			r.Header["Origin"] = tc.origin
		}
		if tc.tls {
			r.TLS = &tls.ConnectionState{}
		}
		resp, err := accept(r, &websocket.AcceptOptions{OriginPatterns: tc.patterns})
		if (err == nil) != tc.ok || (!tc.ok && resp.StatusCode != http.StatusForbidden) {
			t.Errorf("%+v: %v", tc, err)
		}
		if _, err = accept(r, &websocket.AcceptOptions{InsecureSkipVerify: true}); err != nil {
			t.Errorf("%+v, not checked: %v", tc, err)
		}
	}
}

func TestAcceptAgreesOnASubprotocol(t *testing.T) {
	for _, tc := range []struct {
		ours    []string
		offered []string
		want    string
	}{
		{nil, nil, ""},
		{nil, []string{"chat"}, ""},
		{[]string{"chat"}, nil, ""},
		{[]string{"v2", "v1"}, []string{"v1, v2"}, "v2"},
		{[]string{"v2", "v1"}, []string{"v0", "v1"}, "v1"},
		{[]string{"Chat"}, []string{"chat"}, ""},
	} {
		r := handshakeRequest()
		r.Header["Sec-Websocket-Protocol"] = tc.offered
		resp, err := accept(r, &websocket.AcceptOptions{Subprotocols: tc.ours})
		if err != nil || resp.Header.Get("Sec-WebSocket-Protocol") != tc.want {
			t.Errorf("%+v: %v, %v", tc, resp.Header, err)
		}
	}
}

func TestAcceptSendsTheHandlersHeaderFieldsAndNothingElse(t *testing.T) {
	w := &hijackable{ResponseRecorder: httptest.NewRecorder()}
	w.Header().Set("Set-Cookie", "a=b")
	w.Header().Set("X-Split", "one\r\nTwo: three")
	w.Header().Set("Content-Length", "10")
	w.Header().Set("Sec-WebSocket-Accept", "nonsense")
	c, err := websocket.Accept(w, handshakeRequest(), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.CloseNow()
	resp, err := http.ReadResponse(bufio.NewReader(&w.conn.sent), nil)
	if err != nil {
		t.Fatal(err)
	}
	h := resp.Header
	if h.Get("Set-Cookie") != "a=b" || h["Two"] != nil || h["Content-Length"] != nil || len(h["Sec-Websocket-Accept"]) != 1 || h.Get("Sec-WebSocket-Accept") == "nonsense" {
		t.Fatal(h)
	}
}

func TestAcceptWithoutAHijacker(t *testing.T) {
	w := httptest.NewRecorder()
	if _, err := websocket.Accept(w, handshakeRequest(), nil); err == nil || w.Code != http.StatusNotImplemented {
		t.Fatal(w.Code, err)
	}
}

func TestAcceptWhenTheConnectionIsGone(t *testing.T) {
	w := &hijackable{ResponseRecorder: httptest.NewRecorder()}
	w.conn.writeErr = errors.New("gone")
	if _, err := websocket.Accept(w, handshakeRequest(), nil); err == nil || !w.conn.closed {
		t.Fatal(err, w.conn.closed)
	}
}

func TestTrapBytesSentWithTheUpgradeRequest(t *testing.T) {
	url := serve(t, nil, echo)
	nc, err := net.Dial("tcp", strings.TrimPrefix(url, "ws://"))
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, nc: nc, masks: true, machine: proto.New(proto.Config{Role: proto.Client, Limit: -1})}
	defer nc.Close()
	var early bytes.Buffer
	handshakeRequest().Write(&early)
	early.Write(p.encode(proto.Text, true, "first"))
	early.Write(p.encode(proto.Text, false, strings.Repeat("x", 3000)))
	whole := p.encode(proto.Continuation, true, "last")
	early.Write(whole[:3]) // half a header
	p.send(early.Bytes())
	r := bufio.NewReader(nc)
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 101 {
		t.Fatal(resp, err)
	}
	p.in, _ = r.Peek(r.Buffered())
	p.want(frame{op: proto.Text, fin: true, payload: "first"})
	p.send(whole[3:])
	p.want(frame{op: proto.Text, fin: true, payload: strings.Repeat("x", 3000) + "last"})
}

func TestTrapQuadraticHeaderParsing(t *testing.T) {
	// With anything worse than linear work these take longer than the tests may.
	r := handshakeRequest()
	r.Header["Connection"] = []string{strings.Repeat("a,", 1<<19) + "upgrade"}
	r.Header["Upgrade"] = make([]string, 1<<17)
	r.Header["Upgrade"][1<<17-1] = "websocket"
	if _, err := accept(r, nil); err != nil {
		t.Fatal(err)
	}
	var many []string
	for i := range 1 << 17 {
		many = append(many, fmt.Sprint("p", i))
	}
	r.Header["Sec-Websocket-Protocol"] = many
	if resp, err := accept(r, nil); err == nil || resp.StatusCode != http.StatusBadRequest {
		t.Fatal(err)
	}
}

func TestServersOwnTimeoutsDoNotHoldForTheConnection(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		// The server's deadlines pass here, before anything is read or written.
		if err := c.Write(bg, websocket.MessageText, []byte("ready")); err != nil {
			return
		}
		echo(c)
	}))
	srv.Config.ReadTimeout = 100 * time.Millisecond
	srv.Config.WriteTimeout = 100 * time.Millisecond
	srv.Start()
	defer srv.Close()
	c := dial(t, srv.URL, nil)
	wantMessage(t, c, websocket.MessageText, "ready")
	ctx, cancel := context.WithTimeout(bg, 300*time.Millisecond)
	defer cancel()
	_, _, err := c.Read(ctx)
	wantIs(t, err, context.DeadlineExceeded) // and not the server's end of it
	if err := c.Write(bg, websocket.MessageText, []byte("late")); err != nil {
		t.Fatal(err)
	}
	wantMessage(t, c, websocket.MessageText, "late")
}

// FuzzAccept feeds requests as they come from the network to Accept.
func FuzzAccept(f *testing.F) {
	var valid bytes.Buffer
	handshakeRequest().Write(&valid)
	f.Add(valid.String(), "chat", "example.com")
	head := "GET /x HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, field := range []string{"", "Sec-WebSocket-Protocol: a, b,c\r\n", "Origin: http://h\r\n", "Origin: null\r\n", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
		"Sec-WebSocket-Key: again\r\n", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Connection: \x00\r\n", "Sec-WebSocket-Protocol: \"a\"\r\n"} {
		f.Add(head+field+"\r\n", "a", "*")
	}
	f.Fuzz(func(t *testing.T, request, subprotocol, pattern string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request)))
		if err != nil {
			return
		}
		resp, err := accept(r, &websocket.AcceptOptions{Subprotocols: []string{subprotocol}, OriginPatterns: []string{pattern}})
		if resp == nil {
			t.Fatal(err)
		}
		if (err == nil) != (resp.StatusCode == 101) || resp.StatusCode < 400 && err != nil {
			t.Fatalf("status %d with error %v", resp.StatusCode, err)
		}
		if err == nil && (r.Method != "GET" || len(r.Header["Sec-Websocket-Key"]) != 1) {
			t.Fatalf("accepted %q", request)
		}
		if p := resp.Header.Get("Sec-WebSocket-Protocol"); p != "" && p != subprotocol {
			t.Fatalf("subprotocol %q", p)
		}
		io.Copy(io.Discard, resp.Body)
	})
}
