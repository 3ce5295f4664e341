package main

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"
)

// echo keeps o.inFlight messages on their way on every connection: when all of them are back, as many are sent again.
func echo(o options) (result, error) {
	there, back := exchange(o)
	there, back = bytes.Repeat(there, o.inFlight), bytes.Repeat(back, o.inFlight)
	fds, err := dial(o, "")
	if err != nil {
		return result{}, err
	}
	p, err := newPoller()
	if err != nil {
		return result{}, err
	}
	for i, fd := range fds {
		if err := p.add(fd, i); err != nil {
			return result{}, err
		}
		if err := sendAll(fd, there); err != nil {
			return result{}, err
		}
	}
	got := make([]int, len(fds))
	buf := make([]byte, len(back)+1)
	units := int64(0)
	for watch := newStopwatch(o); ; {
		events, err := p.wait()
		if err != nil {
			return result{}, err
		}
		for _, e := range events {
			i := int(e.Fd)
			if got[i], err = receiveExpected(fds[i], buf, back, got[i]); err != nil {
				return result{}, err
			}
			if got[i] == len(back) {
				got[i] = 0
				units += int64(o.inFlight)
				if err := sendAll(fds[i], there); err != nil {
					return result{}, err
				}
			}
		}
		if r, over, err := watch.look(units); over || err != nil {
			return r, err
		}
	}
}

// sendAll sends p, for which there must be room.
func sendAll(fd int, p []byte) error {
	if n, err := send(fd, p); n < len(p) {
		return fmt.Errorf("sending: %d of %d bytes went, and then %w", n, len(p), orEOF(err))
	}
	return nil
}

// receiveExpected receives what is to come after the first got bytes of want, and returns how much of it there is now.
func receiveExpected(fd int, buf, want []byte, got int) (int, error) {
	n, err := receive(fd, buf)
	switch {
	case err == unix.EAGAIN:
		return got, nil
	case err != nil || n == 0:
		return 0, fmt.Errorf("the server closed the connection: %w", orEOF(err))
	case n > len(want)-got || !bytes.Equal(buf[:n], want[got:got+n]):
		return 0, fmt.Errorf("what came back is not what was sent: after %d bytes, of %d, there are %d: %.100q", got, len(want), n, buf[:n])
	}
	return got + n, nil
}
