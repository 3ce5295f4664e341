package websocket

import (
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/seed-4a326f83/parley/websocket/internal/poll"
)

// NewListener returns a listener for servers that speak TLS themselves: what it accepts from inner can be in event mode below
// TLS, so that a connection that idles has no goroutine (see Conn.Handle).
//
//	l, err := net.Listen("tcp", ":443")
//	...
//	server.ServeTLS(websocket.NewListener(l), "cert.pem", "key.pem")
//
// It belongs right below TLS, and a listener that wraps connections in its own, to count them, say, not in between. TCP
// connections that it accepts are no *net.TCPConn, but have the methods that servers use of it. Others, and those of systems
// that have no use for it, are what inner accepted.
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
		lc := new(listenedConn)
		lc.tcp.Store(tcp)
		return lc, nil
	}
	return nc, err
}

// A listenedConn is a TCP connection that can be taken away from below TLS, which goes on reading and writing here.
type listenedConn struct {
	tcp   atomic.Pointer[net.TCPConn] // nil once it has been taken away
	layer atomic.Pointer[tlsLayer]    // nil until then
}

// gone is a TCPConn whose methods fail.
var gone net.TCPConn

func (lc *listenedConn) conn() *net.TCPConn {
	if tcp := lc.tcp.Load(); tcp != nil {
		return tcp
	}
	return &gone
}

func (lc *listenedConn) Read(b []byte) (int, error) {
	if l := lc.layer.Load(); l != nil {
		return l.read(b)
	}
	return lc.conn().Read(b)
}

func (lc *listenedConn) Write(b []byte) (int, error) {
	if l := lc.layer.Load(); l != nil {
		return l.write(b)
	}
	return lc.conn().Write(b)
}

func (lc *listenedConn) ReadFrom(r io.Reader) (int64, error)   { return lc.conn().ReadFrom(r) }
func (lc *listenedConn) Close() error                          { return lc.conn().Close() }
func (lc *listenedConn) CloseRead() error                      { return lc.conn().CloseRead() }
func (lc *listenedConn) CloseWrite() error                     { return lc.conn().CloseWrite() }
func (lc *listenedConn) LocalAddr() net.Addr                   { return lc.conn().LocalAddr() }
func (lc *listenedConn) RemoteAddr() net.Addr                  { return lc.conn().RemoteAddr() }
func (lc *listenedConn) SetDeadline(t time.Time) error         { return lc.conn().SetDeadline(t) }
func (lc *listenedConn) SetReadDeadline(t time.Time) error     { return lc.conn().SetReadDeadline(t) }
func (lc *listenedConn) SetWriteDeadline(t time.Time) error    { return lc.conn().SetWriteDeadline(t) }
func (lc *listenedConn) SetKeepAlive(on bool) error            { return lc.conn().SetKeepAlive(on) }
func (lc *listenedConn) SetLinger(sec int) error               { return lc.conn().SetLinger(sec) }
func (lc *listenedConn) SetNoDelay(on bool) error              { return lc.conn().SetNoDelay(on) }
func (lc *listenedConn) SyscallConn() (syscall.RawConn, error) { return lc.conn().SyscallConn() }
