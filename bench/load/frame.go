package main

import "encoding/binary"

const (
	opText   = 1
	opBinary = 2
	opClose  = 8

	fin        = 1 << 7
	compressed = 1 << 6
	masked     = 1 << 7
)

// appendHeader appends the header of a frame of n bytes. first is its first byte, and mask is masked or 0.
func appendHeader(dst []byte, first, mask byte, n int) []byte {
	switch {
	case n < 126:
		return append(dst, first, mask|byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, first, mask|126), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, first, mask|127), uint64(n))
	}
}

// fromClient is a frame as clients send it, and fromServer as servers do.
func fromClient(first byte, payload []byte) []byte {
	key := [4]byte{0x9C, 0x35, 0xE1, 0x7A}
	frame := append(appendHeader(nil, first, masked, len(payload)), key[:]...)
	for i, b := range payload {
		frame = append(frame, b^key[i%4])
	}
	return frame
}

func fromServer(first byte, payload []byte) []byte {
	return append(appendHeader(nil, first, 0, len(payload)), payload...)
}

// exchange returns what is sent for a message, and what comes back.
func exchange(o options) (there, back []byte) {
	payload := content(o.content, o.size)
	if o.raw {
		return payload, payload
	}
	return fromClient(firstByte(o), payload), fromServer(firstByte(o), payload)
}

// firstByte is that of the frames of messages.
func firstByte(o options) byte {
	if o.content == "binary" {
		return fin | opBinary
	}
	return fin | opText
}
