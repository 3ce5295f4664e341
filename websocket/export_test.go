package websocket

import (
	"context"
	"errors"
	"net"

	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// ServerConn makes the server's end of a connection of nc, as Accept does after the handshake.
func ServerConn(nc net.Conn, o AcceptOptions) *Conn {
	return o.newConn(nc, &agreement{compression: asOffered(proto.Server, o.compression())}, nil)
}

// ClientConn makes the client's end of a connection of nc, as Dial does after the handshake.
func ClientConn(nc net.Conn, o DialOptions) *Conn {
	cfg := o.connConfig("", asOffered(proto.Client, o.compression()))
	return newConn(nc, &cfg)
}

// asOffered is what both sides agree on if both wish for the same.
func asOffered(role proto.Role, o compressionOptions) *compression {
	want, on, err := o.wish()
	if !on || err != nil {
		return nil
	}
	return newCompression(role, want, o.threshold)
}

// NewPumpConn gives deadlines to what has none.
var NewPumpConn = newPumpConn

// Replies is the number of bytes of pongs that wait to be sent.
func (c *Conn) Replies() int {
	q := c.blocking.Load().waitingReplies()
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.frames)
}

// ReadRequest reads a request as Upgrade does, from in, of which it knows more from step to step. It returns what is left, and a
// nil request if that is not there in full.
func ReadRequest(in []byte, step int, o *UpgradeOptions) (r *UpgradeRequest, rest []byte, err error) {
	for n := 0; n < len(in); {
		seen := n
		n = min(n+step, len(in))
		end, err := headEnd(in[:n], seen)
		if err != nil {
			return nil, nil, err
		}
		if end > 0 {
			r, _, err := o.settle(string(in[:end]), nil)
			return r, in[end:], err
		}
	}
	return nil, nil, nil
}

// Refused returns the status of a refusal, or 0.
func Refused(err error) int {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.status
	}
	return 0
}

// Misbehave has the network of connections in event mode take and give bytes as these say, until the returned function is
// called. 0 means that there is none, or no room, for now.
func Misbehave(read, write func(n int) int) (end func()) {
	faults.Store(&struct {
		read  func(n int) int
		write func(n int) int
	}{read, write})
	return func() { faults.Store(nil) }
}

// Parked reports whether c is in event mode without a goroutine.
func (c *Conn) Parked() bool { return c.parked.Load() != nil }

// Hurry has the time come that c, in event mode, waits for.
func (c *Conn) Hurry() { c.parked.Load().SetTimer(0) }

// Closed reports whether the connection is closed.
func (c *Conn) Closed() bool { return c.isClosed() }

// TLSParks is the self-test of event mode over TLS.
func TLSParks() bool { return tlsParks() }

// DoubtTLS has that self-test fail until the returned function is called.
func DoubtTLS() (end func()) {
	before := tlsParks
	tlsParks = func() bool { return false }
	return func() { tlsParks = before }
}

// HoldWrites has everybody who writes wait, until the returned function is called. That does what the end of a write does, and
// reports how many still wait then, and whether a message is begun whose sender has the rest to send.
func (c *Conn) HoldWrites() (letGo func() (left int, begun bool)) {
	if c.take(context.Background(), bothTokens) != nil {
		return func() (int, bool) { return 0, false }
	}
	return func() (left int, begun bool) {
		begun = c.sendJoiners()
		left = c.InLine()
		if !begun {
			c.giveBack(bothTokens)
		}
		return left, begun
	}
}

// InLine returns how many wait for tokens.
func (c *Conn) InLine() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for w := c.waiters; w != nil; w = w.next {
		n++
	}
	return n
}

// Joins reports whether writes that wait are sent together.
func (c *Conn) Joins() bool { return c.joins(0) }
