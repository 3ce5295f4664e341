//go:build !386

package poll

import (
	"io"
	"syscall"
	"unsafe"
)

// Sockets do not block, so that their system calls need not tell the scheduler (which costs as much as a short call
// itself), unless there is much to copy.
const longCall = 128 << 10

// ReadNow reads what there is from a socket that does not block, or returns ErrAgain. At the end of the stream it returns
// io.EOF.
func ReadNow(fd uintptr, p []byte) (int, error) {
	for {
		var n uintptr
		var errno syscall.Errno
		if len(p) > longCall {
			n, _, errno = syscall.Syscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		} else {
			n, _, errno = syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		}
		switch {
		case errno == syscall.EINTR:
		case errno == syscall.EAGAIN:
			return 0, ErrAgain
		case errno != 0:
			return 0, errno
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		default:
			return int(n), nil
		}
	}
}

// WriteNow writes as much of a and then b as there is room for to a socket that does not block, in one system call, or returns
// ErrAgain.
func WriteNow(fd uintptr, a, b []byte) (int, error) {
	call, arg, count := uintptr(syscall.SYS_WRITE), unsafe.Pointer(unsafe.SliceData(a)), uintptr(len(a))
	var vec [2]syscall.Iovec
	if len(b) > 0 {
		vec[0].Base, vec[1].Base = unsafe.SliceData(a), unsafe.SliceData(b)
		vec[0].SetLen(len(a))
		vec[1].SetLen(len(b))
		call, arg, count = syscall.SYS_WRITEV, unsafe.Pointer(&vec), 2
	}
	for {
		var n uintptr
		var errno syscall.Errno
		if len(a)+len(b) > longCall {
			n, _, errno = syscall.Syscall(call, fd, uintptr(arg), count)
		} else {
			n, _, errno = syscall.RawSyscall(call, fd, uintptr(arg), count)
		}
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, ErrAgain
		default:
			return 0, errno
		}
	}
}

// WriteLast is WriteNow for what comes right before the connection is closed, or its direction ended: the bytes leave with that,
// in one packet.
func WriteLast(fd uintptr, p []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)),
			syscall.MSG_MORE|syscall.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, ErrAgain
		default:
			return 0, errno
		}
	}
}

// PrepareListener gives a listening socket the options that package net gives each connection: connections inherit them.
func PrepareListener(fd uintptr) {
	for _, o := range [...]struct{ level, name, value int }{
		{syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
		{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 15},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 15},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 9},
	} {
		syscall.SetsockoptInt(int(fd), o.level, o.name, o.value) // fails for no socket of TCP
	}
}

// AcceptNow returns a connection that waits on a listening socket which does not block, or ErrAgain. Its descriptor does not block,
// either, and has what the listening socket has of options.
func AcceptNow(fd uintptr) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_ACCEPT4, fd, 0, 0, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR, syscall.ECONNABORTED: // that one has gone meanwhile
		case syscall.EAGAIN:
			return 0, ErrAgain
		default:
			return 0, errno
		}
	}
}

// closeNow closes a socket that does not block, and does not linger.
func closeNow(fd int32) { syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0) }

// awaitBytes sets SO_RCVLOWAT.
func awaitBytes(fd int, n int32) error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, uintptr(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT,
		uintptr(unsafe.Pointer(&n)), unsafe.Sizeof(n), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// epollNow returns what has happened, without waiting.
func epollNow(epfd int, events []syscall.EpollEvent) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(unsafe.SliceData(events))),
			uintptr(len(events)), 0, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

func newEventfd() (int, error) {
	fd, _, errno := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(fd), nil
}

// dup returns another descriptor for what fd stands for.
func dup(fd uintptr) (int, error) {
	const fDupfdCloexec = 1030 // F_DUPFD_CLOEXEC, of linux/fcntl.h, the same on all architectures
	n, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, fd, fDupfdCloexec, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
