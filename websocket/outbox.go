package websocket

import (
	"context"
	"fmt"
	"sync"

	"github.com/seed-4a326f83/parley/websocket/internal/mask"
	"github.com/seed-4a326f83/parley/websocket/internal/poll"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

const (
	// defaultSendLimit is how many bytes may wait to be sent before writes wait.
	defaultSendLimit = 1 << 20
	// corkLimit is how many may wait for the end of a turn.
	corkLimit = 64 << 10
)

// An outbox is where frames wait to be sent in event mode. Nobody waits for the network here: what it does not take stays until
// there is room. One at a time sends; what others add meanwhile, it sends along.
type outbox struct {
	p *parked

	mu       sync.Mutex
	queue    *[]byte // borrowed from writeBuffers while there is anything in it
	busy     bool    // somebody sends
	corked   bool    // what is added waits for the end of the turn
	full     bool    // the network takes nothing now
	room     bool    // while busy: there may be room again
	pong     bool    // queue ends with a pong, which begins at lastPong
	after    afterwards
	lastPong int
	err      error         // what made sending fail
	waiting  chan struct{} // closed when those who wait should look again
}

// cork has frames wait until uncork, so that they leave together.
func (o *outbox) cork() {
	o.mu.Lock()
	o.corked = true
	o.mu.Unlock()
}

func (o *outbox) uncork() {
	o.mu.Lock()
	o.corked = false
	o.flush()
}

// writable notes that there is room.
func (o *outbox) writable() {
	o.mu.Lock()
	o.full = false
	if o.busy {
		o.room = true
		o.wake()
	}
	o.flush()
}

// wake has those who wait look again. mu is held.
func (o *outbox) wake() {
	if o.waiting != nil {
		close(o.waiting)
		o.waiting = nil
	}
}

// wait waits for wake, with mu held but meanwhile.
func (o *outbox) wait(ctx context.Context) error {
	if o.waiting == nil {
		o.waiting = make(chan struct{})
	}
	woken := o.waiting
	o.mu.Unlock()
	defer o.mu.Lock()
	select {
	case <-woken:
		return nil
	case <-o.p.c.closed:
		return o.p.c.closedErr()
	case <-ctx.Done():
		return wrapContext("waiting for the peer to take what was sent before", ctx)
	}
}

// last sends what waits, as far as the network takes it, for the connection is about to be closed.
func (o *outbox) last() {
	o.mu.Lock()
	o.corked, o.after = false, nothingAfter
	o.flush()
}

// closed lets go of what will not be sent any more.
func (o *outbox) closed() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.drop()
	o.wake()
}

func (o *outbox) drop() {
	if o.queue != nil {
		giveBack(o.queue)
		o.queue = nil
	}
	o.pong = false
}

// giveBack gives a buffer back to writeBuffers.
func giveBack(b *[]byte) {
	if cap(*b) <= 2*corkLimit {
		*b = (*b)[:0]
		writeBuffers.Put(b)
	}
}

// borrow makes sure that there is a queue. mu is held.
func (o *outbox) borrow() *[]byte {
	if o.queue == nil {
		o.queue = writeBuffers.Get().(*[]byte)
	}
	return o.queue
}

// add queues frames, and sends them if nothing speaks against it.
func (o *outbox) add(frames []byte) {
	if len(frames) == 0 {
		return
	}
	o.mu.Lock()
	q := o.borrow()
	*q = append(*q, frames...)
	o.pong = false
	o.flush()
}

// addPong does so for a pong. When too much waits, it takes the place of the newest, as RFC 6455 section 5.5.3 allows.
func (o *outbox) addPong(frame []byte) {
	o.mu.Lock()
	q := o.borrow()
	if o.pong && len(*q)+len(frame) > maxReplies {
		*q = (*q)[:o.lastPong]
	}
	o.lastPong, o.pong = len(*q), true
	*q = append(*q, frame...)
	o.flush()
}

// endWith has after done when all is sent. The last frame has been added.
func (o *outbox) endWith(after afterwards) {
	o.mu.Lock()
	o.after = max(o.after, after)
	o.flush()
}

