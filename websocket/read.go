package websocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/seed-4a326f83/parley/websocket/internal/proto"
	"github.com/seed-4a326f83/parley/websocket/internal/utf8"
)

// reading is what there is to know about what has been read, beside the machine. It belongs to whoever has readToken.
type reading struct {
	in  []byte  // received, and not given to the machine yet
	buf *[]byte // borrowed from readBuffers for in and piece, or nil if they are elsewhere

	// The message being read. open: it has begun, and its end has not been handed out.
	open   bool
	typ    MessageType
	piece  []byte         // of it, not handed out yet, compressed if deflated; aliases buf
	more   bool           // there may be more to hand out of piece, or of what it inflates to
	fin    bool           // piece is its last
	kept   []byte         // what has been gathered
	owner  *[]byte        // borrowed from messageBuffers for kept, or nil
	reader *messageReader // hands it out; nil if Read gathers it
	into   []byte         // where reader is to put the next bytes of it

	// Of a message that is compressed: the machine has not checked what it inflates to.
	deflated bool
	total    int64 // bytes handed out
	text     utf8.Validator

	control []byte // the payload of a control frame that comes in pieces

	first [16]byte // to receive the beginning of a frame in, where one cannot wait without a buffer

	turn turn // in event mode
}

var readings = sync.Pool{New: func() any { return new(reading) }}

// rememberReading makes sure that there is a reading: there is none while nothing is known. The caller has readToken.
func (c *Conn) rememberReading() {
	if c.rd == nil {
		c.rd = readings.Get().(*reading)
	}
}

// forgetReading lets go of it, or of its buffer, if it says nothing.
func (c *Conn) forgetReading() {
	rd := c.rd
	if rd == nil {
		return
	}
	if rd.release(); !rd.open && rd.control == nil && len(rd.in) == 0 {
		*rd = reading{}
		readings.Put(rd)
		c.rd = nil
	}
}

// prefill takes over what was received before the Conn was made. The machine unmasks in place, hence the copy.
func (c *Conn) prefill(early []byte) {
	if len(early) > 0 {
		c.rd = &reading{in: append([]byte(nil), early...)}
	}
}

// release gives the buffer back if there is nothing in it.
func (rd *reading) release() {
	if len(rd.in) == 0 && len(rd.piece) == 0 {
		if rd.buf != nil {
			readBuffers.Put(rd.buf)
		}
		rd.buf, rd.in, rd.piece = nil, nil, nil
	}
}

// beginRead starts a read of the caller's: it must be the only one, and ends with endRead.
func (c *Conn) beginRead(ctx context.Context) error {
	if !c.closing.Load() {
		if c.tryTake(readToken) {
			return nil
		}
		if c.handled.Load() {
			return ErrHandled
		}
		if !c.closing.Load() {
			return ErrConcurrentRead
		}
	}
	// Close reads, and throws away what comes: what is left to learn is how it went.
	return c.wait(ctx)
}

// wait waits until the connection is closed, and returns why it is, or for ctx.
func (c *Conn) wait(ctx context.Context) error {
	select {
	case <-c.done():
		return c.closedErr()
	case <-ctx.Done():
		return wrapContext("waiting for the close handshake", ctx)
	}
}

func (c *Conn) endRead() {
	c.forgetReading()
	c.giveBack(readToken)
}

// Reader waits for a message and returns its type and a reader of its bytes, which hands them out as they arrive: memory
// does not depend on the size of the message. ctx bounds both.
//
// The message must be read to io.EOF before the next call. If ctx ends first, the connection is still good, and the next
// Reader or Read continues that message with what has not been handed out.
func (c *Conn) Reader(ctx context.Context) (MessageType, io.Reader, error) {
	if err := c.beginRead(ctx); err != nil {
		return 0, nil, err
	}
	defer c.endRead()
	if c.rd == nil && ctx.Err() == nil { // as in Read
		if err := c.fill(ctx); err != nil {
			return 0, nil, err
		}
	}
	if err := c.openMessage(ctx); err != nil {
		return 0, nil, err
	}
	c.rd.reader = &messageReader{c: c, ctx: ctx}
	return c.rd.typ, c.rd.reader, nil
}

