//go:build !linux || 386

package poll

import (
	"errors"
	"io"
	"syscall"
	"time"
)

// Supported reports whether this system has an implementation.
const Supported = false

// An FD is a socket that is waited for. On this system there is none: Take fails, and nothing else may be called.
type FD struct{}

// Take returns an error that matches errors.ErrUnsupported.
func (*FD) Take(syscall.Conn, Handler) error { return errors.ErrUnsupported }

// Adopt returns an error that matches errors.ErrUnsupported.
func (*FD) Adopt(int, Handler, time.Duration) error { return errors.ErrUnsupported }

// Detach returns an error that matches errors.ErrUnsupported.
func Detach(interface {
	syscall.Conn
	io.Closer
}) (int, error) {
	return 0, errors.ErrUnsupported
}

// PrepareListener does nothing.
func PrepareListener(uintptr) {}

// AcceptNow returns an error that matches errors.ErrUnsupported.
func AcceptNow(uintptr) (int, error) { return 0, errors.ErrUnsupported }

// Read returns ErrClosed.
func (*FD) Read([]byte) (int, error) { return 0, ErrClosed }

// Write returns ErrClosed.
func (*FD) Write(_, _ []byte) (int, error) { return 0, ErrClosed }

// AwaitBytes returns ErrClosed.
func (*FD) AwaitBytes(int) error { return ErrClosed }

// Watch does nothing.
func (*FD) Watch() {}

// HandOver does nothing.
func (*FD) HandOver() {}

// WriteLast returns ErrClosed.
func (*FD) WriteLast([]byte) (int, error) { return 0, ErrClosed }

// CloseWrite returns ErrClosed.
func (*FD) CloseWrite() error { return ErrClosed }

// Reset returns ErrClosed.
func (*FD) Reset() error { return ErrClosed }

// Close returns false.
func (*FD) Close() bool { return false }

// Wake does nothing.
func (*FD) Wake() {}

// Again does nothing.
func (*FD) Again(Event) {}

// Clock returns 0.
func (*FD) Clock() time.Duration { return 0 }

// LocalAddr returns nil.
func (*FD) LocalAddr() syscall.Sockaddr { return nil }

// RemoteAddr returns nil.
func (*FD) RemoteAddr() syscall.Sockaddr { return nil }

// SetTimer does nothing.
func (*FD) SetTimer(time.Duration) {}
