package engineio_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/internal/memnet"
	"github.com/seed-4a326f83/parley/socketio/engineio"
	"github.com/seed-4a326f83/parley/websocket"
)

const (
	pingInterval = 300 * time.Millisecond
	pingTimeout  = 200 * time.Millisecond
)

// A world is a server and what it tells, in a bubble of testing/synctest: time passes only when everything waits.
type world struct {
	t      *testing.T
	server *engineio.Server
	client *http.Client
	header http.Header // of all requests

	mu       sync.Mutex
	sessions []*engineio.Session
	ends     []engineio.Reason
	inside   map[*engineio.Session]int // calls of the handler under way

	onMessage func(s *engineio.Session, typ websocket.MessageType, data []byte)
}

// inWorld runs a test against a server with those options, whose handler sends back what it gets: once with GET requests that
// wait in their handlers, and once with parked ones.
func inWorld(t *testing.T, opts engineio.Options, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("waiting", func(t *testing.T) { inOneWorld(t, opts, false, test) })
	t.Run("parked", func(t *testing.T) { inOneWorld(t, opts, true, test) })
}

func inOneWorld(t *testing.T, opts engineio.Options, parked bool, test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		if opts.PingInterval == 0 {
			opts.PingInterval, opts.PingTimeout = pingInterval, pingTimeout
		}
		w := &world{t: t, header: http.Header{}, inside: make(map[*engineio.Session]int)}
		w.onMessage = func(s *engineio.Session, typ websocket.MessageType, data []byte) {
			if typ == websocket.MessageText {
				s.Send(engineio.Text(data))
			} else {
				s.Send(engineio.Binary(data))
			}
		}
		w.server = engineio.NewServer(&opts, w)
		if parked {
			w.server.ParkAtOnce()
		}
		t.Cleanup(func() { time.Sleep(time.Minute) }) // net/http waits a little where it refused to read on
		w.client = memnet.Serve(t, w.server)
		defer w.server.Close()
		test(t, w)
	})
}

func (w *world) OnOpen(s *engineio.Session) {
	defer w.enter(s)()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sessions = append(w.sessions, s)
}

func (w *world) OnMessage(s *engineio.Session, typ websocket.MessageType, data []byte) {
	defer w.enter(s)()
	w.onMessage(s, typ, data)
}

func (w *world) OnClose(_ *engineio.Session, reason engineio.Reason) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ends = append(w.ends, reason)
}

// enter checks that calls for one session do not overlap.
func (w *world) enter(s *engineio.Session) (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.inside[s]++; w.inside[s] > 1 {
		w.t.Error("two calls of the handler at once")
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.inside[s]--
	}
}

// session returns the newest session.
func (w *world) session() *engineio.Session {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sessions[len(w.sessions)-1]
}

// ended checks how sessions have ended, in that order.
func (w *world) ended(reasons ...engineio.Reason) {
	w.t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.ends) != len(reasons) {
		w.t.Fatalf("sessions ended with %q, want %q", w.ends, reasons)
	}
	for i, r := range reasons {
		if w.ends[i] != r {
			w.t.Fatalf("sessions ended with %q, want %q", w.ends, reasons)
		}
	}
}

// A response is an HTTP response that was read.
type response struct {
	status int
	body   string
	header http.Header
}

// do makes a request to "/engine.io/?" with the query, and returns the answer.
func (w *world) do(method, query, contentType, body string) response {
	w.t.Helper()
	r, err := w.try(context.Background(), method, query, contentType, body)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) try(ctx context.Context, method, query, contentType, body string) (response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://example.com/engine.io/?"+query, strings.NewReader(body))
	if err != nil {
		return response{}, err
	}
	if body == "" {
		req.Body = http.NoBody
	}
	req.Header = w.header.Clone()
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return response{resp.StatusCode, string(text), resp.Header}, err
}

func (w *world) get(sid string) response {
	w.t.Helper()
	return w.do("GET", "EIO=4&transport=polling&sid="+sid, "", "")
}

func (w *world) post(sid, body string) response {
	w.t.Helper()
	return w.do("POST", "EIO=4&transport=polling&sid="+sid, "text/plain;charset=UTF-8", body)
}

