package main

import (
	"fmt"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/seed-4a326f83/parley/bench/servers/internal/serve"
)

// A loop serves all connections. It keeps nothing for one but what its peer has not taken yet.
type loop struct {
	epoll     int
	listener  int
	broadcast bool
	pending   map[int][]byte  // what waits for room, by descriptor
	members   serve.Room[int] // the open descriptors, for a broadcast
	buf       []byte
}

func serveEpoll(l *net.TCPListener, broadcast bool) error {
	f, err := l.File()
	if err != nil {
		return err
	}
	defer f.Close()
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	s := &loop{epoll: epoll, listener: int(f.Fd()), broadcast: broadcast, pending: map[int][]byte{}, buf: make([]byte, 256<<10)}
	if err := unix.SetNonblock(s.listener, true); err != nil {
		return err
	}
	if err := s.watch(unix.EPOLL_CTL_ADD, s.listener, unix.EPOLLIN); err != nil {
		return err
	}
	var events [1024]unix.EpollEvent
	for {
		n, err := call(unix.SYS_EPOLL_PWAIT, epoll, unsafe.Pointer(&events), len(events), -1)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("waiting for connections: %w", err)
		}
		for _, e := range events[:max(n, 0)] {
			if fd := int(e.Fd); fd != s.listener {
				s.serve(fd)
			} else if err := s.accept(); err != nil {
				return err
			}
		}
	}
}

// call makes a system call without telling Go's scheduler, which would have another thread go on meanwhile: there is nothing
// to go on with. When the scheduler wants to stop the thread, for a collection of garbage, it sends it a signal.
func call(number uintptr, fd int, p unsafe.Pointer, n, last int) (int, error) {
	r, _, e := unix.RawSyscall6(number, uintptr(fd), uintptr(p), uintptr(n), uintptr(last), 0, 0)
	if e != 0 {
		return -1, e
	}
	return int(r), nil
}

func (s *loop) watch(op, fd int, events uint32) error {
	return unix.EpollCtl(s.epoll, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

func (s *loop) accept() error {
	fd, _, err := unix.Accept4(s.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err == unix.EAGAIN || err == unix.ECONNABORTED {
		return nil
	}
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if err == nil {
		err = s.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN)
	}
	if err != nil {
		return fmt.Errorf("accepting a connection: %w", err)
	}
	if s.broadcast {
		s.members.Join(fd)
	}
	return nil
}

// serve sends what waits, or receives something and sends it on.
func (s *loop) serve(fd int) {
	if p := s.pending[fd]; p != nil {
		delete(s.pending, fd)
		s.send(fd, p)
		if s.pending[fd] == nil {
			s.watch(unix.EPOLL_CTL_MOD, fd, unix.EPOLLIN)
		}
		return
	}
	n, err := call(unix.SYS_READ, fd, unsafe.Pointer(unsafe.SliceData(s.buf)), len(s.buf), 0)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
	case err != nil || n == 0:
		s.members.Leave(fd)
		delete(s.pending, fd)
		unix.Close(fd)
	case s.broadcast:
		s.members.Each(func(fd int) { s.send(fd, s.buf[:n]) })
	default:
		s.send(fd, s.buf[:n])
	}
}

// send sends p. What there is no room for waits, and meanwhile nothing is received from there.
func (s *loop) send(fd int, p []byte) {
	if before := s.pending[fd]; before != nil {
		s.pending[fd] = append(before, p...)
		return
	}
	n, err := call(unix.SYS_WRITE, fd, unsafe.Pointer(unsafe.SliceData(p)), len(p), 0)
	if err != nil && err != unix.EAGAIN {
		return // reading finds out
	}
	if n = max(n, 0); n < len(p) {
		s.pending[fd] = append([]byte(nil), p[n:]...)
		s.watch(unix.EPOLL_CTL_MOD, fd, unix.EPOLLOUT)
	}
}
