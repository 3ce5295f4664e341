//go:build !unix

package websocket

import (
	"errors"
	"net"
)

// A socket reads and writes a network connection by system calls of its own. There is none on this system: raw stays nil, and
// nothing but init and readTo is called.
type socket struct{ raw any }

func (*socket) init(net.Conn) {}

func (*socket) read() (*[]byte, int, error) { return nil, 0, errors.ErrUnsupported }

func (*socket) readTo(nc net.Conn, p []byte) (int, error) { return nc.Read(p) }

func (*socket) drained() bool { return false }

func (*socket) write(_, _ []byte, _ bool) (int, error) { return 0, errors.ErrUnsupported }

func (*socket) writeLast([]byte) (int, error) { return 0, errors.ErrUnsupported }
