package websocket

import (
	"net"
	"sync/atomic"

	"github.com/seed-4a326f83/parley/websocket/internal/poll"
)

// NewListener returns a listener that accepts from inner, for servers that speak TLS themselves: its connections can be in
// event mode below TLS, so that one that idles has no goroutine (see Conn.Handle). To anything else they are what inner
// accepted.
//
//	l, err := net.Listen("tcp", ":443")
//	...
//	server.ServeTLS(websocket.NewListener(l), "cert.pem", "key.pem")
//
// It goes right below TLS: what wraps its connections again (to count them, say) goes below it, as inner. Where event mode
// has nothing to gain, it is inner that is returned, or what inner accepted. It may be used as inner may.
func NewListener(inner net.Listener) net.Listener {
	if !poll.Supported {
		return inner
	}
	return listener{inner}
}

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if tcp, ok := nc.(*net.TCPConn); ok && err == nil {
		return &listenedConn{TCPConn: tcp}, nil
	}
	return nc, err
}

// A listenedConn is a TCP connection that can be taken away from below TLS, which goes on reading and writing here.
type listenedConn struct {
	*net.TCPConn
	layer atomic.Pointer[tlsLayer] // nil: it has not been taken
}

func (lc *listenedConn) Read(b []byte) (int, error) {
	if l := lc.layer.Load(); l != nil {
		return l.read(b)
	}
	return lc.TCPConn.Read(b)
}

func (lc *listenedConn) Write(b []byte) (int, error) {
	if l := lc.layer.Load(); l != nil {
		return l.write(b)
	}
	return lc.TCPConn.Write(b)
}
