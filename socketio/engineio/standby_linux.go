package engineio

import (
	"net"
	"os"
	"sync"
	"syscall"
)

// A standby watches the connections of parked requests, all in one goroutine, which does not end.
type standby struct {
	start sync.Once
	epoll int
	err   error // why there is none

	mu      sync.Mutex
	waiting map[int32]*parked // by file descriptor
}

// theStandby is the process's.
var theStandby standby

func (s *standby) open() error {
	s.start.Do(func() {
		if s.epoll, s.err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); s.err != nil {
			return
		}
		// With it being a file that does not block, the goroutine waits as others wait for connections: without a thread.
		if s.err = syscall.SetNonblock(s.epoll, true); s.err != nil {
			return
		}
		f := os.NewFile(uintptr(s.epoll), "epoll")
		raw, err := f.SyscallConn()
		if s.err = err; err != nil {
			return
		}
		s.waiting = make(map[int32]*parked)
		go s.run(f, raw)
	})
	return s.err
}

func (s *standby) run(f *os.File, raw syscall.RawConn) {
	defer f.Close()
	events := make([]syscall.EpollEvent, 128)
	for {
		n := 0
		if err := raw.Read(func(fd uintptr) bool {
			n, _ = syscall.EpollWait(int(fd), events, 0)
			return n > 0
		}); err != nil {
			panic(err) // nobody closes it
		}
		for _, e := range events[:n] {
			if k := s.take(e.Fd); k != nil {
				go k.watch() // which sees what has come
			}
		}
	}
}

// take ends the watch of a connection on which something has come, and returns whose it is: nil if it has ended already.
func (s *standby) take(fd int32) *parked {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.waiting[fd]
	if k != nil {
		s.end(k)
	}
	return k
}

// end ends the watch of a connection. mu is held.
func (s *standby) end(k *parked) {
	k.resting = false
	if s.waiting[k.fd] == k { // or else it was closed, by somebody else, and there is another one of that number
		delete(s.waiting, k.fd)
		syscall.EpollCtl(s.epoll, syscall.EPOLL_CTL_DEL, int(k.fd), nil)
	}
}

// rest has the connection be watched without a goroutine of its own, if it is one of the system's.
func (k *parked) rest() bool {
	conn := k.conn
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = t.NetConn()
	}
	c, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := c.SyscallConn()
	s := &theStandby
	if err != nil || s.open() != nil {
		return false
	}
	added := false
	raw.Control(func(fd uintptr) {
		s.mu.Lock()
		defer s.mu.Unlock()
		e := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP, Fd: int32(fd)}
		if added = syscall.EpollCtl(s.epoll, syscall.EPOLL_CTL_ADD, int(fd), &e) == nil; added {
			s.waiting[e.Fd], k.fd, k.resting = k, e.Fd, true
		}
	})
	return added
}

// rise ends what rest began, and reports whether it did: if not, a goroutine is reading already, or there never was a rest.
func (k *parked) rise() bool {
	s := &theStandby
	s.mu.Lock()
	defer s.mu.Unlock()
	if !k.resting {
		return false
	}
	s.end(k)
	return true
}
