package websocket

import "net"

// ServerConn makes the server's end of a connection of nc, as Accept does after the handshake.
func ServerConn(nc net.Conn, o AcceptOptions) *Conn { return newConn(nc, o.connConfig("", nil)) }

// ClientConn makes the client's end of a connection of nc, as Dial does after the handshake.
func ClientConn(nc net.Conn, o DialOptions) *Conn { return newConn(nc, o.connConfig("")) }

// NewPumpConn gives deadlines to what has none.
var NewPumpConn = newPumpConn

// Replies is the number of bytes of pongs that wait to be sent.
func (c *Conn) Replies() int {
	c.replies.mu.Lock()
	defer c.replies.mu.Unlock()
	return len(c.replies.frames)
}
