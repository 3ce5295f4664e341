package main

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"
)

// gather has the first connection send messages until all connections have got the same one: a server may answer a handshake
// before it adds the connection to the others. The messages are numbered. Each connection gets them in order, so that when the
// last has come nothing is on its way any more.
func gather(o options, fds []int, p *poller) error {
	payload := content(o.content, max(o.size, 8))
	received := make([][]byte, len(fds))
	buf := make([]byte, 64<<10)
	for number := range 100 {
		setNumber(o.content, payload, number)
		there, back := payload, payload
		if !o.raw {
			there, back = fromClient(firstByte(o), payload), fromServer(firstByte(o), payload)
		}
		if err := sendAll(fds[0], there); err != nil {
			return err
		}
		has := make([]bool, len(fds))
		missing := len(fds)
		for missing > 0 {
			ms := 300 // then those who have not got it will not get it
			if !has[0] {
				ms = silence
			}
			events, err := p.waitFor(ms)
			if err != nil {
				return err
			}
			if len(events) == 0 && !has[0] {
				return errSilent
			}
			if len(events) == 0 {
				break
			}
			for _, e := range events {
				i := int(e.Fd)
				n, err := receive(fds[i], buf)
				if err == unix.EAGAIN {
					continue
				}
				if err != nil || n == 0 {
					return fmt.Errorf("the server closed the connection: %w", orEOF(err))
				}
				received[i] = append(received[i], buf[:n]...)
				if !has[i] && bytes.HasSuffix(received[i], back) {
					has[i] = true
					missing--
				}
			}
		}
		if missing == 0 {
			return nil
		}
	}
	return fmt.Errorf("some of %d connections never get what the first sends", len(fds))
}
