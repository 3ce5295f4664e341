package websocket

import (
	"net"

	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// ServerConn makes the server's end of a connection of nc, as Accept does after the handshake.
func ServerConn(nc net.Conn, o AcceptOptions) *Conn {
	return newConn(nc, o.connConfig("", nil, asOffered(proto.Server, o.compression())))
}

// ClientConn makes the client's end of a connection of nc, as Dial does after the handshake.
func ClientConn(nc net.Conn, o DialOptions) *Conn {
	return newConn(nc, o.connConfig("", asOffered(proto.Client, o.compression())))
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
	c.replies.mu.Lock()
	defer c.replies.mu.Unlock()
	return len(c.replies.frames)
}
