package websocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/seed-4a326f83/parley/websocket/internal/mask"
	"github.com/seed-4a326f83/parley/websocket/internal/poll"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// wrapContext says what was under way when ctx ended.
func wrapContext(what string, ctx context.Context) error {
	return fmt.Errorf("websocket: %s: %w", what, ctx.Err())
}

// Write sends p as one message in one frame, and returns when the network has taken it. It may be called from any number of
// goroutines; messages that others are sending go first, and what they write meanwhile, up to 16 KiB each, leaves in one system
// call (not over TLS, nor with compression).
//
// If ctx ends before anything of the message was sent to the network, the connection is still good. If it ends later, the
// connection is closed: the peer could make nothing of what would follow half a frame.
func (c *Conn) Write(ctx context.Context, typ MessageType, p []byte) error {
	op, err := typ.opcode()
	if err != nil {
		return err
	}
	if ctx.Err() != nil || c.parked.Load() != nil || !c.takeNow(bothTokens) {
		return c.writeInLine(ctx, outgoing{typ: typ, op: op, data: p})
	}
	defer c.endWrite()
	if c.compression != nil {
		return c.sendMessage(ctx, typ, op, p)
	}
	h := c.header(op, true)
	return c.send(ctx, &h, p)
}

// sendMessage sends p as one message. The caller has both tokens.
func (c *Conn) sendMessage(ctx context.Context, typ MessageType, op proto.Opcode, p []byte) error {
	h := c.header(op, true)
	if !c.compresses(typ, len(p)) {
		return c.send(ctx, &h, p)
	}
	return c.sendDeflated(ctx, &h, p, func(dst []byte) ([]byte, bool) {
		return c.compression.out.AppendMessage(dst, p)
	})
}

// Writer starts a message whose size need not be known. Each Write of it sends a fragment at once; Close, which must be
// called, ends the message. ctx bounds all of it, as in Conn.Write. Other messages wait until then; control frames do
// not. The writer itself is for one goroutine at a time.
func (c *Conn) Writer(ctx context.Context, typ MessageType) (io.WriteCloser, error) {
	op, err := typ.opcode()
	if err != nil {
		return nil, err
	}
	if err := c.take(ctx, messageToken); err != nil {
		return nil, err
	}
	return &messageWriter{c: c, ctx: ctx, typ: typ, op: op}, nil
}

// A messageWriter sends one message in fragments (RFC 6455 section 5.4).
type messageWriter struct {
	c    *Conn
	ctx  context.Context
	typ  MessageType
	op   proto.Opcode // of the next fragment
	zip  bool         // the message is compressed
	done bool
}

var errWriterClosed = errors.New("websocket: this message has been ended by Close already")

func (w *messageWriter) Write(p []byte) (int, error) {
	if w.done {
		return 0, errWriterClosed
	}
	if len(p) == 0 {
		return 0, nil // a fragment of nothing would say nothing
	}
	if w.op != proto.Continuation {
		w.zip = w.c.compresses(w.typ, len(p))
	}
	if err := w.fragment(p, false); err != nil {
		return 0, err
	}
	w.op = proto.Continuation
	return len(p), nil
}

func (w *messageWriter) fragment(p []byte, fin bool) error {
	h := w.c.header(w.op, fin)
	if !w.zip {
		return w.c.writeFrame(w.ctx, h, p)
	}
	if err := w.c.beginFrame(w.ctx, frameToken); err != nil {
		return err
	}
	defer w.c.giveBack(frameToken)
	return w.c.sendDeflated(w.ctx, &h, p, func(dst []byte) ([]byte, bool) {
		return w.c.compression.out.Append(dst, p, fin), true
	})
}

func (w *messageWriter) Close() error {
	if w.done {
		return errWriterClosed
	}
	w.done = true
	defer w.c.give(messageToken)
	err := w.fragment(nil, true)
	if err != nil && w.op == proto.Continuation {
		// Half a message is out, and its rest will not come.
		w.c.teardown(err)
	}
	return err
}

// writeFrame sends a frame, and what waited before it.
func (c *Conn) writeFrame(ctx context.Context, h proto.Header, payload []byte) error {
	if err := c.beginFrame(ctx, frameToken); err != nil {
		return err
	}
	defer c.giveBack(frameToken)
	return c.send(ctx, &h, payload)
}

// sendDeflated sends a frame whose payload encode appends to dst, unless it says that it is not worth it: then p is sent
// as it is. encode is called when nothing but the end of the connection can keep the frame from going out: what one
// side has compressed and the other never gets would leave the two with different windows. The caller has frameToken.
func (c *Conn) sendDeflated(ctx context.Context, h *proto.Header, p []byte, encode func(dst []byte) ([]byte, bool)) error {
	if err := c.sendable(); err != nil {
		return err
	}
	pooled := deflateBuffers.Get().(*[]byte)
	// Room for p as it is would do for nearly all that comes of it, and saves growing to that step by step.
	out, worth := encode(slices.Grow((*pooled)[:0], min(len(p), maxDeflateBuffer)))
	if worth {
		h.RSV1 = h.Op != proto.Continuation // RFC 7692 section 6.1
		p = out
	}
	err := c.send(ctx, h, p)
	keepDeflateBuffer(pooled, out)
	if worth {
		c.endIfLost(ctx, err)
	}
	return err
}

// endIfLost ends the connection if ctx kept a compressed frame from going out, and nothing has ended it yet.
func (c *Conn) endIfLost(ctx context.Context, err error) {
	if err != nil && ctx.Err() != nil {
		c.teardown(err)
	}
}

