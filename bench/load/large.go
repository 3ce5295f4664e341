package main

import (
	"golang.org/x/sys/unix"
)

// large sends one message after the other on each connection, each so large that it must be received while it is still being
// sent. The unit is the byte.
func large(o options) (result, error) {
	there, back := exchange(o)
	o.conns = 1
	fds, err := dial(o, "")
	if err != nil {
		return result{}, err
	}
	buf := make([]byte, 256<<10)
	units := int64(0)
	for watch := newStopwatch(o); ; {
		if err := swap(fds[0], there, back, buf); err != nil {
			return result{}, err
		}
		units += int64(o.size)
		if r, over, err := watch.look(units); over || err != nil {
			return r, err
		}
	}
}

// swap sends a message and receives it back.
func swap(fd int, there, back, buf []byte) error {
	sent, got := 0, 0
	for got < len(back) {
		before := sent + got
		if sent < len(there) {
			n, err := send(fd, there[sent:min(len(there), sent+1<<20)])
			if err != nil && err != unix.EAGAIN {
				return err
			}
			sent += n
		}
		var err error
		if got, err = receiveExpected(fd, buf[:min(len(buf), len(back)-got+1)], back, got); err != nil {
			return err
		}
		if sent+got > before {
			continue
		}
		events := int16(unix.POLLIN)
		if sent < len(there) {
			events |= unix.POLLOUT
		}
		if err := waitFor(fd, events); err != nil {
			return err
		}
	}
	return nil
}
