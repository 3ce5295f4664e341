package websocket

import (
	"context"
	"strconv"
	"sync"

	"github.com/seed-4a326f83/parley/websocket/internal/mask"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// handleControl does what a control frame asks for, once the frame is complete. Its error is final.
func (c *Conn) handleControl(ctx context.Context, ev proto.Event) error {
	rd := &c.rd
	payload := ev.Payload
	if !ev.Fin || len(rd.control) > 0 {
		rd.control = append(rd.control, payload...) // at most 125 bytes: the machine sees to it
		if !ev.Fin {
			return nil
		}
		payload, rd.control = rd.control, nil
	}
	switch ev.Op {
	case proto.Ping:
		if c.onPing != nil && !c.onPing(ctx, payload) {
			return nil
		}
		// Not from here: the read must go on even if the peer takes nothing at the moment. Otherwise two peers that write to
		// each other would wait for each other for ever.
		if p := c.parked.Load(); p != nil {
			p.out.addPong(c.controlFrame(proto.Pong, payload))
			return nil
		}
		if c.replies.addPong(c.controlFrame(proto.Pong, payload)) {
			go c.flushReplies()
		}
	case proto.Pong:
		c.pings.answered(payload)
		if c.onPong != nil {
			c.onPong(ctx, payload)
		}
	case proto.Close:
		return c.peerClosed(CloseError{Code: StatusCode(ev.Code), Reason: string(payload)})
	}
	return nil
}

// controlFrame encodes a control frame.
func (c *Conn) controlFrame(op proto.Opcode, payload []byte) []byte {
	return proto.AppendFrame(nil, c.header(op, true), payload)
}

func (c *Conn) pingFrame(n uint64) []byte {
	return c.controlFrame(proto.Ping, strconv.AppendUint(nil, n, 10))
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

func (q *replies) flushBegins() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.flushing = false
}

// flushReplies sends what waits, when no frame is being sent. An error has closed the connection: reads will tell.
func (c *Conn) flushReplies() {
	if c.take(context.Background(), c.frameTok) != nil {
		return
	}
	defer c.giveBackFrame()
	c.replies.flushBegins()
	c.send(context.Background(), nil, nil)
}

// pings numbers our pings and knows who waits for which answer.
type pings struct {
	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan struct{}
}

// next returns the number of a ping that nobody waits for.
func (p *pings) next() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	return p.last
}

// wait returns the number of a ping, and what is closed when it is answered.
func (p *pings) wait() (uint64, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	done := make(chan struct{})
	if p.waiting == nil {
		p.waiting = make(map[uint64]chan struct{})
	}
	p.waiting[p.last] = done
	return p.last, done
}

func (p *pings) forget(n uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, n)
}

// answered takes a pong's payload. A peer may answer only the newest of several pings (RFC 6455 section 5.5.3), so that
// the older ones are answered with it.
func (p *pings) answered(payload []byte) {
	n, err := strconv.ParseUint(string(payload), 10, 64)
	if err != nil {
		return // unsolicited: section 5.5.3 allows it
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n > p.last {
		return
	}
	for k, done := range p.waiting {
		if k <= n {
			close(done)
			delete(p.waiting, k)
		}
	}
}

// Ping sends a ping and waits for the answer, or for ctx. The answer is found by a read: one must be under way
// (CloseRead is enough).
func (c *Conn) Ping(ctx context.Context) error {
	n, done := c.pings.wait()
	defer c.pings.forget(n)
	if err := c.writeFrame(ctx, c.header(proto.Ping, true), strconv.AppendUint(nil, n, 10)); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-c.closed:
		return c.closedErr()
	case <-ctx.Done():
		return wrapContext("waiting for a pong", ctx)
	}
}
