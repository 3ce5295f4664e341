package websocket_test

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

// answer runs a server that answers a handshake with what f makes of the right answer, and returns its URL.
func answer(t *testing.T, f func(r *http.Request, status *int, h http.Header)) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		h := http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Accept": {base64.StdEncoding.EncodeToString(sum[:])}}
		status := 101
		f(r, &status, h)
		nc, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer nc.Close()
		fmt.Fprintf(nc, "HTTP/1.1 %d Status\r\n", status)
		h.Write(nc)
		io.WriteString(nc, "\r\n")
		if status != 101 {
			io.WriteString(nc, strings.Repeat("no ", 1000))
			return
		}
		io.Copy(io.Discard, nc)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestDialSendsTheHandshakeOfTheRFC(t *testing.T) {
	var got *http.Request
	keys := map[string]bool{}
	url := answer(t, func(r *http.Request, _ *int, h http.Header) {
		got = r
		keys[r.Header.Get("Sec-WebSocket-Key")] = true
		h.Set("Sec-WebSocket-Protocol", "v1")
	})
	header := http.Header{"X-Mine": {"yes"}, "Sec-Websocket-Key": {"mine"}, "Connection": {"close"}}
	for range 2 {
		c := dial(t, strings.Replace(url, "http", "ws", 1)+"/path?q=1", &websocket.DialOptions{
			HTTPHeader: header, Host: "other.example", Subprotocols: []string{"v2", "v1"}})
		if c.Subprotocol() != "v1" {
			t.Errorf("subprotocol %q", c.Subprotocol())
		}
		c.CloseNow()
	}
	h := got.Header
	key, err := base64.StdEncoding.DecodeString(h.Get("Sec-WebSocket-Key"))
	if got.Method != "GET" || got.RequestURI != "/path?q=1" || got.Host != "other.example" || h.Get("Connection") != "Upgrade" ||
		h.Get("Upgrade") != "websocket" || h.Get("Sec-WebSocket-Version") != "13" || len(key) != 16 || err != nil ||
		h.Get("Sec-WebSocket-Protocol") != "v2, v1" || h.Get("X-Mine") != "yes" {
		t.Errorf("%+v", got)
	}
	if len(keys) != 2 {
		t.Error("the key is not new each time:", keys)
	}
	if len(header) != 3 || header.Get("Connection") != "close" {
		t.Error("the caller's header was changed:", header)
	}
}

func TestDialRefusesAWrongAnswer(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(status *int, h http.Header)
		ok     bool
	}{
		{"right", func(status *int, h http.Header) {}, true},
		{"cases and lists", func(_ *int, h http.Header) {
			h["Upgrade"], h["Connection"] = []string{"WEBSOCKET"}, []string{"x, upgrade"}
		}, true},
		{"status 200", func(status *int, h http.Header) { *status = 200 }, false},
		{"status 403", func(status *int, h http.Header) { *status = 403 }, false},
		{"no Upgrade", func(_ *int, h http.Header) { h.Del("Upgrade") }, false},
		{"no Connection", func(_ *int, h http.Header) { h.Del("Connection") }, false},
		{"no Accept", func(_ *int, h http.Header) { h.Del("Sec-WebSocket-Accept") }, false},
		{"two Accepts", func(_ *int, h http.Header) {
			h.Add("Sec-WebSocket-Accept", h.Get("Sec-WebSocket-Accept"))
		}, false},
		{"Accept of another key", func(_ *int, h http.Header) { h.Set("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") }, false},
		{"an extension", func(_ *int, h http.Header) { h.Set("Sec-WebSocket-Extensions", "permessage-deflate") }, false},
		{"a subprotocol that was offered", func(_ *int, h http.Header) { h.Set("Sec-WebSocket-Protocol", "chat") }, true},
		{"a subprotocol that was not", func(_ *int, h http.Header) { h.Set("Sec-WebSocket-Protocol", "Chat") }, false},
		{"two subprotocols", func(_ *int, h http.Header) { h["Sec-Websocket-Protocol"] = []string{"chat", "chat"} }, false},
		{"an empty subprotocol", func(_ *int, h http.Header) { h.Set("Sec-WebSocket-Protocol", "") }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			url := answer(t, func(_ *http.Request, status *int, h http.Header) { tc.change(status, h) })
			c, resp, err := websocket.Dial(bg, url, &websocket.DialOptions{Subprotocols: []string{"chat"}})
			if (err == nil) != tc.ok {
				t.Fatal(err)
			}
			if err != nil {
				body, readErr := io.ReadAll(resp.Body)
				if readErr != nil || len(body) > 1024 || (resp.StatusCode != 101 && !strings.HasPrefix(string(body), "no no")) {
					t.Fatalf("%q, %v", body, readErr)
				}
				return
			}
			if resp.StatusCode != 101 {
				t.Fatal(resp.Status)
			}
			c.CloseNow()
		})
	}
}

