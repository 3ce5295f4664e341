package websocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"github.com/seed-4a326f83/parley/websocket/internal/mask"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// wrapContext says what was under way when ctx ended.
func wrapContext(what string, ctx context.Context) error {
	return fmt.Errorf("websocket: %s: %w", what, ctx.Err())
}

// Write sends p as one message in one frame. It may be called from any number of goroutines; a message that another goroutine
// is sending goes first.
//
// If ctx ends before anything of the message was sent to the network, the connection is still good. If it ends later, the
// connection is closed: the peer could make nothing of what would follow half a frame.
func (c *Conn) Write(ctx context.Context, typ MessageType, p []byte) error {
	if err := checkType(typ); err != nil {
		return err
	}
	if err := c.take(ctx, c.msgTok); err != nil {
		return err
	}
	defer func() { <-c.msgTok }()
	return c.writeFrame(ctx, c.header(proto.Opcode(typ), true), p)
}

func checkType(typ MessageType) error {
	if typ != MessageText && typ != MessageBinary {
		return fmt.Errorf("websocket: cannot send a %v: use MessageText or MessageBinary", typ)
	}
	return nil
}

// Writer starts a message whose size need not be known. Each Write of it sends a fragment at once; Close, which must be
// called, ends the message. ctx bounds all of it, as in Conn.Write. Other messages wait until then; control frames do
// not. The writer itself is for one goroutine at a time.
func (c *Conn) Writer(ctx context.Context, typ MessageType) (io.WriteCloser, error) {
	if err := checkType(typ); err != nil {
		return nil, err
	}
	if err := c.take(ctx, c.msgTok); err != nil {
		return nil, err
	}
	return &messageWriter{c: c, ctx: ctx, op: proto.Opcode(typ)}, nil
}

// A messageWriter sends one message in fragments (RFC 6455 section 5.4).
type messageWriter struct {
	c    *Conn
	ctx  context.Context
	op   proto.Opcode // of the next fragment
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
	if err := w.c.writeFrame(w.ctx, w.c.header(w.op, false), p); err != nil {
		return 0, err
	}
	w.op = proto.Continuation
	return len(p), nil
}

func (w *messageWriter) Close() error {
	if w.done {
		return errWriterClosed
	}
	w.done = true
	defer func() { <-w.c.msgTok }()
	err := w.c.writeFrame(w.ctx, w.c.header(w.op, true), nil)
	if err != nil && w.op == proto.Continuation {
		// Half a message is out, and its rest will not come.
		w.c.teardown(err)
	}
	return err
}

// writeFrame sends a frame, and what waited before it.
func (c *Conn) writeFrame(ctx context.Context, h proto.Header, payload []byte) error {
	if err := c.take(ctx, c.frameTok); err != nil {
		return err
	}
	defer func() { <-c.frameTok }()
	return c.send(ctx, &h, payload)
}

// inOneBuffer is up to where a frame is copied into one buffer with its header. Above it costs less to hand the kernel
// two, and a masked copy is made piece by piece.
const inOneBuffer = 16 << 10

var writeBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 1024)
	return &b
}}

// send writes the replies that wait and then the frame, if h is not nil. frameTok is held.
func (c *Conn) send(ctx context.Context, h *proto.Header, payload []byte) error {
	if c.isClosed() {
		return c.closedErr()
	}
	if c.closeSent {
		return errClosing
	}
	if c.broken != nil {
		return c.broken
	}
	pooled := writeBuffers.Get().(*[]byte)
	buf := c.replies.appendTo((*pooled)[:0])
	defer func() {
		if cap(buf) <= 2*inOneBuffer {
			*pooled = buf[:0]
			writeBuffers.Put(pooled)
		}
	}()
	if h == nil {
		if len(buf) == 0 {
			return nil
		}
	} else {
		h.Length = len(payload)
		buf = proto.AppendHeader(buf, *h)
	}
	stop := c.writeIntr.begin(ctx)
	err := c.sendBytes(&buf, h, payload)
	c.writeIntr.end(stop)
	if err == nil {
		return nil
	}
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

// sendBytes writes *buf, which ends with the frame's header, and the payload: in one system call where that can be.
func (c *Conn) sendBytes(buf *[]byte, h *proto.Header, payload []byte) error {
	b := *buf
	key := uint32(0)
	if h != nil {
		key = h.Key
	}
	for {
		part := payload
		if len(payload) > inOneBuffer {
			if tcp, ok := c.nc.(*net.TCPConn); ok && c.role == proto.Server {
				_, err := (&net.Buffers{b, payload}).WriteTo(tcp)
				return err
			}
			part = payload[:inOneBuffer]
		}
		payload = payload[len(part):]
		start := len(b)
		b = append(b, part...)
		*buf = b
		if c.role == proto.Client {
			key = mask.XOR(b[start:], key)
		}
		if _, err := c.nc.Write(b); err != nil {
			return err
		}
		if len(payload) == 0 {
			return nil
		}
		b = b[:0]
	}
}
