package websocket

import (
	"context"
	"strconv"
	"sync"

	"github.com/seed-4a326f83/parley/websocket/internal/mask"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// handleControl does what a control frame asks for, once the frame is complete. If it was a close frame, which it reports,
// peerClosed is to follow.
func (c *Conn) handleControl(ctx context.Context, ev proto.Event) (closed bool) {
	rd := c.rd
	payload := ev.Payload
	if !ev.Fin || len(rd.control) > 0 {
		rd.control = append(rd.control, payload...) // at most 125 bytes: the machine sees to it
		if !ev.Fin {
			return false
		}
		payload, rd.control = rd.control, nil
	}
	p := c.parked.Load()
	if p != nil && c.settings != nil {
		p.watch()
	}
	switch ev.Op {
	case proto.Ping:
		if c.settings != nil && c.settings.onPing != nil && !c.settings.onPing(ctx, payload) {
			return false
		}
		// Not from here: the read must go on even if the peer takes nothing at the moment. Otherwise two peers that write to
		// each other would wait for each other for ever.
		if p != nil {
			p.addPong(c.controlFrame(proto.Pong, payload))
			return false
		}
		if c.blocking.Load().waitingReplies().addPong(c.controlFrame(proto.Pong, payload)) {
			go c.flushReplies()
		}
	case proto.Pong:
		c.answered(payload)
		if c.settings != nil && c.settings.onPong != nil {
			c.settings.onPong(ctx, payload)
		}
	case proto.Close:
		c.because(CloseError{Code: StatusCode(ev.Code), Reason: string(payload)})
		return true
	}
	return false
}

// controlFrame encodes a control frame.
func (c *Conn) controlFrame(op proto.Opcode, payload []byte) []byte {
	return proto.AppendFrame(nil, c.header(op, true), payload)
}

// pingFrame encodes the ping of the keepalive.
func (c *Conn) pingFrame() []byte {
	return c.controlFrame(proto.Ping, strconv.AppendUint(nil, uint64(c.nextPing()), 10))
}

// header makes the header of a frame of ours, but for the length.
func (c *Conn) header(op proto.Opcode, fin bool) proto.Header {
	h := proto.Header{Op: op, Fin: fin}
	if c.role == proto.Client {
		h.Masked, h.Key = true, mask.NewKey()
	}
	return h
}

// maxReplies bounds the pongs that wait to be sent, in bytes.
const maxReplies = 4096

// replies are the pongs and keepalive pings that wait for a chance to be sent: before the next frame, or by a flush.
type replies struct {
	mu       sync.Mutex
	frames   []byte
	lastPong int  // where the newest pong begins, if pong
	pong     bool // frames ends with a pong
	flushing bool // a flush will come for what is here
}

// addPong queues a pong. When too many wait it takes the place of the newest, as RFC 6455 section 5.5.3 allows: a flood of
// pings to which the peer does not take the answers must not cost memory. It reports whether the caller must see to a
// flush.
func (q *replies) addPong(frame []byte) (flush bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.pong && len(q.frames)+len(frame) > maxReplies {
		q.frames = q.frames[:q.lastPong]
	}
	q.lastPong, q.pong = len(q.frames), true
	q.frames = append(q.frames, frame...)
	flush = !q.flushing
	q.flushing = true
	return flush
}

// add queues any other frame.
func (q *replies) add(frame []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.frames = append(q.frames, frame...)
	q.pong = false
}

// appendTo moves what waits to dst.
func (q *replies) appendTo(dst []byte) []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	dst = append(dst, q.frames...)
	q.frames, q.pong = nil, false
	return dst
}

// waitingReplies returns what waits, also if it is nothing.
func (b *blocking) waitingReplies() *replies {
	if q := b.replies.Load(); q != nil {
		return q
	}
	b.replies.CompareAndSwap(nil, new(replies))
	return b.replies.Load()
}

// appendReplies moves what waits to dst.
func (b *blocking) appendReplies(dst []byte) []byte {
	if q := b.replies.Load(); q != nil {
		return q.appendTo(dst)
	}
	return dst
}

func (q *replies) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.frames) == 0
}

func (q *replies) flushBegins() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.flushing = false
}

// flushReplies sends what waits, when no frame is being sent. An error has closed the connection: reads will tell.
func (c *Conn) flushReplies() {
	if c.take(context.Background(), frameToken) != nil {
		return
	}
	defer c.giveBack(frameToken)
	if b := c.blocking.Load(); b != nil { // else Handle has taken them along
		b.waitingReplies().flushBegins()
		c.send(context.Background(), nil, nil)
	}
}

// nextPing returns the number of a ping that nobody waits for.
func (c *Conn) nextPing() uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastPing++
	return c.lastPing
}

// awaitPong returns the number of a ping, and what is closed when it is answered.
func (c *Conn) awaitPong() (uint32, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := make(chan struct{})
	if c.pongs == nil {
		c.pongs = make(map[uint32]chan struct{})
	}
	c.lastPing++
	c.pongs[c.lastPing] = done
	return c.lastPing, done
}

func (c *Conn) forgetPing(n uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if delete(c.pongs, n); len(c.pongs) == 0 {
		c.pongs = nil
	}
}

// answered takes a pong's payload. A peer may answer only the newest of several pings (RFC 6455 section 5.5.3), so that
// the older ones are answered with it.
func (c *Conn) answered(payload []byte) {
	n, err := strconv.ParseUint(string(payload), 10, 32)
	if err != nil {
		return // unsolicited: section 5.5.3 allows it
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > uint64(c.lastPing) {
		return
	}
	for k, done := range c.pongs {
		if uint64(k) <= n {
			close(done)
			delete(c.pongs, k)
		}
	}
}

// Ping sends a ping and waits for the answer, or for ctx. The answer is found by a read: one must be under way
// (CloseRead is enough).
func (c *Conn) Ping(ctx context.Context) error {
	n, done := c.awaitPong()
	defer c.forgetPing(n)
	if err := c.writeFrame(ctx, c.header(proto.Ping, true), strconv.AppendUint(nil, uint64(n), 10)); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-c.done():
		return c.closedErr()
	case <-ctx.Done():
		return wrapContext("waiting for a pong", ctx)
	}
}