func TestDialChecksWhatItIsGiven(t *testing.T) {
	for name, tc := range map[string]struct {
		url  string
		opts *websocket.DialOptions
	}{
		"scheme":                       {"ftp://example.com", nil},
		"no scheme":                    {"example.com", nil},
		"malformed URL":                {"ws://a b", nil},
		"fragment":                     {"ws://127.0.0.1:1/#top", nil},
		"subprotocol that is no token": {"ws://127.0.0.1:1", &websocket.DialOptions{Subprotocols: []string{"a b"}}},
		"subprotocol twice":            {"ws://127.0.0.1:1", &websocket.DialOptions{Subprotocols: []string{"a", "a"}}},
		"empty subprotocol":            {"ws://127.0.0.1:1", &websocket.DialOptions{Subprotocols: []string{""}}},
		"no host":                      {"ws:///path", nil},
		"method":                       {"ws://%41:1", nil},
	} {
		if _, _, err := websocket.Dial(bg, tc.url, tc.opts); err == nil {
			t.Error(name)
		}
	}
}

func TestDialErrorsDoNotHoldSecretsOfTheURL(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nobody listens there
	_, _, err = websocket.Dial(bg, "ws://user:hunter2@"+l.Addr().String()+"/path?token=secret", nil)
	if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "/path") {
		t.Fatal(err)
	}
}

func TestDialFollowsRedirectsAlsoToWebSocketURLs(t *testing.T) {
	target := serve(t, nil, echo)
	hops := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hops++
		http.Redirect(w, r, target, http.StatusTemporaryRedirect)
	}))
	defer srv.Close()
	c := dial(t, srv.URL, nil)
	go c.Write(bg, websocket.MessageText, []byte("there"))
	wantMessage(t, c, websocket.MessageText, "there")
	if hops != 1 {
		t.Fatal(hops)
	}
	// The caller's own rule holds, too.
	refused := errors.New("no redirects")
	client := &http.Client{CheckRedirect: func(req *http.Request, via []*http.Request) error { return refused }}
	_, _, err := websocket.Dial(bg, srv.URL, &websocket.DialOptions{HTTPClient: client})
	wantIs(t, err, refused)
}

func TestDialGivesUpOnARedirectLoop(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	}))
	defer srv.Close()
	if _, _, err := websocket.Dial(bg, srv.URL, nil); err == nil || !strings.Contains(err.Error(), "10 redirects") {
		t.Fatal(err)
	}
}

func TestDialUsesTheClientsCookiesAndProxy(t *testing.T) {
	cookies := make(chan string, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookies <- r.Header.Get("Cookie")
		c, err := websocket.Accept(w, r, nil)
		if err == nil {
			c.CloseNow()
		}
	}))
	defer srv.Close()
	// A proxy for plain HTTP passes bytes on after it has seen where they want to go.
	proxied := ""
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	go func() {
		from, err := proxy.Accept()
		if err != nil {
			return
		}
		defer from.Close()
		to, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			return
		}
		defer to.Close()
		buf := make([]byte, 4096)
		n, _ := from.Read(buf)
		proxied = strings.SplitN(string(buf[:n]), "\r\n", 2)[0]
		to.Write(buf[:n])
		go io.Copy(to, from)
		io.Copy(from, to)
	}()
	jar, _ := cookiejar.New(nil)
	target, _ := url.Parse("http://chat.example/")
	jar.SetCookies(target, []*http.Cookie{{Name: "session", Value: "42"}})
	client := &http.Client{Jar: jar, Transport: &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: proxy.Addr().String()})}}
	c := dial(t, "ws://chat.example/", &websocket.DialOptions{HTTPClient: client})
	c.CloseNow()
	if got := <-cookies; got != "session=42" {
		t.Errorf("cookies %q", got)
	}
	if proxied != "GET http://chat.example/ HTTP/1.1" {
		t.Errorf("the proxy saw %q", proxied)
	}
}

