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

// String returns "MessageText" or "MessageBinary".
func (t MessageType) String() string {
	switch t {
	case MessageText:
		return "MessageText"
	case MessageBinary:
		return "MessageBinary"
	}
	return fmt.Sprintf("MessageType(%d)", int(t))
}