// Read reads one message. A message that is over the read limit ends the connection: see SetReadLimit.
//
// If ctx ends before the message does, the connection is still good, and the next Read returns the message in full.
func (c *Conn) Read(ctx context.Context) (MessageType, []byte, error) {
	if err := c.beginRead(ctx); err != nil {
		return 0, nil, err
	}
	defer c.endRead()
	if c.rd == nil && ctx.Err() == nil {
		// To wait here, and not further down, takes the least stack.
		if err := c.fill(ctx); err != nil {
			return 0, nil, err
		}
	}
	return c.readMessage(ctx)
}

// readMessage is Read, for whoever has readToken.
func (c *Conn) readMessage(ctx context.Context) (MessageType, []byte, error) {
	if err := c.openMessage(ctx); err != nil {
		return 0, nil, err
	}
	rd := c.rd
	for {
		if err := c.gather(ctx); err != nil {
			return 0, nil, err
		}
		if rd.fin {
			break
		}
		if err := c.nextPiece(ctx); err != nil {
			return 0, nil, err
		}
	}
	p := rd.kept
	c.remember(len(p))
	rd.open, rd.kept = false, nil
	if p == nil {
		p = []byte{}
	}
	return rd.typ, p, nil
}

// gather moves what there is of the message to rd.kept, which grows by what has arrived, never by what a header promises.
func (c *Conn) gather(ctx context.Context) error {
	rd := c.rd
	if !rd.deflated {
		if rest := c.machine.Remaining(); rd.kept == nil && rest >= readBufferSize {
			c.growKept(int64(len(rd.piece)) + rest)
		}
		rd.kept = appendPiece(rd.kept, rd.piece)
		rd.piece, rd.more = nil, false
		return nil
	}
	buf := readBuffers.Get().(*[]byte)
	defer readBuffers.Put(buf)
	for rd.more {
		n, err := c.handOut(ctx, *buf)
		if err != nil {
			return err
		}
		rd.kept = append(rd.kept, (*buf)[:n]...)
	}
	return nil
}

// handOut moves to dst as much of what there is of the message as fits. Its error is final.
func (c *Conn) handOut(ctx context.Context, dst []byte) (int, error) {
	rd := c.rd
	if !rd.deflated {
		n := min(len(dst), len(rd.piece))
		if n > 0 && &dst[0] != &rd.piece[0] { // else room has had them received there
			copy(dst, rd.piece)
		}
		rd.piece = rd.piece[n:]
		rd.more = len(rd.piece) > 0
		return n, nil
	}
	if c.isClosed() { // the decompressor may be gone
		return 0, c.closedErr()
	}
	n, bad := c.inflate(dst)
	if bad != nil {
		return 0, c.fail(ctx, bad)
	}
	return n, nil
}

// openMessage waits for the beginning of a message, unless one was left by a read whose context ended.
func (c *Conn) openMessage(ctx context.Context) error {
	if rd := c.rd; rd != nil && rd.open {
		if rd.reader != nil && rd.reader.err == nil {
			return errors.New("websocket: the last message has not been read to its end")
		}
		rd.reader = nil
		return ctx.Err()
	}
	return c.nextPiece(ctx)
}

// A messageReader hands out one message.
type messageReader struct {
	c   *Conn
	ctx context.Context
	err error // final, by the holder of readToken
}