func TestDialsTimeLimitsEndWithTheHandshake(t *testing.T) {
	url := serve(t, nil, echo)
	ctx, cancel := context.WithCancel(bg)
	c, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: &http.Client{Timeout: 200 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	cancel()
	waited, stop := context.WithTimeout(bg, 400*time.Millisecond)
	defer stop()
	_, _, err = c.Read(waited)
	wantIs(t, err, context.DeadlineExceeded)
	go c.Write(bg, websocket.MessageText, []byte("still here"))
	wantMessage(t, c, websocket.MessageText, "still here")
}

func TestDialTimesOut(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, _, err = websocket.Dial(bg, "ws://"+l.Addr().String(), &websocket.DialOptions{HTTPClient: &http.Client{Timeout: 10 * time.Millisecond}})
	wantIs(t, err, context.DeadlineExceeded)
	ctx, cancel := context.WithTimeout(bg, 10*time.Millisecond)
	defer cancel()
	_, _, err = websocket.Dial(ctx, "ws://"+l.Addr().String(), nil)
	wantIs(t, err, context.DeadlineExceeded)
}

func TestDialOverTLS(t *testing.T) {
	url, opts := serveTLS(t, true, echo)
	c := dial(t, url, opts)
	for _, n := range []int{0, 10, 16 << 10, 100_000} {
		want := strings.Repeat("x", n)
		go c.Write(bg, websocket.MessageText, []byte(want))
		wantMessage(t, c, websocket.MessageText, want)
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	if _, _, err := websocket.Dial(bg, url, nil); err == nil {
		t.Fatal("a certificate that nobody knows was taken")
	}
}

func TestViolationOverTLSByAServer(t *testing.T) {
	url, opts := serveTLS(t, true, func(c *websocket.Conn) {
		c.Write(bg, websocket.MessageBinary, make([]byte, 1<<20)) // over the limit below
		if _, _, err := c.Read(bg); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
			t.Error(err)
		}
	})
	c := dial(t, url, opts)
	c.SetReadLimit(10)
	_, _, err := c.Read(bg)
	wantIs(t, err, websocket.ErrMessageTooBig)
}

func TestCloseOfAConnectionThatIsBrokenBelow(t *testing.T) {
	for _, secure := range []bool{false, true} {
		url, opts := serveTLS(t, secure, func(c *websocket.Conn) {
			c.Read(bg)
			c.CloseNow()
		})
		c := dial(t, url, opts)
		for c.Write(bg, websocket.MessageText, []byte("x")) == nil {
		}
		again := c.Write(bg, websocket.MessageText, []byte("x"))
		if again == nil || !strings.HasPrefix(again.Error(), "websocket: sending:") {
			t.Error(again) // it is still there, so that a read can find what the peer said
		}
		if err := c.Close(1000, ""); err == nil {
			t.Error("no error")
		}
		wantIs(t, c.Write(bg, websocket.MessageText, nil), net.ErrClosed)
	}
}

func TestCloseDeadlineOverTLS(t *testing.T) {
	srv := httptest.NewTLSServer(nil) // for its certificate
	certs := srv.TLS.Certificates
	srv.Close()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := websocket.ServerConn(tls.Server(near, &tls.Config{Certificates: certs}), acceptQuiet)
		peer := tls.Client(far, &tls.Config{InsecureSkipVerify: true})
		quiet := async(func() error {
			_, err := io.ReadFull(peer, make([]byte, 4)) // the close frame; then nothing is taken, not even TLS's goodbye
			return err
		})
		start := time.Now()
		if err := c.Close(1000, ""); err == nil {
			t.Fatal("no error")
		}
		wantTime(t, time.Since(start), 5*time.Second)
		if err := quiet(); err != nil {
			t.Fatal(err)
		}
	})
}

// roundTripper wraps a transport, as those that add tracing do: net/http's connection cannot be had then.
type roundTripper struct{ http.RoundTripper }

