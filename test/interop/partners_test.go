package interop

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
)

// theirs is a connection of github.com/coder/websocket.
type theirs struct{ *coder.Conn }

func (c theirs) subprotocol() string { return c.Subprotocol() }

func (c theirs) read(ctx context.Context) (bool, []byte, error) {
	typ, p, err := c.Read(ctx)
	if e := (coder.CloseError{}); errors.As(err, &e) {
		err = end{int(e.Code), e.Reason}
	}
	return typ == coder.MessageText, p, err
}

func (c theirs) write(ctx context.Context, isText bool, p []byte) error {
	typ := coder.MessageBinary
	if isText {
		typ = coder.MessageText
	}
	return c.Write(ctx, typ, p)
}

func (c theirs) fragments(ctx context.Context, text string, size int) error {
	w, err := c.Writer(ctx, coder.MessageText)
	if err != nil {
		return err
	}
	return inPieces(w, text, size)
}

func (c theirs) ping(ctx context.Context) error { return c.Ping(ctx) }

func (c theirs) close(code int, reason string) error { return c.Close(coder.StatusCode(code), reason) }

func (c theirs) closeNow() { c.CloseNow() }

func (m mode) coder() coder.CompressionMode {
	switch {
	case !m.Deflate:
		return coder.CompressionDisabled
	case m.Takeover:
		return coder.CompressionContextTakeover
	default:
		return coder.CompressionNoContextTakeover
	}
}

// dialCoder returns how to connect with coder's client.
func dialCoder(t *testing.T, url string, m mode, deflate bool) func(context.Context) (conn, error) {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: cert.Trust}}}
	t.Cleanup(client.CloseIdleConnections)
	return func(ctx context.Context) (conn, error) {
		c, resp, err := coder.Dial(ctx, url, &coder.DialOptions{
			HTTPClient:           client,
			Subprotocols:         []string{"other", subprotocol},
			CompressionMode:      m.coder(),
			CompressionThreshold: 1,
		})
		if err != nil {
			return nil, err
		}
		checkAnswer(t, resp.Header, deflate)
		c.SetReadLimit(1 << 20)
		return theirs{c}, nil
	}
}

// serveCoder runs coder's server until the test ends and returns its port.
func serveCoder(t *testing.T, secure bool, m mode) string {
	t.Helper()
	return serve(t, secure, func(w http.ResponseWriter, r *http.Request) (conn, error) {
		c, err := coder.Accept(w, r, &coder.AcceptOptions{
			Subprotocols:         []string{subprotocol},
			CompressionMode:      m.coder(),
			CompressionThreshold: 1,
		})
		if err != nil {
			return nil, err
		}
		c.SetReadLimit(1 << 20)
		return theirs{c}, nil
	})
}

// A hers is a connection of github.com/gorilla/websocket, which one goroutine at a time may write to.
type hers struct {
	*gorilla.Conn
	mu     *sync.Mutex
	ponged chan string
}

func newHers(c *gorilla.Conn) hers {
	h := hers{c, new(sync.Mutex), make(chan string, 1)}
	c.SetPongHandler(func(payload string) error {
		h.ponged <- payload
		return nil
	})
	return h
}

func (c hers) subprotocol() string { return c.Subprotocol() }

func (c hers) read(context.Context) (bool, []byte, error) {
	typ, p, err := c.ReadMessage()
	if e := (&gorilla.CloseError{}); errors.As(err, &e) {
		err = end{e.Code, e.Text}
	}
	return typ == gorilla.TextMessage, p, err
}

func (c hers) write(_ context.Context, isText bool, p []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	typ := gorilla.BinaryMessage
	if isText {
		typ = gorilla.TextMessage
	}
	return c.WriteMessage(typ, p)
}

// fragments are of the size of the write buffer.
func (c hers) fragments(_ context.Context, text string, size int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, err := c.NextWriter(gorilla.TextMessage)
	if err != nil {
		return err
	}
	return inPieces(w, text, size)
}

func (c hers) ping(ctx context.Context) error {
	if err := c.WriteControl(gorilla.PingMessage, []byte("are you there"), time.Now().Add(patience)); err != nil {
		return err
	}
	select {
	case payload := <-c.ponged:
		if payload != "are you there" {
			return errors.New("another pong came: " + payload)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c hers) close(code int, reason string) error {
	if err := c.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(code, reason), time.Now().Add(patience)); err != nil {
		return err
	}
	_, _, err := c.read(context.Background())
	if e := (end{}); !errors.As(err, &e) || e.code != code {
		return err
	}
	return nil
}

func (c hers) closeNow() { c.Close() }

// fragment is the size of gorilla's fragments, with which a message of 1 MiB has half as many as our default allows.
const fragment = 2048

// dialGorilla returns how to connect with gorilla's client.
func dialGorilla(t *testing.T, url string, m mode, deflate bool) func(context.Context) (conn, error) {
	dialer := gorilla.Dialer{
		Subprotocols:      []string{"other", subprotocol},
		EnableCompression: m.Deflate,
		TLSClientConfig:   &tls.Config{RootCAs: cert.Trust},
		WriteBufferSize:   fragment,
	}
	return func(ctx context.Context) (conn, error) {
		c, resp, err := dialer.DialContext(ctx, url, nil)
		if err != nil {
			return nil, err
		}
		checkAnswer(t, resp.Header, deflate)
		return newHers(c), nil
	}
}

// serveGorilla runs gorilla's server until the test ends and returns its port.
func serveGorilla(t *testing.T, secure bool, m mode) string {
	t.Helper()
	upgrader := gorilla.Upgrader{Subprotocols: []string{subprotocol}, EnableCompression: m.Deflate, WriteBufferSize: fragment}
	return serve(t, secure, func(w http.ResponseWriter, r *http.Request) (conn, error) {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return nil, err
		}
		return newHers(c), nil
	})
}