// begin begins a request whose answer comes later.
func (w *world) begin(method, query, body string) <-chan response {
	answer := make(chan response, 1)
	go func() {
		r, err := w.try(context.Background(), method, query, "", body)
		if err != nil {
			w.t.Error(err)
		}
		answer <- r
	}()
	synctest.Wait()
	return answer
}

func (w *world) beginGet(sid string) <-chan response {
	return w.begin("GET", "EIO=4&transport=polling&sid="+sid, "")
}

// waits checks that an answer has not come.
func (w *world) waits(answer <-chan response) {
	w.t.Helper()
	synctest.Wait()
	select {
	case r := <-answer:
		w.t.Fatalf("was answered already: %d %q", r.status, r.body)
	default:
	}
}

// A handshake is what a session opens with.
type handshake struct {
	SID          string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int      `json:"pingInterval"`
	PingTimeout  int      `json:"pingTimeout"`
	MaxPayload   int      `json:"maxPayload"`
}

// parseHandshake parses an open packet, which must have exactly the fields that it has.
func (w *world) parseHandshake(packet string) handshake {
	w.t.Helper()
	var h handshake
	var all map[string]any
	text, ok := strings.CutPrefix(packet, "0")
	if !ok || json.Unmarshal([]byte(text), &h) != nil || json.Unmarshal([]byte(text), &all) != nil || len(all) != 5 || h.Upgrades == nil {
		w.t.Fatalf("no handshake: %q", packet)
	}
	return h
}

// poll opens a session that polls, and returns its id.
func (w *world) poll() (sid string) {
	w.t.Helper()
	r := w.do("GET", "EIO=4&transport=polling", "", "")
	if r.status != 200 {
		w.t.Fatalf("the handshake was answered %d %q", r.status, r.body)
	}
	return w.parseHandshake(r.body).SID
}

// A peer is a client's WebSocket.
type peer struct {
	w *world
	*websocket.Conn
}

// dial opens a WebSocket with "EIO=4&transport=websocket" and more.
func (w *world) dial(more string) *peer {
	w.t.Helper()
	c, r, err := w.tryDial("EIO=4&transport=websocket" + more)
	if err != nil {
		w.t.Fatalf("%v (%v)", err, r)
	}
	w.t.Cleanup(func() { c.CloseNow() })
	return &peer{w, c}
}

func (w *world) tryDial(query string) (*websocket.Conn, *http.Response, error) {
	return websocket.Dial(context.Background(), "ws://example.com/engine.io/?"+query, &websocket.DialOptions{
		HTTPClient: w.client, HTTPHeader: w.header, KeepaliveInterval: -1,
	})
}

func (p *peer) send(text string) {
	p.w.t.Helper()
	if err := p.Write(context.Background(), websocket.MessageText, []byte(text)); err != nil {
		p.w.t.Fatal(err)
	}
}

// want reads one message, which must be that.
func (p *peer) want(text string) {
	p.w.t.Helper()
	if got := p.next(); got != text {
		p.w.t.Fatalf("came %q, want %q", got, text)
	}
}

func (p *peer) next() string {
	p.w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	_, data, err := p.Read(ctx)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return string(data)
}

// wantEnd reads until the connection is closed by the server.
func (p *peer) wantEnd(code websocket.StatusCode) {
	p.w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	for {
		_, _, err := p.Read(ctx)
		if err == nil {
			continue
		}
		if ctx.Err() != nil || code != 0 && websocket.CloseStatus(err) != code {
			p.w.t.Fatalf("ended with %v, want %d", err, code)
		}
		return
	}
}

func (r response) want(t *testing.T, status int, body string) {
	t.Helper()
	if r.status != status || r.body != body {
		t.Fatalf("was answered %d %q, want %d %q", r.status, r.body, status, body)
	}
}

// wantError checks that a request was refused with a code.
func (r response) wantError(t *testing.T, status int, code engineio.ErrorCode) {
	t.Helper()
	var e struct {
		Code    *engineio.ErrorCode `json:"code"`
		Message string              `json:"message"`
	}
	if err := json.Unmarshal([]byte(r.body), &e); err != nil || r.status != status || e.Code == nil || *e.Code != code || e.Message == "" {
		t.Fatalf("was answered %d %q, want %d and code %d", r.status, r.body, status, code)
	}
	if typ := r.header.Get("Content-Type"); typ != "application/json" {
		t.Errorf("an error of type %q", typ)
	}
}
