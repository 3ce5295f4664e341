//go:build unix && (!linux || 386)

package poll

import (
	"io"
	"syscall"
)

// ReadNow reads what there is from a socket that does not block, or returns ErrAgain. At the end of the stream it returns
// io.EOF.
func ReadNow(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), p)
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return 0, ErrAgain
		case err != nil:
			return 0, err
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// WriteNow writes as much of a as there is room for to a socket that does not block, and b only if a is empty, or returns
// ErrAgain.
func WriteNow(fd uintptr, a, b []byte) (int, error) {
	if len(a) == 0 {
		a = b
	}
	for {
		n, err := syscall.Write(int(fd), a)
		switch err {
		case nil:
			return n, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, ErrAgain
		default:
			return 0, err
		}
	}
}

// WriteLast is WriteNow for what comes right before the connection is closed, or its direction ended.
func WriteLast(fd uintptr, p []byte) (int, error) { return WriteNow(fd, p, nil) }
