package main

import (
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// connsPerAddress is how many connections come from one address of our own: there are some 28,000 ports.
const connsPerAddress = 10_000

// connect returns a socket that is connected to addr, from the n-th address that we have.
func connect(addr string, n int) (int, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return 0, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("making a socket (are there too few descriptors? see ulimit -n): %w", err)
	}
	// The port is chosen with regard to the server's, so that each server has all of them.
	from := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(2 + n%200)}}
	for _, option := range [][3]int{
		{unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1},
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
	} {
		if err == nil {
			err = unix.SetsockoptInt(fd, option[0], option[1], option[2])
		}
	}
	if err == nil {
		err = unix.Bind(fd, from)
	}
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		unix.Close(fd)
		return 0, fmt.Errorf("connecting to %s: %w", addr, err)
	}
	return fd, nil
}

// reset has closing the socket end the connection at once, so that nothing of it is left to be waited for.
func reset(fd int) {
	unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}

// The system calls are made without telling Go's scheduler: there is nothing else that it could run.

// send sends p, or as much of it as there is room for.
func send(fd int, p []byte) (int, error) {
	n, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

// receive receives what has come.
func receive(fd int, p []byte) (int, error) {
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

// A poller waits for sockets.
type poller struct {
	fd     int
	events [1024]unix.EpollEvent
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	return &poller{fd: fd}, err
}

// add has wait return id whenever something has come for fd.
func (p *poller) add(fd, id int) error {
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | edgeTriggered, Fd: int32(id)})
}

// edgeTriggered is unix.EPOLLET, which is a negative number there.
const edgeTriggered = 1 << 31

// silence is how long a server may leave everything unanswered, in milliseconds.
const silence = 30_000

// wait waits until there is something. An error says that nothing came for too long.
func (p *poller) wait() ([]unix.EpollEvent, error) {
	events, err := p.waitFor(silence)
	if err == nil && len(events) == 0 {
		err = errSilent
	}
	return events, err
}

var errSilent = fmt.Errorf("the server has answered nothing for %d s", silence/1000)

// waitFor waits for so many milliseconds at most.
func (p *poller) waitFor(ms int) ([]unix.EpollEvent, error) {
	for began := time.Now(); ; {
		n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events)), uintptr(len(p.events)), uintptr(ms), 0, 0)
		switch {
		case e == unix.EINTR && time.Since(began) > time.Duration(ms)*time.Millisecond:
			return nil, nil
		case e == unix.EINTR:
		case e != 0:
			return nil, e
		default:
			return p.events[:n], nil
		}
	}
}
