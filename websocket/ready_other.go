//go:build !unix

package websocket

import "net"

// A readiness waits until a socket has something to be read. There is none on this system.
type readiness struct{}

func newReadiness(net.Conn) *readiness { return nil }

func (*readiness) read(*reading) (int, error) { panic("websocket: no readiness") }
