package interop

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"testing"

	"github.com/seed-4a326f83/parley/websocket"
)

// ours is a connection of package websocket.
type ours struct{ *websocket.Conn }

func (c ours) subprotocol() string { return c.Subprotocol() }

func (c ours) read(ctx context.Context) (bool, []byte, error) {
	typ, p, err := c.Read(ctx)
	if e := (websocket.CloseError{}); errors.As(err, &e) {
		err = end{int(e.Code), e.Reason}
	}
	return typ == websocket.MessageText, p, err
}

func (c ours) write(ctx context.Context, isText bool, p []byte) error {
	typ := websocket.MessageBinary
	if isText {
		typ = websocket.MessageText
	}
	return c.Write(ctx, typ, p)
}

func (c ours) fragments(ctx context.Context, text string, size int) error {
	w, err := c.Writer(ctx, websocket.MessageText)
	if err != nil {
		return err
	}
	return inPieces(w, text, size)
}

// inPieces writes text in pieces of size bytes.
func inPieces(w io.WriteCloser, text string, size int) error {
	for text != "" {
		n := min(size, len(text))
		if _, err := io.WriteString(w, text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	return w.Close()
}

func (c ours) ping(ctx context.Context) error { return c.Ping(ctx) }

func (c ours) close(code int, reason string) error {
	return c.Close(websocket.StatusCode(code), reason)
}

func (c ours) closeNow() { c.CloseNow() }

// dialOurs returns how to connect with our client.
func dialOurs(t *testing.T, url string, m mode, deflate bool) func(context.Context) (conn, error) {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: cert.Trust}}}
	t.Cleanup(client.CloseIdleConnections)
	return func(ctx context.Context) (conn, error) {
		options := m.dialOptions()
		options.HTTPClient, options.Subprotocols = client, []string{"other", subprotocol}
		c, resp, err := websocket.Dial(ctx, url, options)
		if err != nil {
			return nil, err
		}
		checkAnswer(t, resp.Header, deflate)
		return ours{c}, nil
	}
}

// serveOurs runs our server until the test ends and returns its port.
func serveOurs(t *testing.T, secure bool, m mode) string {
	t.Helper()
	return serve(t, secure, func(w http.ResponseWriter, r *http.Request) (conn, error) {
		options := m.acceptOptions()
		options.InsecureSkipVerify, options.Subprotocols = true, []string{subprotocol}
		c, err := websocket.Accept(w, r, options)
		return ours{c}, err
	})
}

// serve runs a server of this process until the test ends and returns its port. How its connections end is checked.
func serve(t *testing.T, secure bool, accept func(http.ResponseWriter, *http.Request) (conn, error)) string {
	t.Helper()
	l := listen(t, secure)
	ends := make(chan error, 100)
	begun := make(chan struct{}, 100)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		c, err := accept(w, r)
		if err == nil {
			err = answer(c)
		}
		ends <- err
	})}
	server.ErrorLog = log.New(io.Discard, "", 0) // browsers complain about the certificate before they take it
	go server.Serve(l)
	t.Cleanup(func() {
		server.Close()
		for range len(begun) {
			if err := <-ends; err != nil {
				t.Errorf("a connection of the server: %v", err)
			}
		}
	})
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
