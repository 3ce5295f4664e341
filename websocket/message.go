package websocket

import (
	"fmt"

	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// MessageType says what a message holds (RFC 6455 section 5.6).
type MessageType int

const (
	// MessageText is a message in UTF-8. What is received is checked; what is sent is not: sending anything else makes a
	// right peer close with StatusInvalidFramePayloadData.
	MessageText MessageType = MessageType(proto.Text)
	// MessageBinary is a message of any bytes.
	MessageBinary MessageType = MessageType(proto.Binary)
)

// For sending, one of these may be added to a type: MessageBinary|Uncompressed. It goes before CompressionThreshold. Where
// compression was not agreed on, they change nothing.
const (
	// Compressed has the message compressed even if it is short. (If it gets no shorter, it may be sent as it is.)
	Compressed MessageType = 1 << 8
	// Uncompressed has the message sent as it is: because it is compressed already, as pictures are, or because it holds a
	// secret, which could be guessed from the lengths of messages that resemble it.
	Uncompressed MessageType = 1 << 9
)

// opcode returns the opcode of a type to be sent.
func (t MessageType) opcode() (proto.Opcode, error) {
	switch plain := t &^ (Compressed | Uncompressed); {
	case plain != MessageText && plain != MessageBinary:
		return 0, fmt.Errorf("websocket: cannot send a %v: use MessageText or MessageBinary", t)
	case t&Compressed != 0 && t&Uncompressed != 0:
		return 0, fmt.Errorf("websocket: cannot send a %v: use Compressed or Uncompressed, not both", t)
	default:
		return proto.Opcode(plain), nil
	}
}

// String returns "MessageText" or "MessageBinary", and what was added to it: "MessageText|Compressed".
func (t MessageType) String() string {
	switch {
	case t > 0 && t&Uncompressed != 0:
		return (t &^ Uncompressed).String() + "|Uncompressed"
	case t > 0 && t&Compressed != 0:
		return (t &^ Compressed).String() + "|Compressed"
	}
	switch t {
	case MessageText:
		return "MessageText"
	case MessageBinary:
		return "MessageBinary"
	}
	return fmt.Sprintf("MessageType(%d)", int(t))
}
