package main

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"
)

// A passing connection is opened, upgraded, and closed in order.
type passing struct {
	fd      int
	closing bool // the close frame has been sent
	got     []byte
}

// churn keeps o.conns connections on their way from being opened to being closed. The unit is the connection. With a server
// that knows no WebSocket nothing is said: we close first, and it does then.
func churn(o options) (result, error) {
	p, err := newPoller()
	if err != nil {
		return result{}, err
	}
	c := &churner{o: o, poll: p, ask: request(o.addr, o.path, ""), bye: fromClient(fin|opClose, []byte{0x03, 0xE8}), buf: make([]byte, 4096)}
	c.back = fromServer(fin|opClose, []byte{0x03, 0xE8})
	slots := make([]passing, o.conns)
	for i := range slots {
		if err := c.open(&slots[i], i); err != nil {
			return result{}, err
		}
	}
	units := int64(0)
	for watch := newStopwatch(o); ; {
		events, err := p.wait()
		if err != nil {
			return result{}, err
		}
		for _, e := range events {
			over, err := c.goOn(&slots[e.Fd])
			if err != nil {
				return result{}, err
			}
			if over {
				units++
				if err := c.open(&slots[e.Fd], int(e.Fd)); err != nil {
					return result{}, err
				}
			}
		}
		if r, over, err := watch.look(units); over || err != nil {
			return r, err
		}
	}
}

type churner struct {
	o              options
	poll           *poller
	ask, bye, back []byte
	buf            []byte
	opened         int
}

func (c *churner) open(s *passing, id int) error {
	fd, err := connect(c.o.addr, c.opened)
	if err != nil {
		return err
	}
	c.opened++
	*s = passing{fd: fd, got: s.got[:0]}
	if err := c.poll.add(fd, id); err != nil {
		return err
	}
	if c.o.raw {
		s.closing = true
		return unix.Shutdown(fd, unix.SHUT_WR)
	}
	return sendAll(fd, c.ask)
}

// goOn receives what has come, and does what is next.
func (c *churner) goOn(s *passing) (over bool, err error) {
	for {
		n, err := receive(s.fd, c.buf)
		switch {
		case err == unix.EAGAIN:
			return false, nil
		case err != nil:
			return false, fmt.Errorf("after %q: %w", s.got, err)
		case n == 0 && s.closing && (c.o.raw || bytes.Equal(s.got, c.back)):
			return true, unix.Close(s.fd)
		case n == 0:
			return false, fmt.Errorf("the server closes the connection after %q", s.got)
		}
		s.got = append(s.got, c.buf[:n]...)
		if s.closing || !bytes.HasSuffix(s.got, []byte("\r\n\r\n")) {
			continue
		}
		if err := checkAnswer(s.got); err != nil {
			return false, err
		}
		if err := sendAll(s.fd, c.bye); err != nil {
			return false, err
		}
		s.got, s.closing = s.got[:0], true
	}
}
