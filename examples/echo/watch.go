package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// A page that wants to see what the server sees makes up a secret name, asks for GET /watch?id=NAME, which answers with a
// stream of events (text/event-stream), and then connects with ?watch=NAME. The connection's own bytes are the same as
// without.

// watchers are the pages that watch, or wait for the connection that they will watch.
type watchers struct {
	mu      sync.Mutex
	waiting map[string]*watcher
}

// A watcher gets the events of one connection.
type watcher struct {
	mu     sync.Mutex
	events chan []byte
	ended  bool
}

// maxEvents is how many events a watcher may be behind; more are not shown.
const maxEvents = 1024

// serve is GET /watch.
func (ws *watchers) serve(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("id")
	watcher := &watcher{events: make(chan []byte, maxEvents)}
	if !ws.add(id, watcher) {
		http.Error(w, "give an id of your own making that is not in use: /watch?id=...", http.StatusBadRequest)
		return
	}
	defer ws.remove(id, watcher)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Access-Control-Allow-Origin", "*") // the page may be opened as a file; the id is the secret
	stream := http.NewResponseController(w)
	for err := stream.Flush(); err == nil; err = stream.Flush() {
		select {
		case <-r.Context().Done():
			return
		case event, ok := <-watcher.events:
			if !ok {
				return
			}
			w.Write(event)
		}
	}
}

func (ws *watchers) add(id string, w *watcher) bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if id == "" || ws.waiting[id] != nil {
		return false
	}
	if ws.waiting == nil {
		ws.waiting = make(map[string]*watcher)
	}
	ws.waiting[id] = w
	return true
}

func (ws *watchers) remove(id string, w *watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.waiting[id] == w {
		delete(ws.waiting, id)
	}
}

// tap has the watcher that the request names, if there is one, told of the request and of what goes over the connection once
// that is taken over through the ResponseWriter that it returns.
func (ws *watchers) tap(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *watcher) {
	id := r.URL.Query().Get("watch")
	ws.mu.Lock()
	watcher := ws.waiting[id]
	delete(ws.waiting, id)
	ws.mu.Unlock()
	if watcher == nil {
		return w, nil
	}
	watcher.tell("request", requestText(r))
	return tappedResponse{w, watcher}, watcher
}

// requestText returns the request as it came, but for the order and the case of its fields, and without secrets.
func requestText(r *http.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\nHost: %s\n", r.Method, r.RequestURI, r.Proto, r.Host)
	var names []string
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range r.Header[name] {
			if name == "Cookie" || name == "Authorization" {
				value = "(not shown)"
			}
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	return b.String()
}

// tell sends an event. A nil watcher watches nothing.
func (w *watcher) tell(event string, value any) {
	if w == nil {
		return
	}
	data, err := json.Marshal(value)
	if err != nil {
		return // strings and frames can be encoded
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	select {
	case w.events <- fmt.Appendf(nil, "event: %s\ndata: %s\n\n", event, data):
	default: // the echo must not wait for who watches
	}
}

// end tells how the connection ended, and ends the stream.
func (w *watcher) end(why error) {
	if w == nil {
		return
	}
	w.tell("gone", why.Error())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	close(w.events)
}

// A tappedResponse hands over a connection whose bytes the watcher is told of.
type tappedResponse struct {
	http.ResponseWriter
	watcher *watcher
}

func (t tappedResponse) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(t.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	tapped := &tappedConn{
		Conn: conn,
		in:   frameScanner{report: func(f frame) { t.watcher.tell("received", f) }},
		out:  frameScanner{report: func(f frame) { t.watcher.tell("sent", f) }},
	}
	early, _ := rw.Peek(rw.Reader.Buffered()) // came right behind the request
	tapped.in.scan(early)
	tapped.out.head = func(response string) { t.watcher.tell("response", response) }
	return tapped, rw, nil
}

// A tappedConn shows what is read and written to scanners. Reads are one at a time, and so are writes: websocket sees to
// that.
type tappedConn struct {
	net.Conn
	in, out frameScanner
}

func (c *tappedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.in.scan(p[:n])
	return n, err
}

func (c *tappedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.out.scan(p[:n])
	return n, err
}

// CloseWrite is what websocket uses, where there is one, to end a connection gently.
func (c *tappedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Conn.Close()
}
