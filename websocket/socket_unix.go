//go:build unix

package websocket

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"github.com/seed-4a326f83/parley/websocket/internal/poll"
)

// A socket reads and writes a TCP or Unix connection by system calls of its own. It has no buffer while it waits, and needs so
// little stack that a goroutine can do with what it began with, which is 2 KiB: one that has grown hardly ever shrinks to that
// again.
type socket struct {
	raw syscall.RawConn       // nil: the network connection is something else
	try func(fd uintptr) bool // fills the fields below, unless there is nothing yet

	// Of the last read. Not an error, which would take more of what an idle connection needs.
	buf   *[]byte // borrowed from readBuffers
	n     int32   // 0 without an errno: the end of the stream
	errno uint32
}

// init leaves raw nil if nc is not a socket as it is.
func (s *socket) init(nc net.Conn) {
	var err error
	switch nc := nc.(type) {
	case *net.TCPConn:
		s.raw, err = nc.SyscallConn()
	case *net.UnixConn:
		s.raw, err = nc.SyscallConn()
	default:
		return
	}
	if err != nil {
		s.raw = nil
		return
	}
	s.try = func(fd uintptr) bool { // no method value: that would be one call more
		buf := readBuffers.Get().(*[]byte)
		n, err := poll.ReadNow(fd, *buf)
		s.n, s.errno = int32(n), 0
		if err == nil {
			s.buf = buf
			return true
		}
		readBuffers.Put(buf)
		if errno, ok := err.(syscall.Errno); ok {
			s.errno = uint32(errno)
		}
		return err != poll.ErrAgain
	}
}

// read waits until there is something to be read, and returns it in a buffer that is the caller's then.
func (s *socket) read() (buf *[]byte, n int, err error) {
	if err := s.raw.Read(s.try); err != nil {
		return nil, 0, err
	}
	switch {
	case s.errno != 0:
		return nil, 0, os.NewSyscallError("read", syscall.Errno(s.errno))
	case s.n == 0:
		return nil, 0, io.EOF
	}
	buf, s.buf = s.buf, nil
	return buf, int(s.n), nil
}

// readTo waits until there is something to be read, and reads it to p. nc is read if s is not for it.
func (s *socket) readTo(nc net.Conn, p []byte) (int, error) {
	if s.raw == nil {
		return nc.Read(p)
	}
	r := reads.Get().(*read)
	r.p = p
	if err := s.raw.Read(r.try); err != nil {
		r.err = err
	}
	n, err := r.n, r.err
	*r = read{try: r.try}
	reads.Put(r)
	return n, err
}

// A read is one that is under way, with a buffer at hand.
type read struct {
	try func(fd uintptr) bool
	p   []byte
	n   int
	err error
}

var reads = sync.Pool{New: func() any {
	r := new(read)
	r.try = func(fd uintptr) bool {
		n, err := poll.ReadNow(fd, r.p)
		if err == poll.ErrAgain {
			return false
		}
		r.n, r.err = n, err
		if errno, ok := err.(syscall.Errno); ok {
			r.err = os.NewSyscallError("read", errno)
		}
		return true
	}
	return r
}}

// drained reports whether the last read has left nothing behind.
func (s *socket) drained() bool { return s.n < readBufferSize }

// write writes a and then b. If it is not to wait, it writes what there is room for, and the error is poll.ErrAgain if that is
// not all.
func (s *socket) write(a, b []byte, wait bool) (int, error) {
	w := writes.Get().(*write)
	w.a, w.b, w.wait = a, b, wait
	if err := s.raw.Write(w.try); err != nil {
		w.err = err
	}
	n, err := w.n, w.err
	*w = write{try: w.try}
	writes.Put(w)
	return n, err
}

// A write is one that is under way.
type write struct {
	try  func(fd uintptr) bool
	a, b []byte // what is left of it
	wait bool
	n    int
	err  error
}

var writes = sync.Pool{New: func() any {
	w := new(write)
	w.try = func(fd uintptr) bool {
		for {
			n, err := poll.WriteNow(fd, w.a, w.b)
			w.n += n
			k := min(n, len(w.a))
			w.a, w.b = w.a[k:], w.b[n-k:]
			switch {
			case len(w.a)+len(w.b) == 0:
				return true
			case err == nil:
			case err == poll.ErrAgain && w.wait:
				return false
			default:
				w.err = err
				if errno, ok := err.(syscall.Errno); ok {
					w.err = os.NewSyscallError("write", errno)
				}
				return true
			}
		}
	}
	return w
}}

// writeLast writes p without waiting, right before the connection is closed: see poll.WriteLast.
func (s *socket) writeLast(p []byte) (n int, err error) {
	if rawErr := s.raw.Write(func(fd uintptr) bool {
		n, err = poll.WriteLast(fd, p)
		return true
	}); rawErr != nil {
		return 0, rawErr
	}
	return n, err
}