// Read returns what there is of the message, waiting only if there is nothing. It returns io.EOF at the message's end.
func (r *messageReader) Read(p []byte) (int, error) {
	c := r.c
	if err := c.beginRead(r.ctx); err != nil {
		return 0, err
	}
	defer c.endRead()
	if r.err != nil {
		return 0, r.err
	}
	rd := c.rd
	if len(p) == 0 {
		return 0, nil
	}
	if r.ctx.Err() != nil {
		r.err = wrapContext("reading", r.ctx)
		return 0, r.err
	}
	for {
		if len(rd.kept) > 0 {
			n := copy(p, rd.kept)
			rd.kept = rd.kept[n:]
			return n, nil
		}
		if rd.more {
			n, err := c.handOut(r.ctx, p)
			if err != nil {
				r.err = err
			}
			if n > 0 || err != nil {
				return n, err
			}
		}
		if rd.fin {
			rd.open, rd.kept, rd.reader = false, nil, nil
			r.err = io.EOF
			return 0, io.EOF
		}
		rd.into = p
		err := c.nextPiece(r.ctx)
		rd.into = nil
		if err != nil {
			r.err = err
			return 0, err
		}
	}
}

// nextPiece waits for the next piece of a message and sets rd.open, typ, piece and fin by it.
func (c *Conn) nextPiece(ctx context.Context) error {
	for {
		if ctx.Err() != nil {
			return wrapContext("reading", ctx)
		}
		ev, err := c.nextEvent(ctx)
		if err != nil {
			return err
		}
		rd := c.rd
		switch {
		case c.closing.Load(): // section 5.5.1: what comes during the close handshake may be thrown away
		case ev.First:
			rd.open, rd.typ, rd.piece, rd.more, rd.fin = true, MessageType(ev.Op), ev.Payload, true, ev.Fin
			if rd.deflated = ev.RSV1; rd.deflated {
				rd.total = 0
				rd.text.Reset()
			}
			return nil
		case len(ev.Payload) > 0 || ev.Fin:
			rd.piece, rd.more, rd.fin = ev.Payload, true, ev.Fin
			return nil
		}
	}
}

// nextEvent waits for the next piece of a message, and does what control frames before it ask for. Its error is that of
// ctx, ErrKeepaliveTimeout, or final: then the connection is closed.
func (c *Conn) nextEvent(ctx context.Context) (proto.Event, error) {
	for {
		for rd := c.rd; rd != nil && len(rd.in) > 0; {
			c.machine.SetLimit(c.readLimit.Load())
			ev, n, err := c.machine.Next(rd.in)
			rd.in = rd.in[n:]
			if err != nil {
				return ev, c.fail(ctx, err.(*proto.Error))
			}
			switch {
			case !ev.Op.IsControl():
				if ev.Op != 0 {
					return ev, nil
				}
			case c.handleControl(ctx, ev):
				return ev, c.peerClosed(ctx, StatusCode(ev.Code))
			}
		}
		if err := c.fill(ctx); err != nil {
			return proto.Event{}, err
		}
	}
}

// fill waits for the network and receives into the empty buffer. There may be another c.rd after that.
func (c *Conn) fill(ctx context.Context) error {
	if p := c.parked.Load(); p != nil {
		return p.fill()
	}
	b := c.blocking.Load()
	for {
		stop := b.readIntr.begin(c, ctx)
		if c.lost.Load() && !c.closing.Load() { // looked at after begin, which takes back the interruption
			b.readIntr.end(c, stop)
			return ErrKeepaliveTimeout
		}
		b.keepalive.beginRead()
		in, err := b.receive(c)
		b.keepalive.endRead(c, len(in) > 0)
		b.readIntr.end(c, stop)
		if len(in) > 0 {
			c.rd.in = in
			return nil
		}
		if err := c.readFailed(ctx, err); err != nil {
			return err
		}
	}
}

// readFailed does what is to be done about an error of the network. It returns nil if another read may go better.
func (c *Conn) readFailed(ctx context.Context, err error) error {
	switch {
	case c.isClosed():
		return c.closedErr()
	case errors.Is(err, os.ErrDeadlineExceeded):
		if ctx.Err() != nil {
			return wrapContext("reading", ctx)
		}
		return nil
	case err == io.EOF:
		c.teardown(fmt.Errorf("websocket: the peer dropped the connection without closing it: %w", io.EOF))
	case err != nil:
		c.teardown(fmt.Errorf("websocket: reading: %w", err))
	default:
		return nil
	}
	return c.closedErr()
}
