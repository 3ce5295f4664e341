// Package proto is the WebSocket protocol (RFC 6455) as a pure machine: bytes in, events out. It does no I/O, reads no
// clock, starts no goroutine and allocates nothing; masking keys come in as arguments. Blocking, streaming and
// event-driven connections all run this one code.
//
// Nothing here is safe for concurrent use.
package proto

// Role says which side of the connection the machine reads for.
type Role uint8

const (
	Server Role = iota // reads what a client sends: masked frames (RFC 6455 section 5.1)
	Client             // reads what a server sends: unmasked frames
)

// Opcode is the four-bit frame type of RFC 6455 section 5.2.
type Opcode uint8

const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xA
)

// IsControl reports whether o is a control opcode: those with the highest bit set (RFC 6455 section 5.5).
func (o Opcode) IsControl() bool { return o&0x8 != 0 }

// MaxControlPayload is the longest payload of a control frame (RFC 6455 section 5.5).
const MaxControlPayload = 125

// MaxHeader is the length of the longest frame header: two bytes, eight of length, four of key.
const MaxHeader = 14

// An Event is what Machine.Next found: a piece of a message or of a control frame. A frame that arrives whole is one
// event; one that arrives in pieces is an event a piece, so that nothing need be held until the rest comes.
type Event struct {
	// Op is Text or Binary for a piece of a message (also in continuation frames: it is the type of the message), or
	// Close, Ping or Pong. It is 0 when the input ended before the next frame's header did.
	Op Opcode
	// First: the piece begins a message.
	First bool
	// FrameEnd: the piece ends a frame.
	FrameEnd bool
	// Fin: the piece ends the message, or the control frame.
	Fin bool
	// RSV1: the message carries RSV1 in its first frame, as an extension negotiated (RFC 7692: it is compressed).
	// Neither UTF-8 nor the size limit has been checked then: both concern what comes out of the extension.
	RSV1 bool
	// Code is the status code of a Close event with Fin; NoStatus if the peer gave none.
	Code uint16
	// Payload is unmasked and aliases the input. It may be empty. For Close it is a piece of the reason.
	Payload []byte
}

// An Error is a violation by the peer. The connection must be failed with Code (RFC 6455 section 7.1.7); Reason is fit
// to be the close frame's reason: it holds nothing but what this package wrote.
type Error struct {
	Code   uint16
	Reason string
}

func (e *Error) Error() string { return e.Reason }

// The violations. They are values made once, so that finding one allocates nothing.
var (
	ErrReservedBits    = &Error{ProtocolError, "reserved bit set without an extension that defines it"}
	ErrReservedOpcode  = &Error{ProtocolError, "reserved opcode"}
	ErrControlFragment = &Error{ProtocolError, "fragmented control frame"}
	ErrControlTooLong  = &Error{ProtocolError, "control frame over 125 bytes"}
	ErrNoMessage       = &Error{ProtocolError, "continuation frame without a message to continue"}
	ErrInMessage       = &Error{ProtocolError, "new message before the last one ended"}
	ErrNotMasked       = &Error{ProtocolError, "client frame without a mask"}
	ErrMasked          = &Error{ProtocolError, "server frame with a mask"}
	ErrNotMinimal      = &Error{ProtocolError, "length not in its shortest form"}
	ErrLengthRange     = &Error{ProtocolError, "length of 2^63 or more"}
	ErrCloseLength     = &Error{ProtocolError, "close frame with half a status code"}
	ErrCloseCode       = &Error{ProtocolError, "close frame with a status code that may not be sent"}
	ErrCloseReason     = &Error{InvalidPayload, "close reason is not UTF-8"}
	ErrText            = &Error{InvalidPayload, "text is not UTF-8"}
	ErrTooBig          = &Error{MessageTooBig, "message over the size limit"}
	ErrFragments       = &Error{PolicyViolation, "message in too many fragments"}
)
