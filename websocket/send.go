package websocket

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// ErrSendLimit is returned by Send and SendPrepared when more waits to be sent than may: see AcceptOptions.SendLimit.
var ErrSendLimit = errors.New("websocket: the peer is too slow: what waits to be sent to it is over the limit")

// A SlowPeerPolicy says what becomes of a message for which there is no room under the SendLimit.
type SlowPeerPolicy uint8

const (
	// SlowPeerClose closes the connection with StatusTryAgainLater.
	SlowPeerClose SlowPeerPolicy = iota
	// SlowPeerDrop drops the message.
	SlowPeerDrop
)

// defaultSendLimit is what SendLimit 0 means.
const defaultSendLimit = 1 << 20

// Send sends a message without waiting for anything: it goes out at once if that can be, or is queued in memory until the
// peer takes it. It may be called from any number of goroutines; messages go out in the order of the calls, and those of
// Write take their place among them.
//
// If the queue has no room for the message, Send does what AcceptOptions.SlowPeer says, and returns ErrSendLimit. An error of
// the network is found by reads. p may be used again when Send returns.
func (c *Conn) Send(typ MessageType, p []byte) error {
	op, err := typ.opcode()
	if err != nil {
		return err
	}
	return c.enqueue(outgoing{typ: typ, op: op, data: p})
}

// SendPrepared is Send for a message that goes to many.
func (c *Conn) SendPrepared(m *PreparedMessage) error {
	if m.err != nil {
		return m.err
	}
	return c.enqueue(outgoing{prepared: m, data: m.plain.payload})
}

// Queued returns how many bytes wait to be sent because the peer has not taken those before them, as far as that is known
// outside of the kernel.
func (c *Conn) Queued() int {
	n := 0
	if p := c.parked.Load(); p != nil {
		n = p.queued()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.backlog != nil {
		n += c.backlog.bytes
	}
	return n
}

// An outgoing is a message to be sent.
type outgoing struct {
	typ      MessageType
	op       proto.Opcode
	data     []byte
	prepared *PreparedMessage // if not nil, all but data is there
}

// A backlog is what was given to Send when somebody else was sending, or in blocking mode, where sending may have to wait: a
// goroutine lives until it is sent.
type backlog struct {
	messages []outgoing
	bytes    int
}

func (c *Conn) enqueue(m outgoing) error {
	p := c.parked.Load()
	c.mu.Lock()
	switch {
	case c.ended.Load():
		c.mu.Unlock()
		return c.closedErr()
	case c.closing.Load():
		c.mu.Unlock()
		return errClosing
	case p != nil && c.backlog == nil && c.held&bothTokens == 0:
		c.held |= bothTokens
		c.mu.Unlock()
		err := c.sendable()
		if err == nil {
			err = p.send(m)
		}
		c.giveBack(bothTokens)
		if err == ErrSendLimit {
			c.tooSlow()
		}
		return err
	}
	b := c.backlog
	if b != nil && b.bytes+len(m.data) > c.sendLimit() {
		c.mu.Unlock()
		c.tooSlow()
		return ErrSendLimit
	}
	if b == nil {
		b = &backlog{}
		c.backlog = b
		go c.sendBacklog(c.request(bothTokens)) // in line from now on: what is sent later comes later
	}
	b.bytes += len(m.data)
	if m.prepared == nil {
		m.data = append([]byte(nil), m.data...)
	}
	b.messages = append(b.messages, m)
	c.mu.Unlock()
	return nil
}

// sendBacklog sends what there is of it, as much as possible at a time, once the tokens that w waits for are there.
func (c *Conn) sendBacklog(w *waiter) {
	if w != nil && <-w.given != granted {
		return
	}
	defer c.giveBack(bothTokens)
	for {
		// Nothing but the end of the connection ends this early. What is left is of no use to anybody then.
		if p := c.parked.Load(); p != nil && p.awaitRoom(context.Background()) != nil {
			return
		}
		batch, bytes := c.nextBatch()
		if batch == nil || c.sendBatch(batch) != nil {
			return
		}
		c.mu.Lock()
		c.backlog.bytes -= bytes
		c.mu.Unlock()
	}
}

// nextBatch takes out of the backlog what fits a buffer, but at least one message; or ends it, if nothing is left.
func (c *Conn) nextBatch() (batch []outgoing, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.backlog
	for len(b.messages) > 0 && (batch == nil || bytes+len(b.messages[0].data) <= inOneBuffer) {
		bytes += len(b.messages[0].data)
		batch = append(batch, b.messages[0])
		b.messages = b.messages[1:]
	}
	if batch == nil {
		c.backlog = nil
	}
	return batch, bytes
}

// sendBatch sends messages together. The caller has both tokens.
func (c *Conn) sendBatch(batch []outgoing) error {
	if err := c.sendable(); err != nil {
		return err
	}
	ctx := context.Background()
	if len(batch) == 1 && batch[0].prepared == nil { // perhaps large: it need not be copied again
		return c.sendMessage(ctx, batch[0].typ, batch[0].op, batch[0].data)
	}
	buf := writeBuffers.Get().(*[]byte)
	defer giveBack(buf)
	for _, m := range batch {
		*buf = c.appendMessage(*buf, m)
	}
	return c.send(ctx, nil, *buf)
}

// appendMessage appends m in one frame, as it is to be sent on this connection. Nothing but the end of the connection may
// keep it from being sent then, as compression counts on that. The caller has both tokens.
func (c *Conn) appendMessage(dst []byte, m outgoing) []byte {
	if m.prepared != nil {
		h, payload := c.prepared(m.prepared)
		if h == nil {
			return append(dst, payload...)
		}
		return proto.AppendFrame(dst, *h, payload)
	}
	h := c.header(m.op, true)
	if c.compresses(m.typ, len(m.data)) {
		buf := deflateBuffers.Get().(*[]byte)
		out, worth := c.compression.out.AppendMessage((*buf)[:0], m.data)
		if worth {
			h.RSV1 = true
			dst = proto.AppendFrame(dst, h, out)
		}
		keepDeflateBuffer(buf, out)
		if worth {
			return dst
		}
	}
	return proto.AppendFrame(dst, h, m.data)
}

// sendLimit returns how much may wait.
func (c *Conn) sendLimit() int {
	if c.settings != nil && c.settings.sendLimit > 0 {
		return c.settings.sendLimit
	}
	return defaultSendLimit
}

// tooSlow does what is to be done about a peer that takes too little.
func (c *Conn) tooSlow() {
	if c.settings != nil && c.settings.slowPeer == SlowPeerDrop {
		return
	}
	c.because(fmt.Errorf("websocket: closed with %d: %w", StatusTryAgainLater, ErrSendLimit))
	if c.parked.Load() != nil {
		c.Close(StatusTryAgainLater, "too slow")
	} else {
		go c.Close(StatusTryAgainLater, "too slow")
	}
}
