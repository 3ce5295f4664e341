package engineio

import (
	"bytes"
	"encoding/base64"
	"errors"

	"github.com/seed-4a326f83/parley/websocket"
)

// The types of packets.
const (
	typeOpen    = '0'
	typeClose   = '1'
	typePing    = '2'
	typePong    = '3'
	typeMessage = '4'
	typeUpgrade = '5'
	typeNoop    = '6'
	// typeBinary marks a message in base64, and has no other type in front.
	typeBinary = 'b'
	// separator is between the packets of a request's or an answer's body.
	separator = '\x1e'
)

// A Packet is a message as Session.Send takes it.
type Packet struct {
	typ    websocket.MessageType
	wire   []byte                     // as on a WebSocket: text has its type in front
	shared *websocket.PreparedMessage // nil: wire is the caller's again when it was sent
}

// Text makes a packet of text. The payload is copied.
func Text(payload []byte) Packet {
	return Wire(append(append(make([]byte, 0, 1+len(payload)), typeMessage), payload...))
}

// Wire makes a packet of text that has the type of a message, '4', in front already. It must not be changed until it was
// sent, and may be used again then.
func Wire(text []byte) Packet { return Packet{typ: websocket.MessageText, wire: text} }

// Binary makes a packet of bytes, which must not be changed until they were sent, and may be used again then.
func Binary(payload []byte) Packet { return Packet{typ: websocket.MessageBinary, wire: payload} }

// Prepare returns the packet encoded for sending it to many sessions, from any number of goroutines. What it was made of must
// not be changed any more.
func (p Packet) Prepare() Packet {
	p.shared = websocket.Prepare(p.typ, p.wire)
	return p
}

// packetOverhead is what a packet that waits takes besides its bytes, about, wherever it waits.
const packetOverhead = 64

// size returns how much of a SendLimit the packet takes.
func (p *Packet) size() int { return packetOverhead + len(p.wire) }

// own returns p with bytes that stay.
func (p Packet) own() Packet {
	if p.shared == nil {
		p.wire = bytes.Clone(p.wire)
	}
	return p
}

// appendPayload appends packets as the body of an answer.
func appendPayload(dst []byte, packets []Packet) []byte {
	for i, p := range packets {
		if i > 0 {
			dst = append(dst, separator)
		}
		if p.typ == websocket.MessageText {
			dst = append(dst, p.wire...)
		} else {
			dst = append(dst, typeBinary)
			dst = base64.StdEncoding.AppendEncode(dst, p.wire)
		}
	}
	return dst
}

// A received packet is one from a client.
type received struct {
	typ  byte // typeBinary for a binary message
	data []byte
}

var (
	errNoPacket  = errors.New("engineio: an empty packet, or of no known type")
	errNotText   = errors.New("engineio: text that is not in UTF-8")
	errNotBase64 = errors.New("engineio: a binary message is not in base64")
)

// parsePacket parses a packet of text.
func parsePacket(text []byte) (received, error) {
	if len(text) == 0 {
		return received{}, errNoPacket
	}
	typ, data := text[0], text[1:]
	switch {
	case typ == typeBinary:
		decoded, err := base64.StdEncoding.AppendDecode(nil, data)
		if err != nil {
			return received{}, errNotBase64
		}
		return received{typeBinary, decoded}, nil
	case typ < typeOpen || typ > typeNoop:
		return received{}, errNoPacket
	}
	return received{typ, data}, nil
}
