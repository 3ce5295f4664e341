package conformance

import (
	"context"
	"errors"
	"flag"
	"math"
	"math/rand/v2"
	"net"
	"syscall"
	"time"
)

var seed = flag.Uint64("seed", uint64(time.Now().UnixNano()), "what the cuts of a bad network are drawn from")

const (
	// narrow is the buffers for what the subject sends, in bytes, on either side: its writes find no room time and again.
	narrow = 8 << 10
	// segment is the most that goes at once there. With segments of loopback's size, which are larger than the buffers, TCP
	// would wait for its timers.
	segment = 1400
	// largestPiece is the most that is written at once there, in bytes.
	largestPiece = 128 << 10
)

// A roughConn is a connection over a bad network, that cuts what is sent at random, whatever is above it: frames, or TLS
// records of them. The same connection of the same run is cut at the same places each time.
type roughConn struct {
	*net.TCPConn
	rng *rand.Rand
}

func rough(nc net.Conn, connection uint64) roughConn {
	return roughConn{nc.(*net.TCPConn), rand.New(rand.NewPCG(*seed, connection))}
}

// Write writes b in pieces, of which the smallest are as frequent as the largest.
func (c roughConn) Write(b []byte) (written int, err error) {
	for written < len(b) && err == nil {
		n := int(math.Exp(c.rng.Float64() * math.Log(largestPiece)))
		n, err = c.TCPConn.Write(b[written:min(written+n, len(b))])
		written += n
	}
	return written, err
}

// roughen makes a socket one of a bad network, before it is connected or listens.
func roughen(_, _ string, raw syscall.RawConn) (err error) {
	controlErr := raw.Control(func(fd uintptr) {
		err = errors.Join(
			syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, narrow),
			syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, segment))
	})
	return errors.Join(controlErr, err)
}

// dialRough connects over a bad network.
func dialRough(connection uint64) func(addr string) (net.Conn, error) {
	return func(addr string) (net.Conn, error) {
		nc, err := (&net.Dialer{Timeout: patience, Control: roughen}).Dial("tcp", addr)
		if err != nil {
			return nil, err
		}
		return rough(nc, connection), nil
	}
}

// A roughListener is a listener on a bad network.
type roughListener struct {
	net.Listener
	connection uint64 // of the next one
}

// listenRough listens on a bad network. Its connections are numbered from first on.
func listenRough(first uint64) (net.Listener, error) {
	l, err := (&net.ListenConfig{Control: roughen}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	return &roughListener{l, first}, err
}

func (l *roughListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.connection++
	return rough(nc, l.connection), nil
}