// awaitRoom waits until the queue is under its limit.
func (o *outbox) awaitRoom(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.queue != nil && len(*o.queue) > defaultSendLimit && o.err == nil {
		if err := o.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// flush sends what may be sent now, and unlocks mu.
func (o *outbox) flush() {
	corked := o.corked && (o.queue == nil || len(*o.queue) < corkLimit)
	if o.busy || corked || o.full {
		o.mu.Unlock()
		return
	}
	for o.queue != nil && !o.full && o.err == nil {
		q := o.queue
		o.queue, o.busy = nil, true
		o.mu.Unlock()
		n, err := o.p.write(*q, nil)
		o.mu.Lock()
		o.busy = false
		if n == len(*q) {
			giveBack(q)
		} else {
			o.putBack(q, n)
		}
		o.failed(err)
	}
	var after afterwards
	if o.queue == nil || o.err != nil {
		after, o.after = o.after, nothingAfter
		if o.err != nil {
			o.drop()
			if after == awaitClose { // it will not answer what it does not get, but may have said something itself
				after = linger
			}
		}
		o.wake()
	}
	o.mu.Unlock()
	if after != nothingAfter {
		o.p.sent(after)
	}
}

// putBack puts what was not sent of q before what was added meanwhile.
func (o *outbox) putBack(q *[]byte, sent int) {
	if sent > 0 {
		*q = append((*q)[:0], (*q)[sent:]...)
		o.pong = false
	}
	if later := o.queue; later != nil {
		o.lastPong += len(*q)
		*q = append(*q, *later...)
		giveBack(later)
	}
	o.queue = q
}

// failed notes the outcome of a write. mu is held.
func (o *outbox) failed(err error) {
	switch {
	case err == poll.ErrAgain:
		o.full = !o.room // room was made, and told, before full could be noted
		o.room = false
	case err != nil && o.err == nil:
		// The peer may have said why before it stopped listening: that is left for a turn to find.
		o.err = fmt.Errorf("websocket: sending: %w", err)
	}
}

// post sends a frame, or queues it; h is nil if payload is a frame already. The caller holds frameTok.
func (o *outbox) post(ctx context.Context, h *proto.Header, payload []byte) error {
	o.mu.Lock()
	if o.err != nil {
		defer o.mu.Unlock()
		return o.err
	}
	if len(payload) > inOneBuffer {
		return o.postLarge(ctx, h, payload)
	}
	q := o.borrow()
	if h == nil {
		*q = append(*q, payload...)
	} else {
		*q = proto.AppendFrame(*q, *h, payload)
	}
	o.pong = false
	o.flush()
	return nil
}

// postLarge sends a frame without copying it, and what waits before it. It unlocks mu.
func (o *outbox) postLarge(ctx context.Context, h *proto.Header, payload []byte) error {
	for o.busy {
		if err := o.wait(ctx); err != nil {
			o.mu.Unlock()
			return err
		}
	}
	q := o.borrow()
	var key *uint32
	if h != nil {
		h.Length = len(payload)
		*q = proto.AppendHeader(*q, *h)
		if h.Masked {
			key = &h.Key
		}
	}
	o.queue, o.busy, o.full, o.pong = nil, true, false, false
	o.mu.Unlock()

	err := o.writeAll(ctx, q, payload, key)
	giveBack(q)
	o.mu.Lock()
	o.busy = false
	if err != nil && o.err == nil {
		o.err = err
	}
	o.flush()
	return err
}

// writeAll writes *q and the payload, masked if there is a key, and waits for room where there is none. *q is spoilt. An error
// is final: half of the frame may be out.
func (o *outbox) writeAll(ctx context.Context, q *[]byte, payload []byte, key *uint32) error {
	a, b := *q, payload
	if key != nil {
		b = nil
	}
	for {
		if key != nil && len(a) < inOneBuffer && len(payload) > 0 {
			*q = append((*q)[:0], a...)
			part := payload[:min(inOneBuffer, len(payload))]
			payload = payload[len(part):]
			*q = append(*q, part...)
			*key = mask.XOR((*q)[len(a):], *key)
			a = *q
		}
		if len(a) == 0 {
			a, b = b, nil
		}
		if len(a) == 0 {
			return nil
		}
		n, err := o.p.write(a, b)
		k := min(n, len(a))
		a, b = a[k:], b[n-k:]
		switch {
		case err == nil:
		case err != poll.ErrAgain:
			return fmt.Errorf("websocket: sending: %w", err)
		default:
			if err := o.awaitWritable(ctx); err != nil {
				o.p.c.teardown(err)
				return err
			}
		}
	}
}

// awaitWritable waits until the network takes something again.
func (o *outbox) awaitWritable(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.room {
		if err := o.wait(ctx); err != nil {
			return err
		}
	}
	o.room = false
	return nil
}
