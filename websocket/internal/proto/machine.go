package proto

import (
	"encoding/binary"
	"math"

	"github.com/seed-4a326f83/parley/websocket/internal/mask"
	"github.com/seed-4a326f83/parley/websocket/internal/utf8"
)

const (
	bitFin  = 0x80
	bitRSV1 = 0x40
	bitRSV2 = 0x20
	bitRSV3 = 0x10
	bitMask = 0x80
)

// Config is what a Machine holds the peer to.
type Config struct {
	Role Role
	// Limit is the most bytes a message may have; negative: any number. See Event.RSV1 for compressed messages.
	Limit int64
	// MaxFragments is the most frames a message may come in, empty ones counted; 0 or negative: any number.
	MaxFragments int
	// RSV1: an extension that gives RSV1 a meaning has been negotiated.
	RSV1 bool
}

// A Machine reads one direction of one connection. It is a value: it may be copied and moved between calls. Make it with
// New.
type Machine struct {
	// In the order that wastes no room: a connection that idles consists of this for a good part.
	err    *Error // the violation that ended it
	limit  int64  // Config.Limit
	remain int64  // of the frame being read: payload bytes to come
	total  int64  // of the message being read: bytes declared so far; saturates

	key          uint32 // of the frame being read
	fragments    uint32 // of the message being read
	maxFragments uint32 // Config.MaxFragments; 0: any number
	code         uint16 // of the close frame being read, of which codeBytes have come

	// A header of which only a part has come.
	spill  [MaxHeader - 1]byte
	nspill uint8

	// The message being read; control frames may come in its middle (RFC 6455 section 5.4).
	text  utf8.Validator
	msg   Opcode // 0: none
	begun bool   // an event of it has been given out
	rsv1  bool

	// The frame being read.
	op      Opcode // as on the wire
	inFrame bool
	fin     bool

	// The close frame being read, and whether it has been.
	reason    utf8.Validator
	codeBytes uint8
	closed    bool

	role      Role
	allowRSV1 bool
}

// New returns a Machine at the beginning of a connection, after the handshake.
func New(cfg Config) Machine {
	return Machine{
		role:         cfg.Role,
		limit:        cfg.Limit,
		maxFragments: uint32(min(max(cfg.MaxFragments, 0), math.MaxInt32)),
		allowRSV1:    cfg.RSV1,
	}
}

// SetLimit changes Config.Limit. It holds from the next frame header on.
func (m *Machine) SetLimit(limit int64) { m.limit = limit }

// Idle reports whether all frames that have begun have come to their end.
func (m *Machine) Idle() bool { return !m.inFrame && m.nspill == 0 }

// Remaining returns how many payload bytes of the current frame are still to come. It is what the peer declared: no reason
// to allocate it.
func (m *Machine) Remaining() int64 { return m.remain }

// Next consumes some of in and returns the next event and the number of bytes consumed. The caller passes the rest of in
// again (with more behind it, as it likes) until Event.Op is 0, which means that all of in is used up and more is needed.
// Payload bytes are unmasked in place, and Event.Payload aliases in: it is good until the caller overwrites in.
//
// An error is always an *Error, and final: the same comes back ever after. Beside it the Event holds what was right before
// the wrong byte, if anything. After a close frame all input is swallowed (RFC 6455 section 1.4: no data follows it).
//
// Events do not depend on how the input is cut, except for being cut themselves.
func (m *Machine) Next(in []byte) (ev Event, n int, err error) {
	if m.err != nil {
		return Event{}, 0, m.err
	}
	if m.closed {
		return Event{}, len(in), nil
	}
	if !m.inFrame {
		var bad *Error
		if n, bad = m.header(in); bad != nil {
			return Event{}, n, m.fail(bad)
		}
		if !m.inFrame {
			return Event{}, n, nil
		}
	}
	p := in[n:]
	if int64(len(p)) > m.remain {
		p = p[:m.remain]
	}
	n += len(p)
	m.remain -= int64(len(p))
	if m.role == Server {
		m.key = mask.XOR(p, m.key) // section 5.3
	}
	m.inFrame = m.remain > 0
	var bad *Error
	if m.op.IsControl() {
		ev, bad = m.control(p)
	} else {
		ev, bad = m.data(p)
	}
	if bad != nil {
		return ev, n, m.fail(bad)
	}
	return ev, n, nil
}

func (m *Machine) fail(bad *Error) error {
	m.err = bad
	return bad
}

// header reads a frame header from in, and the part of it that came before. inFrame tells whether it is complete.
func (m *Machine) header(in []byte) (n int, bad *Error) {
	h := in
	var joined [MaxHeader]byte
	if m.nspill > 0 {
		k := copy(joined[:], m.spill[:m.nspill])
		k += copy(joined[k:], in)
		h = joined[:k]
	}
	size, bad := m.parse(h)
	if bad != nil {
		return len(in), bad
	}
	if size == 0 { // incomplete, so at most 13 bytes
		m.nspill = uint8(copy(m.spill[:], h))
		return len(in), nil
	}
	n = size - int(m.nspill)
	m.nspill = 0
	return n, nil
}

