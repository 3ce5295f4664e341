package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// A frame is what a WebSocket frame says of itself (RFC 6455 section 5.2), and how its payload begins.
type frame struct {
	Header  string `json:"header"` // its bytes in hexadecimal, the mask included
	Fin     bool   `json:"fin"`
	RSV1    bool   `json:"rsv1"` // the message is compressed (RFC 7692)
	Opcode  int    `json:"opcode"`
	Masked  bool   `json:"masked"`
	Length  uint64 `json:"length"`
	Payload []byte `json:"payload"` // unmasked, at most maxPreview bytes
}

const maxPreview = 1024

// A frameScanner finds the frames in a stream of bytes, however it is cut.
type frameScanner struct {
	head   func(string) // gets the HTTP head that comes before the first frame; nil: there is none
	report func(frame)

	buf     []byte // of the HTTP head, or of a frame's header
	current frame
	left    uint64 // payload of current that has not come
	inside  bool   // the header of current is complete
}

func (s *frameScanner) scan(p []byte) {
	for len(p) > 0 {
		switch {
		case s.head != nil:
			p = s.scanHead(p)
		case !s.inside:
			s.buf, p = append(s.buf, p[0]), p[1:]
			if len(s.buf) >= 2 && len(s.buf) == headerLength(s.buf) {
				s.begin()
			}
		default:
			n := min(uint64(len(p)), s.left)
			room := maxPreview - len(s.current.Payload)
			s.current.Payload = append(s.current.Payload, p[:min(int(n), room)]...)
			s.left, p = s.left-n, p[n:]
		}
		if s.inside && s.left == 0 {
			s.end()
		}
	}
}

func (s *frameScanner) scanHead(p []byte) []byte {
	const end = "\r\n\r\n"
	before := len(s.buf)
	s.buf = append(s.buf, p...)
	i := bytes.Index(s.buf, []byte(end))
	if i < 0 {
		return nil
	}
	s.head(string(bytes.ReplaceAll(s.buf[:i], []byte("\r"), nil)))
	rest := p[i+len(end)-before:]
	s.head, s.buf = nil, nil
	return rest
}

// headerLength returns the length of the header that begins with the two bytes.
func headerLength(b []byte) int {
	n := 2
	switch b[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if b[1]&0x80 != 0 {
		n += 4
	}
	return n
}

func (s *frameScanner) begin() {
	b := s.buf
	s.inside = true
	s.current = frame{
		Header: fmt.Sprintf("% x", b),
		Fin:    b[0]&0x80 != 0,
		RSV1:   b[0]&0x40 != 0,
		Opcode: int(b[0] & 0x0f),
		Masked: b[1]&0x80 != 0,
		Length: uint64(b[1] & 0x7f),
	}
	switch s.current.Length {
	case 126:
		s.current.Length = uint64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		s.current.Length = binary.BigEndian.Uint64(b[2:])
	}
	s.left = s.current.Length
}

func (s *frameScanner) end() {
	if s.current.Masked {
		key := s.buf[len(s.buf)-4:]
		for i := range s.current.Payload {
			s.current.Payload[i] ^= key[i%4]
		}
	}
	s.report(s.current)
	s.buf, s.inside = s.buf[:0], false
}