// maxDeflateBuffer is the size of the largest buffers that are kept for compressed payloads.
const maxDeflateBuffer = 64 << 10

var deflateBuffers = sync.Pool{New: func() any { return new([]byte) }}

// keepDeflateBuffer gives back a buffer of the pool that has become grown.
func keepDeflateBuffer(pooled *[]byte, grown []byte) {
	if cap(grown) <= maxDeflateBuffer {
		*pooled = grown[:0]
		deflateBuffers.Put(pooled)
	}
}

// beginFrame takes tokens, of which frameToken is one, and in event mode waits until there is room in the queue.
func (c *Conn) beginFrame(ctx context.Context, want token) error {
	if err := c.take(ctx, want); err != nil {
		return err
	}
	if p := c.parked.Load(); p != nil {
		if err := p.awaitRoom(ctx); err != nil {
			c.giveBack(want)
			return err
		}
	}
	return nil
}

// giveBack gives tokens up, of which readToken or frameToken is one.
func (c *Conn) giveBack(held token) {
	c.give(held)
	c.releaseCompression()
}

// sendable returns what keeps frames from being sent, if anything does. the caller has frameToken.
func (c *Conn) sendable() error {
	switch {
	case c.isClosed():
		return c.closedErr()
	case c.closeSent:
		return errClosing
	case c.parked.Load() != nil: // which knows itself
		return nil
	default:
		return c.broken
	}
}

// inOneBuffer is up to where a frame is copied into one buffer with its header. Above it costs less to hand the kernel
// two, and a masked copy is made piece by piece.
const inOneBuffer = 16 << 10

var writeBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 1024)
	return &b
}}

// send writes the replies that wait and then a frame, of which payload is all, encoded already, if h is nil. The caller
// has frameToken.
func (c *Conn) send(ctx context.Context, h *proto.Header, payload []byte) error {
	if err := c.sendable(); err != nil {
		return err
	}
	if p := c.parked.Load(); p != nil {
		return p.post(ctx, h, payload)
	}
	b := c.blocking.Load()
	buf := writeBuffers.Get().(*[]byte)
	rest := b.encode(buf, h, payload)
	var err error
	switch {
	case len(*buf)+len(rest) == 0: // there were no replies
	case b.sock.raw == nil || len(rest) > 0 && h != nil && h.Masked:
		err = c.sendSlowly(ctx, b, buf, h, rest)
	default:
		var n int
		if n, err = b.sock.write(*buf, rest, false); err != nil {
			err = c.sendRest(ctx, b, *buf, rest, n, err)
		}
	}
	giveBack(buf)
	return err
}

// encode puts into *buf, which is empty, what is to be sent, but for what it returns: a large payload, which need not be copied,
// or only to be masked.
func (b *blocking) encode(buf *[]byte, h *proto.Header, payload []byte) (rest []byte) {
	*buf = b.appendReplies(*buf)
	if h == nil {
		if len(*buf) == 0 {
			return payload
		}
		h = &proto.Header{}
	} else {
		h.Length = len(payload)
		*buf = proto.AppendHeader(*buf, *h)
	}
	if len(payload) > inOneBuffer {
		return payload
	}
	start := len(*buf)
	*buf = append(*buf, payload...)
	if h.Masked {
		mask.XOR((*buf)[start:], h.Key)
	}
	return nil
}

// sendRest goes on with first and then second after n bytes and err: it waits for room, if that is what was wrong.
func (c *Conn) sendRest(ctx context.Context, b *blocking, first, second []byte, n int, err error) error {
	if err == poll.ErrAgain {
		k := min(n, len(first))
		stop := b.writeIntr.begin(c, ctx)
		_, err = b.sock.write(first[k:], second[n-k:], true)
		b.writeIntr.end(c, stop)
	}
	if err != nil {
		return c.sendFailed(ctx, err)
	}
	return nil
}

// sendSlowly sends *buf and the payload where that cannot be done in one system call. If h says so, the payload is yet to be
// masked.
func (c *Conn) sendSlowly(ctx context.Context, b *blocking, buf *[]byte, h *proto.Header, payload []byte) error {
	stop := b.writeIntr.begin(c, ctx)
	err := c.sendBytes(buf, h, payload)
	b.writeIntr.end(c, stop)
	if err != nil {
		return c.sendFailed(ctx, err)
	}
	return nil
}

func (c *Conn) sendBytes(buf *[]byte, h *proto.Header, payload []byte) error {
	masked, key := h != nil && h.Masked, uint32(0)
	if masked {
		key = h.Key
	}
	for len(*buf) > 0 || masked && len(payload) > 0 {
		start := len(*buf)
		part := payload[:min(inOneBuffer, len(payload))]
		payload = payload[len(part):]
		*buf = append(*buf, part...)
		if masked {
			key = mask.XOR((*buf)[start:], key)
		}
		if _, err := c.nc.Write(*buf); err != nil {
			return err
		}
		*buf = (*buf)[:0]
	}
	if len(payload) == 0 {
		return nil
	}
	_, err := c.nc.Write(payload)
	return err
}

// sendFailed returns what to tell of an error of the network.
func (c *Conn) sendFailed(ctx context.Context, err error) error {
	if c.isClosed() {
		return c.closedErr()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
		err = wrapContext("cancelled while sending, which closes the connection", ctx)
		c.teardown(err)
		return err
	}
	// The peer may have said why before it stopped listening: that is left for a read to find.
	c.broken = fmt.Errorf("websocket: sending: %w", err)
	return c.broken
}
