package websocket

import (
	"errors"
	"io"
	"net"
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
