package websocket

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/seed-4a326f83/parley/websocket/internal/deflate"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// A PreparedMessage is a message that is sent to many: it is encoded and compressed once, and not for each of them. Make
// it with Prepare, and send it with Conn.WritePrepared. It may be used from any number of goroutines and on any number of
// connections at the same time, servers' and clients'.
//
// It is compressed by itself, without regard to what each receiver has got before. For short messages that is less than
// Conn.Write does with context takeover; but it is done once.
type PreparedMessage struct {
	typ   MessageType
	err   error // typ cannot be sent
	plain preparedFrame

	// The compressed variants, by the window that they need. They are made when they are first wanted.
	mu       sync.Mutex
	deflated [deflate.MaxWindowBits - deflate.MinWindowBits + 1]atomic.Pointer[preparedFrame]
}

// A preparedFrame is as a server sends it. What a client sends must be masked anew each time (RFC 6455 section 5.3).
type preparedFrame struct {
	header  proto.Header
	bytes   []byte
	payload []byte // the end of bytes
}

func newPreparedFrame(h proto.Header, payload []byte) preparedFrame {
	b := proto.AppendFrame(make([]byte, 0, proto.MaxHeader+len(payload)), h, payload)
	return preparedFrame{h, b, b[len(b)-len(payload):]}
}

// Prepare makes a message of data, which is copied, for sending it to many. A type that cannot be sent is an error of
// WritePrepared.
func Prepare(typ MessageType, data []byte) *PreparedMessage {
	op, err := typ.opcode()
	return &PreparedMessage{typ: typ, err: err, plain: newPreparedFrame(proto.Header{Op: op, Fin: true}, data)}
}

// deflate returns the message compressed for a window of 1<<bits bytes, or, if it gets no shorter, as it is.
func (m *PreparedMessage) deflate(bits int) *preparedFrame {
	slot := &m.deflated[bits-deflate.MinWindowBits]
	if f := slot.Load(); f != nil {
		return f
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := slot.Load(); f != nil {
		return f
	}
	f := &m.plain
	buf := deflateBuffers.Get().(*[]byte)
	c := deflate.NewCompressor(bits, false)
	if out, ok := c.AppendMessage((*buf)[:0], m.plain.payload); ok {
		h := m.plain.header
		h.RSV1 = true
		compressed := newPreparedFrame(h, out)
		f = &compressed
		keepDeflateBuffer(buf, out)
	}
	slot.Store(f)
	return f
}

// WritePrepared sends m, as Write would, and may be called from any number of goroutines.
func (c *Conn) WritePrepared(ctx context.Context, m *PreparedMessage) error {
	if m.err != nil {
		return m.err
	}
	out := outgoing{prepared: m, data: m.plain.payload}
	if ctx.Err() != nil || c.parked.Load() != nil || !c.takeNow(bothTokens) {
		return c.writeInLine(ctx, out)
	}
	defer c.endWrite()
	return c.sendOutgoing(ctx, out)
}

// prepared returns m as it is to be sent on this connection, which is to be done now: a frame if h is nil, else the payload
// of one. The caller has frameToken.
func (c *Conn) prepared(m *PreparedMessage) (h *proto.Header, payload []byte) {
	f := &m.plain
	if c.compresses(m.typ, len(m.plain.payload)) {
		f = m.deflate(c.compression.outBits)
	}
	if f.header.RSV1 && c.compression.outTakeover {
		c.compression.out.Sent(m.plain.payload)
	}
	if c.role == proto.Server {
		return nil, f.bytes
	}
	masked := c.header(f.header.Op, true)
	masked.RSV1 = f.header.RSV1
	return &masked, f.payload
}
