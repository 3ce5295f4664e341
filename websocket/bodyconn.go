package websocket

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// bodyConn makes a net.Conn of the body that an http.Client gave for a connection, and of the connection behind it, if
// that is known.
func bodyConn(body io.ReadWriteCloser, traced net.Conn) net.Conn {
	if nc, ok := body.(net.Conn); ok {
		return nc
	}
	if traced != nil {
		return &tracedConn{traced, body}
	}
	return newPumpConn(body)
}

// A tracedConn reads and writes through the body, which may have buffered something, and sets deadlines on the connection
// itself.
type tracedConn struct {
	net.Conn
	body io.ReadWriteCloser
}

func (t *tracedConn) Read(p []byte) (int, error)  { return t.body.Read(p) }
func (t *tracedConn) Write(p []byte) (int, error) { return t.body.Write(p) }
func (t *tracedConn) Close() error                { return t.body.Close() }
func (t *tracedConn) NetConn() net.Conn           { return t.Conn }

// CloseWrite ends the outgoing direction, if the connection can do that.
func (t *tracedConn) CloseWrite() error {
	if half, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// A pumpConn gives deadlines to what has none, as a body from a transport that is not net/http's. A read that waits does so
// in a goroutine; after a deadline it goes on waiting there, and a later read gets what it finds. A write past its deadline
// closes everything, as there is no other way to end it.
type pumpConn struct {
	io.ReadWriteCloser

	mu       sync.Mutex
	changed  chan struct{} // closed, and made anew, when what a waiting read looks at has changed
	buf      []byte
	found    []byte // in buf
	err      error
	busy     bool // the goroutine reads
	deadline time.Time

	writeTimer *time.Timer
	writeLate  bool
}

func newPumpConn(rwc io.ReadWriteCloser) *pumpConn {
	return &pumpConn{ReadWriteCloser: rwc, changed: make(chan struct{}), buf: make([]byte, readBufferSize)}
}

func (c *pumpConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case len(c.found) > 0:
			n := copy(p, c.found)
			c.found = c.found[n:]
			return n, nil
		case c.err != nil:
			return 0, c.err
		}
		var timeout <-chan time.Time
		if !c.deadline.IsZero() {
			left := time.Until(c.deadline)
			if left <= 0 {
				return 0, os.ErrDeadlineExceeded
			}
			timer := time.NewTimer(left)
			defer timer.Stop()
			timeout = timer.C
		}
		if !c.busy {
			c.busy = true
			go c.pump()
		}
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-timeout:
		}
		c.mu.Lock()
	}
}

// pump does one read.
func (c *pumpConn) pump() {
	n, err := c.ReadWriteCloser.Read(c.buf)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy, c.found, c.err = false, c.buf[:n], err
	c.wake()
}

func (c *pumpConn) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *pumpConn) Write(p []byte) (int, error) {
	n, err := c.ReadWriteCloser.Write(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && c.writeLate {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

func (c *pumpConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	c.wake()
	return nil
}

func (c *pumpConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writeTimer != nil {
		c.writeTimer.Stop()
		c.writeTimer = nil
	}
	if !t.IsZero() {
		c.writeTimer = time.AfterFunc(time.Until(t), func() {
			c.mu.Lock()
			c.writeLate = true
			c.mu.Unlock()
			c.ReadWriteCloser.Close()
		})
	}
	return nil
}

func (c *pumpConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// pumpAddr is the address of a connection that does not tell.
type pumpAddr struct{}

func (pumpAddr) Network() string { return "websocket" }
func (pumpAddr) String() string  { return "websocket/unknown-addr" }

func (c *pumpConn) LocalAddr() net.Addr  { return pumpAddr{} }
func (c *pumpConn) RemoteAddr() net.Addr { return pumpAddr{} }
