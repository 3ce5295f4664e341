package main

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// setUserTimeout has the kernel give a connection up when what was sent on it
// is not acknowledged for so long (RFC 5482), rather than after a quarter of an
// hour of sending it again. Connections inherit it from the listening socket.
func setUserTimeout(fd syscall.RawConn, d time.Duration) error {
	var err error
	if e := fd.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
	}); e != nil {
		return e
	}
	return err
}