// parse checks as much of a header as h holds, each byte as soon as it is there, so that what is found does not depend on
// how the input is cut. It returns 0 when h is incomplete; else it starts the frame and returns the header's size.
func (m *Machine) parse(h []byte) (size int, bad *Error) {
	if len(h) == 0 {
		return 0, nil
	}
	op, fin := Opcode(h[0]&0x0F), h[0]&bitFin != 0
	if bad := m.checkFirst(op, fin, h[0]); bad != nil {
		return 0, bad
	}
	if len(h) == 1 {
		return 0, nil
	}
	masked := h[1]&bitMask != 0
	switch { // section 5.1
	case m.role == Server && !masked:
		return 0, ErrNotMasked
	case m.role == Client && masked:
		return 0, ErrMasked
	}
	length, size := int64(h[1]&^bitMask), 2
	switch {
	case op.IsControl() && length > MaxControlPayload: // section 5.5
		return 0, ErrControlTooLong
	case op == Close && length == 1: // section 5.5.1: if there is a body, it begins with a code of two bytes
		return 0, ErrCloseLength
	case length == 126: // section 5.2: "the minimal number of bytes MUST be used"
		if len(h) < 4 {
			return 0, nil
		}
		if length, size = int64(binary.BigEndian.Uint16(h[2:])), 4; length < 126 {
			return 0, ErrNotMinimal
		}
	case length == 127:
		if len(h) < 10 {
			return 0, nil
		}
		long := binary.BigEndian.Uint64(h[2:])
		switch {
		case long > math.MaxInt64: // section 5.2: "the most significant bit MUST be 0"
			return 0, ErrLengthRange
		case long < 1<<16:
			return 0, ErrNotMinimal
		}
		length, size = int64(long), 10
	}
	rsv1 := h[0]&bitRSV1 != 0
	if bad := m.checkSize(op, rsv1, length); bad != nil {
		return 0, bad
	}
	var key uint32
	if masked {
		if len(h) < size+4 {
			return 0, nil
		}
		key = binary.LittleEndian.Uint32(h[size:])
		size += 4
	}
	m.begin(op, fin, rsv1, length, key)
	return size, nil
}

// checkFirst checks what a frame's first byte says.
func (m *Machine) checkFirst(op Opcode, fin bool, b byte) *Error {
	// Section 5.2: reserved bits must be 0 unless an extension defines them. The only one we know defines RSV1, on the first
	// frame of a message (RFC 7692 section 6): not on control frames, not on continuations.
	if b&(bitRSV2|bitRSV3) != 0 {
		return ErrReservedBits
	}
	if b&bitRSV1 != 0 && (!m.allowRSV1 || op.IsControl() || op == Continuation) {
		return ErrReservedBits
	}
	switch op {
	case Continuation: // section 5.4
		if m.msg == 0 {
			return ErrNoMessage
		}
	case Text, Binary: // section 5.4: fragments of messages are not interleaved
		if m.msg != 0 {
			return ErrInMessage
		}
	case Close, Ping, Pong: // section 5.5
		if !fin {
			return ErrControlFragment
		}
	default: // section 5.2: 3-7 and B-F are reserved
		return ErrReservedOpcode
	}
	return nil
}

// checkSize holds a data frame against the limits (section 10.4) before any of its payload has come.
func (m *Machine) checkSize(op Opcode, rsv1 bool, length int64) *Error {
	if op.IsControl() {
		return nil
	}
	var total int64
	var fragments uint32
	if op == Continuation {
		total, fragments, rsv1 = m.total, m.fragments, m.rsv1
	}
	if m.maxFragments > 0 && fragments >= m.maxFragments {
		return ErrFragments
	}
	// Written so that no sum can wrap: total may be over a limit that was lowered meanwhile.
	if m.limit >= 0 && !rsv1 && (total > m.limit || length > m.limit-total) {
		return ErrTooBig
	}
	return nil
}

// begin starts a frame whose header has been found right.
func (m *Machine) begin(op Opcode, fin, rsv1 bool, length int64, key uint32) {
	m.inFrame, m.op, m.fin, m.remain, m.key = true, op, fin, length, key
	switch op {
	case Continuation:
		m.fragments++
		if m.total += length; m.total < 0 {
			m.total = math.MaxInt64
		}
	case Text, Binary:
		m.msg, m.begun, m.rsv1, m.fragments, m.total = op, false, rsv1, 1, length
		m.text.Reset()
	}
}

// data makes the event of a piece of a message.
func (m *Machine) data(p []byte) (Event, *Error) {
	ev := Event{Op: m.msg, First: !m.begun, RSV1: m.rsv1, Payload: p}
	m.begun = true
	fin := !m.inFrame && m.fin
	if m.msg == Text && !m.rsv1 {
		// Section 8.1, and as early as may be: at the first byte that cannot be right.
		if i := m.text.Check(p); i >= 0 {
			ev.Payload = p[:i]
			return ev, ErrText
		}
		if fin && !m.text.Complete() {
			return ev, ErrText
		}
	}
	ev.FrameEnd, ev.Fin = !m.inFrame, fin
	if fin {
		m.msg = 0
	}
	return ev, nil
}

// control makes the event of a piece of a control frame.
func (m *Machine) control(p []byte) (Event, *Error) {
	ev := Event{Op: m.op, Payload: p}
	if m.op == Close {
		// Section 5.5.1: two bytes of code, then a reason in UTF-8.
		for m.codeBytes < 2 && len(p) > 0 {
			m.code = m.code<<8 | uint16(p[0])
			m.codeBytes++
			p = p[1:]
			if m.codeBytes == 2 && !ValidCode(int(m.code)) {
				return Event{}, ErrCloseCode // section 7.4
			}
		}
		ev.Payload = p
		if i := m.reason.Check(p); i >= 0 {
			ev.Payload = p[:i]
			return ev, ErrCloseReason
		}
		if !m.inFrame {
			if !m.reason.Complete() {
				return ev, ErrCloseReason
			}
			m.closed = true
			if ev.Code = m.code; m.codeBytes == 0 {
				ev.Code = NoStatus // section 7.1.5
			}
		}
	}
	ev.FrameEnd, ev.Fin = !m.inFrame, !m.inFrame
	return ev, nil
}
