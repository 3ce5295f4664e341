package websocket

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// A pumpConn gives deadlines to what has none, as a body from a transport that is not net/http's. A read that waits does so
// in a goroutine; after a deadline it goes on waiting there, and a later read gets what it finds. A write past its deadline
// closes everything, as there is no other way to end it. One goroutine may read and one may write.
type pumpConn struct {
	io.ReadWriteCloser
	buf []byte // of the goroutine that reads

	mu           sync.Mutex
	changed      chan struct{} // closed, and made anew, when what a waiting read looks at has changed
	pumping      bool          // the goroutine reads
	found        []byte        // what it found, in buf
	err          error         // of reading
	readDeadline time.Time

	writing       bool
	writeDeadline time.Time
	writeTimer    *time.Timer // runs while writing has a deadline
	late          bool        // the deadline has closed the connection
}

func newPumpConn(rwc io.ReadWriteCloser) *pumpConn {
	return &pumpConn{ReadWriteCloser: rwc, changed: make(chan struct{}), buf: make([]byte, readBufferSize)}
}

func (c *pumpConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.found) == 0 && c.err == nil {
		var timeout <-chan time.Time
		if !c.readDeadline.IsZero() {
			left := time.Until(c.readDeadline)
			if left <= 0 {
				return 0, os.ErrDeadlineExceeded
			}
			timeout = time.After(left)
		}
		if !c.pumping {
			c.pumping = true
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
	if len(c.found) == 0 {
		return 0, c.err
	}
	n := copy(p, c.found)
	c.found = c.found[n:]
	return n, nil
}

// pump does one read. It starts only when all it found before has been taken.
func (c *pumpConn) pump() {
	n, err := c.ReadWriteCloser.Read(c.buf)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pumping, c.found, c.err = false, c.buf[:n], err
	c.wake()
}

func (c *pumpConn) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *pumpConn) Write(p []byte) (int, error) {
	if err := c.beginWrite(); err != nil {
		return 0, err
	}
	n, err := c.ReadWriteCloser.Write(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = false
	c.timeWrite()
	if err != nil && c.late {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

func (c *pumpConn) beginWrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.writeDeadline.IsZero() && time.Until(c.writeDeadline) <= 0 {
		return os.ErrDeadlineExceeded
	}
	c.writing = true
	c.timeWrite()
	return nil
}

// timeWrite starts or stops the timer that ends a write.
func (c *pumpConn) timeWrite() {
	if c.writeTimer != nil {
		c.writeTimer.Stop()
		c.writeTimer = nil
	}
	if !c.writing || c.writeDeadline.IsZero() {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(time.Until(c.writeDeadline), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.writeTimer == timer { // else it was stopped too late
			c.late = true
			c.ReadWriteCloser.Close()
		}
	})
	c.writeTimer = timer
}

func (c *pumpConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readDeadline = t
	c.wake()
	return nil
}

func (c *pumpConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writeDeadline = t
	c.timeWrite()
	return nil
}

func (c *pumpConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// unknownAddr is the address of a connection that does not tell.
type unknownAddr struct{}

func (unknownAddr) Network() string { return "websocket" }
func (unknownAddr) String() string  { return "websocket/unknown-addr" }

func (c *pumpConn) LocalAddr() net.Addr  { return unknownAddr{} }
func (c *pumpConn) RemoteAddr() net.Addr { return unknownAddr{} }
