package main

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// join connects a WebSocket that is open to Socket.IO's main namespace. rest is what has come after the handshake.
func join(fd int, rest []byte) error {
	f := &frames{fd: fd, rest: rest}
	if err := f.expect("0{"); err != nil {
		return err
	}
	if err := sendAll(fd, fromClient(fin|opText, []byte("40"))); err != nil {
		return err
	}
	if err := f.expect("40{"); err != nil {
		return err
	}
	if len(f.rest) > 0 {
		return fmt.Errorf("the server has sent %.100q that nobody has asked for", f.rest)
	}
	return nil
}

// frames reads a server's short frames.
type frames struct {
	fd   int
	rest []byte // what has come and was not looked at
}

// expect reads a text frame that begins with prefix.
func (f *frames) expect(prefix string) error {
	for len(f.rest) < 2 || len(f.rest) < f.length() {
		if err := waitFor(f.fd, unix.POLLIN); err != nil {
			return err
		}
		buf := make([]byte, 1024)
		n, err := receive(f.fd, buf)
		if err != nil || n == 0 {
			return fmt.Errorf("the server has sent %.100q, and then %w", f.rest, orEOF(err))
		}
		f.rest = append(f.rest, buf[:n]...)
	}
	frame := f.rest[:f.length()]
	f.rest = f.rest[len(frame):]
	if payload := frame[f.header(frame):]; frame[0] != fin|opText || !bytes.HasPrefix(payload, []byte(prefix)) {
		return fmt.Errorf("the server has sent %.100q, not %q", payload, prefix)
	}
	return nil
}

// header returns how long the header of the frame is, and length how long the frame that comes next.
func (f *frames) header(frame []byte) int {
	if frame[1] == 126 {
		return 4
	}
	return 2
}

func (f *frames) length() int {
	n := int(f.rest[1])
	switch {
	case n < 126:
		return 2 + n
	case len(f.rest) < 4:
		return 4
	default:
		return 4 + int(binary.BigEndian.Uint16(f.rest[2:]))
	}
}