// bare is a body that can do no more than it must.
type bare struct{ io.ReadWriteCloser }

func (rt roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := rt.RoundTripper.RoundTrip(r)
	if err == nil && resp.StatusCode == 101 {
		resp.Body = bare{resp.Body.(io.ReadWriteCloser)}
	}
	return resp, err
}

func TestDialThroughATransportThatIsNotNetHTTPs(t *testing.T) {
	url := serve(t, nil, func(c *websocket.Conn) {
		c.SetReadLimit(-1)
		echo(c)
	})
	c := dial(t, url, &websocket.DialOptions{HTTPClient: &http.Client{Transport: roundTripper{http.DefaultTransport}}})
	for i := range 5 {
		ctx, cancel := context.WithCancel(bg)
		cancelled := async(func() error {
			_, _, err := c.Read(ctx)
			return err
		})
		cancel()
		wantIs(t, cancelled(), context.Canceled)
		want := strings.Repeat("x", i*5000)
		go c.Write(timeout(t, time.Minute), websocket.MessageText, []byte(want))
		wantMessage(t, c, websocket.MessageText, want)
	}
	if addr := websocket.NetConn(bg, c, websocket.MessageText).RemoteAddr(); addr.Network() != "websocket" || addr.String() == "" {
		t.Error(addr)
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
}

type readOnly struct{ http.RoundTripper }

func (rt readOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := rt.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = struct{ io.ReadCloser }{resp.Body}
	}
	return resp, err
}

func TestDialThroughATransportWhoseBodiesCannotBeWrittenTo(t *testing.T) {
	url := serve(t, nil, echo)
	_, _, err := websocket.Dial(bg, url, &websocket.DialOptions{HTTPClient: &http.Client{Transport: readOnly{http.DefaultTransport}}})
	if err == nil || !strings.Contains(err.Error(), "cannot be written to") {
		t.Fatal(err)
	}
}

func TestPumpConnDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := websocket.NewPumpConn(bare{near})
		buf := make([]byte, 4)
		start := time.Now()

		c.SetReadDeadline(time.Now().Add(time.Second))
		_, err := c.Read(buf)
		wantIs(t, err, os.ErrDeadlineExceeded)
		wantTime(t, time.Since(start), time.Second)
		_, err = c.Read(buf) // it stays so
		wantIs(t, err, os.ErrDeadlineExceeded)

		// A deadline that is moved while a read waits.
		c.SetReadDeadline(time.Time{})
		late := async(func() error { _, err := c.Read(buf); return err })
		synctest.Wait()
		c.SetReadDeadline(time.Now().Add(time.Second))
		wantIs(t, late(), os.ErrDeadlineExceeded)
		wantTime(t, time.Since(start), 2*time.Second)

		// What came meanwhile is not lost.
		far.Write([]byte("abcdefg"))
		c.SetDeadline(time.Time{})
		for _, want := range []string{"abcd", "efg"} {
			if n, err := c.Read(buf); err != nil || string(buf[:n]) != want {
				t.Fatalf("%q, %v", buf[:n], err)
			}
		}

		// A write deadline that passes between writes does no harm; nor does one that is taken back in time.
		c.SetWriteDeadline(time.Now().Add(-time.Second))
		_, err = c.Write([]byte("x"))
		wantIs(t, err, os.ErrDeadlineExceeded)
		c.SetWriteDeadline(time.Now().Add(time.Second))
		written := async(func() error { _, err := c.Write([]byte("x")); return err })
		synctest.Wait()
		c.SetWriteDeadline(time.Time{})
		time.Sleep(2 * time.Second)
		if _, err := far.Read(buf); err != nil {
			t.Fatal(err)
		}
		if err := written(); err != nil {
			t.Fatal(err)
		}

		// One that passes in a write closes.
		c.SetWriteDeadline(time.Now().Add(time.Second))
		_, err = c.Write([]byte("x"))
		wantIs(t, err, os.ErrDeadlineExceeded)
		if _, err := far.Read(buf); err != io.EOF {
			t.Fatal(err)
		}
		c.SetReadDeadline(time.Time{})
		if _, err := c.Read(buf); err == nil {
			t.Fatal("read from a closed connection")
		}
	})
}
