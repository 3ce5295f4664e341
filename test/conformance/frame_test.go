package conformance

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// The opcodes of RFC 6455 section 5.2.
const (
	opCont   = 0x0
	opText   = 0x1
	opBinary = 0x2
	opClose  = 0x8
	opPing   = 0x9
	opPong   = 0xA
)

var opNames = map[byte]string{
	opCont: "continuation", opText: "text", opBinary: "binary", opClose: "close", opPing: "ping", opPong: "pong",
}

// rsv1 marks messages that are compressed (RFC 7692 section 6). The bits are counted as the suite does: RSV1 is 4.
const rsv1 = 4

// A frame is one to send, right or wrong, or one that came.
type frame struct {
	open    bool // FIN is not set
	rsv     byte
	op      byte
	payload []byte

	// What can be wrong about one that is sent:
	wrongMask bool   // masked by a server, or not masked by a client
	form      int    // bytes of extended length, 2 or 8; 0: as few as possible
	declared  uint64 // the length to declare; 0: the payload's
}

func text(s string) frame          { return frame{op: opText, payload: []byte(s)} }
func binaryMessage(s string) frame { return frame{op: opBinary, payload: []byte(s)} }
func cont(s string) frame          { return frame{op: opCont, payload: []byte(s)} }
func ping(s string) frame          { return frame{op: opPing, payload: []byte(s)} }
func pong(s string) frame          { return frame{op: opPong, payload: []byte(s)} }

// closing is a close frame.
func closing(code int, reason string) frame {
	return frame{op: opClose, payload: append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...)}
}

// more returns f as one that others continue.
func (f frame) more() frame {
	f.open = true
	return f
}

func (f frame) bits(rsv byte) frame {
	f.rsv = rsv
	return f
}

// fragments cuts a message into frames of size bytes.
func fragments(op byte, rsv byte, payload []byte, size int) []frame {
	list := make([]frame, 0, len(payload)/size+1)
	for len(payload) > size {
		list = append(list, frame{open: true, rsv: rsv, op: op, payload: payload[:size]})
		payload, op, rsv = payload[size:], opCont, 0
	}
	return append(list, frame{rsv: rsv, op: op, payload: payload})
}

// append encodes f as RFC 6455 section 5.2 says, masked if masks.
func (f frame) append(dst []byte, masks bool) []byte {
	first := f.op | f.rsv<<4
	if !f.open {
		first |= 0x80
	}
	length := uint64(len(f.payload))
	if f.declared != 0 {
		length = f.declared
	}
	form, seven := f.form, byte(length)
	if form == 0 && length > 125 {
		form = 2
		if length > 0xFFFF {
			form = 8
		}
	}
	switch form {
	case 2:
		seven = 126
	case 8:
		seven = 127
	}
	masked := masks != f.wrongMask
	if masked {
		seven |= 0x80
	}
	dst = append(dst, first, seven)
	switch form {
	case 2:
		dst = binary.BigEndian.AppendUint16(dst, uint16(length))
	case 8:
		dst = binary.BigEndian.AppendUint64(dst, length)
	}
	if !masked {
		return append(dst, f.payload...)
	}
	key := [4]byte{0x37, 0xFA, 0x21, byte(length) ^ 0x3D}
	dst = append(dst, key[:]...)
	for i, b := range f.payload {
		dst = append(dst, b^key[i&3])
	}
	return dst
}

// readFrame reads a frame that the subject sent, and checks all that a frame alone can tell. Keys of masked frames are returned.
func readFrame(r *bufio.Reader, masked, deflate bool) (f frame, key [4]byte, err error) {
	var h [8]byte
	if _, err := io.ReadFull(r, h[:2]); err != nil {
		return f, key, err // io.EOF: between two frames
	}
	f.open, f.rsv, f.op = h[0]&0x80 == 0, h[0]>>4&7, h[0]&0x0F
	length := uint64(h[1] & 0x7F)
	switch {
	case f.rsv != 0 && (f.rsv != rsv1 || !deflate || f.op != opText && f.op != opBinary):
		return f, key, fmt.Errorf("a frame came with reserved bits %03b, opcode %d", f.rsv, f.op)
	case f.op > opBinary && f.op < opClose || f.op > opPong:
		return f, key, fmt.Errorf("a frame came with the reserved opcode %d", f.op)
	case h[1]&0x80 != 0 != masked:
		return f, key, fmt.Errorf("a frame came with masked = %v", !masked)
	case f.op >= opClose && (f.open || length > 125):
		return f, key, errors.New("a control frame came that is too long or not final")
	}
	if size := map[uint64]int{126: 2, 127: 8}[length]; size > 0 {
		if _, err := io.ReadFull(r, h[8-size:]); err != nil {
			return f, key, noEOF(err)
		}
		clear(h[:8-size])
		length = binary.BigEndian.Uint64(h[:])
		if length < 126 || size == 8 && length <= 0xFFFF {
			return f, key, fmt.Errorf("the length %d came in %d bytes", length, size)
		}
	}
	if length > 1<<30 {
		return f, key, fmt.Errorf("a frame of %d bytes came", length)
	}
	if masked {
		if _, err := io.ReadFull(r, key[:]); err != nil {
			return f, key, noEOF(err)
		}
	}
	f.payload = make([]byte, length)
	if _, err := io.ReadFull(r, f.payload); err != nil {
		return f, key, noEOF(err)
	}
	if masked {
		for i := range f.payload {
			f.payload[i] ^= key[i&3]
		}
	}
	if f.op == opClose && (length == 1 || length > 2 && !utf8.Valid(f.payload[2:])) {
		return f, key, fmt.Errorf("a close frame came with the payload %q", f.payload)
	}
	return f, key, nil
}

// noEOF is for ends in the middle of a frame.
func noEOF(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("in the middle of a frame: %w", err)
}

// code returns the status code of a close frame, 1005 if it has none.
func (f frame) code() int {
	if len(f.payload) < 2 {
		return 1005
	}
	return int(binary.BigEndian.Uint16(f.payload))
}

func (f frame) String() string {
	name := opNames[f.op]
	if f.op == opClose && len(f.payload) >= 2 {
		return fmt.Sprintf("close %d %q", f.code(), f.payload[2:])
	}
	if len(f.payload) > 40 {
		return fmt.Sprintf("%s of %d bytes, %q...", name, len(f.payload), f.payload[:40])
	}
	return fmt.Sprintf("%s %q", name, f.payload)
}
