package proto

import (
	"encoding/binary"

	"github.com/seed-4a326f83/parley/websocket/internal/mask"
)

// A Header is what is said before a payload that goes out.
type Header struct {
	Op     Opcode
	Fin    bool
	RSV1   bool
	Masked bool   // a client must, a server must not (RFC 6455 section 5.1)
	Key    uint32 // the masking key, for Masked: from mask.NewKey, a new one for each frame (section 5.3)
	Length int    // of the payload, in bytes
}

// AppendHeader appends the wire form of h to dst, at most MaxHeader bytes (RFC 6455 section 5.2).
func AppendHeader(dst []byte, h Header) []byte {
	b0 := byte(h.Op)
	if h.Fin {
		b0 |= bitFin
	}
	if h.RSV1 {
		b0 |= bitRSV1
	}
	var b1 byte
	if h.Masked {
		b1 = bitMask
	}
	switch {
	case h.Length < 126:
		dst = append(dst, b0, b1|byte(h.Length))
	case h.Length < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, b0, b1|126), uint16(h.Length))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, b0, b1|127), uint64(h.Length))
	}
	if h.Masked {
		dst = binary.LittleEndian.AppendUint32(dst, h.Key)
	}
	return dst
}

// AppendFrame appends a whole frame to dst: h, with its Length set from payload, and payload, masked on the way if h
// says so. payload itself is left alone.
func AppendFrame(dst []byte, h Header, payload []byte) []byte {
	h.Length = len(payload)
	dst = AppendHeader(dst, h)
	start := len(dst)
	dst = append(dst, payload...)
	if h.Masked {
		mask.XOR(dst[start:], h.Key)
	}
	return dst
}

// AppendClose appends the payload of a close frame to dst: the code, then the reason (RFC 6455 section 5.5.1). NoStatus
// means an empty payload.
func AppendClose(dst []byte, code uint16, reason string) []byte {
	if code == NoStatus {
		return dst
	}
	return append(binary.BigEndian.AppendUint16(dst, code), reason...)
}
