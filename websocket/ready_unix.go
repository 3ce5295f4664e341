//go:build unix

package websocket

import (
	"io"
	"net"
	"os"
	"syscall"
)

// A readiness waits until a socket has something to be read, and gets a buffer only then.
type readiness struct {
	raw syscall.RawConn
	try func(fd uintptr) bool

	// Of the read that is under way.
	rd  *reading
	n   int
	err error
}

// newReadiness returns nil if nc is not a socket as it is.
func newReadiness(nc net.Conn) *readiness {
	var raw syscall.RawConn
	var err error
	switch nc := nc.(type) {
	case *net.TCPConn:
		raw, err = nc.SyscallConn()
	case *net.UnixConn:
		raw, err = nc.SyscallConn()
	default:
		return nil
	}
	if err != nil {
		return nil
	}
	r := &readiness{raw: raw}
	r.try = r.attempt
	return r
}

// read reads to rd.buf, which is nil after an error.
func (r *readiness) read(rd *reading) (int, error) {
	r.rd = rd
	err := r.raw.Read(r.try)
	r.rd = nil
	switch {
	case err != nil:
		return 0, err
	case r.err != nil:
		return 0, os.NewSyscallError("read", r.err)
	case r.n == 0:
		return 0, io.EOF
	}
	return r.n, nil
}

// attempt reads if there is something to be read, or an error.
func (r *readiness) attempt(fd uintptr) bool {
	if r.rd.buf == nil {
		r.rd.buf = readBuffers.Get().(*[]byte)
	}
	for {
		r.n, r.err = syscall.Read(int(fd), *r.rd.buf)
		if r.err != syscall.EINTR {
			break
		}
	}
	if r.n > 0 {
		return true
	}
	readBuffers.Put(r.rd.buf)
	r.rd.buf = nil
	return r.err != syscall.EAGAIN
}
