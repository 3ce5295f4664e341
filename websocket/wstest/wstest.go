// Package wstest makes WebSocket connections in memory, for tests.
package wstest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/seed-4a326f83/parley/websocket"
)

// Pair returns the two ends of a connection, after a real handshake over a net.Pipe: without ports, and fit for
// testing/synctest. Either options may be nil; the HTTPClient in dial is not used.
//
// A net.Pipe holds nothing: a write returns when the other end has read it.
func Pair(dial *websocket.DialOptions, accept *websocket.AcceptOptions) (client, server *websocket.Conn, err error) {
	near, far := net.Pipe()
	type accepted struct {
		conn *websocket.Conn
		err  error
	}
	done := make(chan accepted, 1)
	go func() {
		conn, err := serve(far, accept)
		if err != nil {
			far.Close()
		}
		done <- accepted{conn, err}
	}()
	var o websocket.DialOptions
	if dial != nil {
		o = *dial
	}
	o.HTTPClient = &http.Client{Transport: transport{near}}
	client, _, dialErr := websocket.Dial(context.Background(), "ws://wstest/", &o)
	if dialErr != nil {
		near.Close()
	}
	a := <-done
	if err := errors.Join(dialErr, a.err); err != nil {
		if a.conn != nil {
			a.conn.CloseNow()
		}
		return nil, nil, fmt.Errorf("wstest: %w", err)
	}
	return client, a.conn, nil
}

// serve answers the one request that comes over nc.
func serve(nc net.Conn, o *websocket.AcceptOptions) (*websocket.Conn, error) {
	rw := bufio.NewReadWriter(bufio.NewReader(nc), bufio.NewWriter(nc))
	req, err := http.ReadRequest(rw.Reader)
	if err != nil {
		return nil, err
	}
	w := &responseWriter{nc: nc, rw: rw, header: http.Header{}}
	return websocket.Accept(w, req, o)
}

// A responseWriter can be hijacked, and otherwise answers with what it is given and no more.
type responseWriter struct {
	nc     net.Conn
	rw     *bufio.ReadWriter
	header http.Header
}

func (w *responseWriter) Header() http.Header { return w.header }

func (w *responseWriter) WriteHeader(status int) {
	fmt.Fprintf(w.nc, "HTTP/1.1 %d %s\r\nConnection: close\r\n\r\n", status, http.StatusText(status))
}

func (w *responseWriter) Write(p []byte) (int, error) { return w.nc.Write(p) }

func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.nc, w.rw, nil }

// transport makes requests over the one connection.
type transport struct{ nc net.Conn }

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Write(t.nc); err != nil {
		return nil, err
	}
	r := bufio.NewReader(t.nc)
	resp, err := http.ReadResponse(r, req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		resp.Body = conn{t.nc, r}
	}
	return resp, nil
}

// conn reads what the response's reader has buffered first.
type conn struct {
	net.Conn
	r io.Reader
}

func (c conn) Read(p []byte) (int, error) { return c.r.Read(p) }
