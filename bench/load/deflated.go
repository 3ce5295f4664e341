package main

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// tail is what a compressed message is sent without (RFC 7692 section 7.2.1).
const tail = "\x00\x00\xff\xff"

// deflated is echo with messages that are compressed on their way, each by itself. What comes back differs from server to
// server: it is inflated, and then known.
func deflated(o options) (result, error) {
	payload := content(o.content, o.size)
	var z bytes.Buffer
	w, err := flate.NewWriter(&z, flate.DefaultCompression)
	if err != nil {
		return result{}, err
	}
	w.Write(payload)
	w.Flush()
	there := fromClient(fin|compressed|opText, bytes.TrimSuffix(z.Bytes(), []byte(tail)))

	fds, err := dial(o, deflateOffer)
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
	in := &inflated{payload: payload, known: map[string]bool{}}
	got := make([][]byte, len(fds))
	buf := make([]byte, 2*o.size+100)
	units, size := int64(0), int64(0)
	for watch := newStopwatch(o); ; {
		events, err := p.wait()
		if err != nil {
			return result{}, err
		}
		for _, e := range events {
			i := int(e.Fd)
			n, err := receive(fds[i], buf)
			if err == unix.EAGAIN {
				continue
			}
			if err != nil || n == 0 {
				return result{}, fmt.Errorf("the server closed the connection: %w", orEOF(err))
			}
			got[i] = append(got[i], buf[:n]...)
			whole, err := in.check(got[i])
			if err != nil {
				return result{}, err
			}
			if whole {
				size = int64(len(got[i]))
				got[i] = got[i][:0]
				units++
				if err := sendAll(fds[i], there); err != nil {
					return result{}, err
				}
			}
		}
		if r, over, err := watch.look(units); over || err != nil {
			r.Bytes = size
			return r, err
		}
	}
}

// inflated knows what is the payload.
type inflated struct {
	payload []byte
	known   map[string]bool // messages as they come, which have been found to be right
}

// check reports whether what has come is a whole message, which must be the right one then.
func (in *inflated) check(got []byte) (whole bool, err error) {
	if in.known[string(got)] {
		return true, nil
	}
	var message []byte
	first, rest := byte(0), got
	for {
		if len(rest) < 4 {
			return false, nil
		}
		op, n, head := rest[0], int(rest[1]), 2
		switch n {
		case 126:
			n, head = int(binary.BigEndian.Uint16(rest[2:])), 4
		case 127:
			return false, errors.New("a frame of more than 64 KiB comes back")
		}
		if len(rest)-head < n {
			return false, nil
		}
		if first == 0 {
			first = op
		}
		message = append(message, rest[head:head+n]...)
		if rest = rest[head+n:]; op&fin != 0 {
			break
		}
	}
	if first&compressed == 0 || first&0xF != opText || len(rest) > 0 {
		return false, fmt.Errorf("what came back is not one compressed text: %.100q", got)
	}
	text, err := io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(message), bytes.NewReader([]byte(tail+"\x01\x00\x00\xff\xff")))))
	if err != nil || !bytes.Equal(text, in.payload) {
		return false, fmt.Errorf("what came back is not what was sent, but %.100q (%w)", text, orEOF(err))
	}
	if len(in.known) < 1000 { // a server with many compressors may have some answers, but not that many
		in.known[string(got)] = true
	}
	return true, nil
}
