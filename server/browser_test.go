package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/server"
	"github.com/seed-4a326f83/parley/websocket"
)

// A browser calls the HTTP API as a page does: with its cookies and an Origin.
type browser struct {
	t      *testing.T
	base   string
	client *http.Client
	header http.Header
}

func newBrowser(t *testing.T, base string) *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{t, base, &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, http.Header{"Origin": {base}, "Content-Type": {"application/json"}}}
}

// call makes a call and returns the status and the answer.
func (b *browser) call(method, path, body string) (int, string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	for name, values := range b.header {
		req.Header[name] = values
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// get makes a call that must be answered, and returns the answer's fields.
func (b *browser) get(method, path, body string) map[string]any {
	b.t.Helper()
	status, answer := b.call(method, path, body)
	var fields map[string]any
	if err := json.Unmarshal([]byte(answer), &fields); err != nil || status != http.StatusOK {
		b.t.Fatalf("%s %s %s: %d %s", method, path, body, status, answer)
	}
	return fields
}

// refused makes a call that must be refused with a code.
func (b *browser) refused(status int, code parley.Code, method, path, body string) {
	b.t.Helper()
	got, answer := b.call(method, path, body)
	if got != status || !strings.Contains(answer, `"code":"`+string(code)+`"`) {
		b.t.Errorf("%s %s %s: %d %s, want %d %s", method, path, body, got, answer, status, code)
	}
}

// socket opens a WebSocket with the browser's cookies and says hello.
func (b *browser) socket(hello string) *side {
	b.t.Helper()
	return b.socketOver(plain, hello)
}

// socketOver is socket over any framing.
func (b *browser) socketOver(f framing, hello string) *side {
	b.t.Helper()
	header := b.cookies()
	if f == plain || f == ioWebSocket { // browsers send none when a page polls
		header.Set("Origin", b.base)
	}
	conn, _, err := f.dial(b.t.Context(), nil, b.base, header)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.CloseNow() })
	s := newSide(b.t, conn)
	s.send(websocket.MessageText, hello)
	s.barrier()
	return s
}

func (b *browser) dial(header http.Header, subprotocols ...string) (*websocket.Conn, *http.Response, error) {
	maps.Copy(header, b.cookies())
	return websocket.Dial(b.t.Context(), "ws"+strings.TrimPrefix(b.base, "http")+"/ws", &websocket.DialOptions{
		HTTPHeader: header, Subprotocols: append([]string{server.PlainProtocol}, subprotocols...),
	})
}

func (b *browser) cookies() http.Header {
	header := http.Header{}
	u, _ := url.Parse(b.base)
	for _, c := range b.client.Jar.Cookies(u) {
		header.Set("Cookie", c.Name+"="+c.Value)
	}
	return header
}

// ends reads to the end of the connection, which must come with code.
func (s *side) ends(code websocket.StatusCode) {
	s.t.Helper()
	for {
		if _, ok := s.next(); !ok {
			break
		}
	}
	if got := websocket.CloseStatus(s.closed); got != code {
		s.t.Fatalf("closed with %v (%v), want %v", got, s.closed, code)
	}
}

// accounts starts a server with accounts and returns the browser of its admin,
// ann.
func accounts(t *testing.T) (base string, ann *browser) {
	base = startServer(t, options{noGuests: true, setup: "first", config: server.Config{SignIns: server.SignIns{Accounts: true}}})
	ann = newBrowser(t, base)
	ann.get("POST", "/api/setup", `{"token":"first","name":"ann","password":"correct horse"}`)
	return base, ann
}

// invited returns the browser of somebody whom the admin invited, and their id.
func invited(t *testing.T, admin *browser, name string) (*browser, string) {
	t.Helper()
	link := admin.get("POST", "/api/invites", `{}`)["link"].(string)
	_, ticket, _ := strings.Cut(link, "#invite=")
	b := newBrowser(t, admin.base)
	me := b.get("POST", "/api/signup", fmt.Sprintf(`{"ticket":%q,"name":%q,"password":"correct horse"}`, ticket, name))
	return b, me["id"].(string)
}
