package websocket

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley/websocket/internal/mask"
	"github.com/seed-4a326f83/parley/websocket/internal/poll"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// corkLimit is how many bytes may wait for the end of a turn.
const corkLimit = 64 << 10

// asideFrom is from what size on other connections do not wait for a message to be sent, even if the network takes it at once.
const asideFrom = 1 << 20

// An outbox is where frames wait to be sent in event mode. Nobody waits for the network here: what it does not take stays until
// there is room. One at a time sends; what others add meanwhile, it sends along.
//
// Conn.broken belongs to it in event mode.
type outbox struct {
	mu       sync.Mutex
	queue    *[]byte       // borrowed from writeBuffers while there is anything in it
	waiting  chan struct{} // closed when those who wait should look again
	lastPong uint32        // where the newest pong in queue begins
	pong     bool          // queue ends with it
	busy     bool          // somebody sends
	corked   bool          // what is added waits for the end of the turn
	full     bool          // the network takes nothing now
	room     bool          // while busy: there may be room again
	bounded  bool          // a timer is set for the end
	drained  bool          // there was nothing left to read when the last turn ended
	after    afterwards
}

// cork has frames wait until uncork, so that they leave together.
func (p *parked) cork() {
	p.out.mu.Lock()
	p.out.corked, p.out.drained = true, false
	p.out.mu.Unlock()
}

// uncork ends what cork began. drained says that all that had come was read.
func (p *parked) uncork(drained bool) {
	p.out.mu.Lock()
	p.out.corked, p.out.drained = false, drained
	p.flush()
	if p.c.closing.Load() {
		p.boundEnd()
	}
}

// Writable notes that there is room.
func (p *parked) Writable() {
	p.out.mu.Lock()
	p.out.full = false
	if p.out.busy {
		p.out.room = true
	}
	p.wake()
	p.flush()
}

// wake has those who wait look again. mu is held.
func (p *parked) wake() {
	if p.out.waiting != nil {
		close(p.out.waiting)
		p.out.waiting = nil
	}
}

// wait waits for wake, with mu held but meanwhile.
func (p *parked) wait(ctx context.Context) error {
	if p.out.waiting == nil {
		p.out.waiting = make(chan struct{})
	}
	woken := p.out.waiting
	p.out.mu.Unlock()
	defer p.out.mu.Lock()
	select {
	case <-woken:
		return nil
	case <-p.c.done():
		return p.c.closedErr()
	case <-ctx.Done():
		return wrapContext("waiting for the peer to take what was sent before", ctx)
	}
}

// last sends what waits, as far as the network takes it, for the connection is about to be closed.
func (p *parked) last() {
	p.out.mu.Lock()
	p.out.corked, p.out.after = false, nothingAfter
	p.flush()
}

// closed lets go of what will not be sent any more.
func (p *parked) closed() {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	p.drop()
	p.wake()
}

func (p *parked) drop() {
	if p.out.queue != nil {
		giveBack(p.out.queue)
		p.out.queue = nil
	}
	p.out.pong = false
	if l := p.tls(); l != nil && l.sealed != nil {
		giveBack(l.sealed)
		l.sealed = nil
	}
}

// waiting returns how many bytes wait. mu is held.
func (p *parked) waiting() int {
	n := 0
	if p.out.queue != nil {
		n = len(*p.out.queue)
	}
	if l := p.tls(); l != nil && l.sealed != nil {
		n += len(*l.sealed)
	}
	return n
}

// giveBack gives a buffer back to writeBuffers.
func giveBack(b *[]byte) {
	if cap(*b) <= 2*corkLimit {
		*b = (*b)[:0]
		writeBuffers.Put(b)
	}
}

// borrow makes sure that there is a queue. mu is held.
func (p *parked) borrow() *[]byte {
	if p.out.queue == nil {
		p.out.queue = writeBuffers.Get().(*[]byte)
	}
	return p.out.queue
}

// addFrames queues frames, and sends them if nothing speaks against it.
func (p *parked) addFrames(frames []byte) {
	if len(frames) == 0 {
		return
	}
	p.out.mu.Lock()
	q := p.borrow()
	*q = append(*q, frames...)
	p.out.pong = false
	p.flush()
}

// addPong does so for a pong. When too much waits, it takes the place of the newest, as RFC 6455 section 5.5.3 allows.
func (p *parked) addPong(frame []byte) {
	p.out.mu.Lock()
	q := p.borrow()
	if p.out.pong && len(*q)+len(frame) > maxReplies {
		*q = (*q)[:p.out.lastPong]
	}
	p.out.lastPong, p.out.pong = uint32(len(*q)), true
	*q = append(*q, frame...)
	p.flush()
}

// endWith has after done when all is sent. The last frame has been added.
func (p *parked) endWith(after afterwards) {
	p.out.mu.Lock()
	p.out.after = max(p.out.after, after)
	p.flush()
	p.boundEnd()
}

// boundEnd bounds the time that the end may take, if it does not come at once and nothing else bounds it.
func (p *parked) boundEnd() {
	p.out.mu.Lock()
	waits := p.out.after != nothingAfter && !p.out.corked && !p.out.bounded
	p.out.mu.Unlock()
	if waits {
		p.endWithin(closeTimeout)
	}
}

// endWithin has the end come by force after d.
func (p *parked) endWithin(d time.Duration) {
	p.out.mu.Lock()
	p.out.bounded = true
	p.out.mu.Unlock()
	p.SetTimer(d)
}

// awaitRoom waits until the queue is under its limit.
func (p *parked) awaitRoom(ctx context.Context) error {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	for p.waiting() > p.c.sendLimit() && p.c.broken == nil {
		if err := p.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// flush sends what may be sent now, and unlocks mu.
func (p *parked) flush() {
	corked := p.out.corked && (p.out.queue == nil || len(*p.out.queue) < corkLimit)
	if p.out.busy || corked || p.out.full {
		p.out.mu.Unlock()
		return
	}
	for p.waiting() > 0 && !p.out.full && p.c.broken == nil {
		q := p.borrow() // of which there is nothing, if only TLS has something
		p.out.queue, p.out.busy = nil, true
		last := p.out.after == linger || p.out.after == hangUp && p.out.drained
		p.out.mu.Unlock()
		n, err := p.writeQueue(*q, last)
		p.out.mu.Lock()
		p.out.busy = false
		if n == len(*q) {
			giveBack(q)
		} else {
			p.putBack(q, n)
		}
		p.failed(err)
	}
	var after afterwards
	if p.waiting() == 0 || p.c.broken != nil {
		after, p.out.after = p.out.after, nothingAfter
		if p.c.broken != nil {
			p.drop()
			if after == awaitPeer { // it will not answer what it does not get, but may have said something itself
				after = linger
			}
		}
		p.wake()
	}
	p.out.mu.Unlock()
	if after != nothingAfter {
		p.sent(after)
	}
}

// putBack puts what was not sent of q before what was added meanwhile.
func (p *parked) putBack(q *[]byte, sent int) {
	if sent > 0 {
		p.out.pong = false
	}
	if p.out.queue != nil {
		p.out.lastPong += uint32(len(*q) - sent)
	}
	p.out.queue = join(q, sent, p.out.queue)
}

// join returns what was not sent of q, and then what came later.
func join(q *[]byte, sent int, later *[]byte) *[]byte {
	if sent == len(*q) {
		giveBack(q)
		return later
	}
	if sent > 0 {
		*q = append((*q)[:0], (*q)[sent:]...)
	}
	if later != nil {
		*q = append(*q, *later...)
		giveBack(later)
	}
	return q
}

// failed notes the outcome of a write. mu is held.
func (p *parked) failed(err error) {
	switch {
	case err == poll.ErrAgain:
		p.out.full = !p.out.room // room was made, and told, before full could be noted
		p.out.room = false
	case err != nil && p.c.broken == nil:
		// The peer may have said why before it stopped listening: that is left for a turn to find.
		p.c.broken = fmt.Errorf("websocket: sending: %w", err)
	}
}

// post sends a frame, or queues it; h is nil if payload is a frame already. The caller has frameToken.
func (p *parked) post(ctx context.Context, h *proto.Header, payload []byte) error {
	p.out.mu.Lock()
	if p.c.broken != nil {
		defer p.out.mu.Unlock()
		return p.c.broken
	}
	if len(payload) > inOneBuffer {
		return p.postLarge(ctx, h, payload)
	}
	q := p.borrow()
	if h == nil {
		*q = append(*q, payload...)
	} else {
		*q = proto.AppendFrame(*q, *h, payload)
	}
	p.out.pong = false
	p.flush()
	return nil
}

// postLarge sends a frame without copying it, and what waits before it. It unlocks mu.
func (p *parked) postLarge(ctx context.Context, h *proto.Header, payload []byte) error {
	for p.out.busy || p.out.full {
		if err := p.wait(ctx); err != nil {
			p.out.mu.Unlock()
			return err
		}
	}
	q := p.borrow()
	before := len(*q)
	var key *uint32
	if h != nil {
		h.Length = len(payload)
		*q = proto.AppendHeader(*q, *h)
		if h.Masked {
			key = &h.Key
		}
	}
	p.out.queue, p.out.busy, p.out.full, p.out.pong = nil, true, false, false
	p.out.mu.Unlock()

	begun, err := p.writeAll(ctx, q, payload, key)
	p.out.mu.Lock()
	p.out.busy = false
	if !begun && ctx.Err() != nil && !p.c.isClosed() {
		*q = (*q)[:before]
		p.putBack(q, 0)
		p.out.full = true
		p.out.mu.Unlock()
		return err
	}
	giveBack(q)
	if err != nil && p.c.broken == nil {
		p.c.broken = err
	}
	p.flush()
	return err
}

// writeAll writes *q and the payload, masked if there is a key, and waits for room where there is none. *q is spoilt once it
// has begun, and an error is final then.
func (p *parked) writeAll(ctx context.Context, q *[]byte, payload []byte, key *uint32) (begun bool, err error) {
	if len(payload) > asideFrom {
		p.stepAside()
	}
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
			return true, nil
		}
		n, err := p.write(a, b)
		begun = begun || n > 0
		k := min(n, len(a))
		a, b = a[k:], b[n-k:]
		if len(a)+len(b) > 0 {
			p.stepAside()
		}
		switch {
		case err == nil:
		case err != poll.ErrAgain:
			return begun, fmt.Errorf("websocket: sending: %w", err)
		case len(a)+len(b) == 0 && (key == nil || len(payload) == 0): // it is TLS that has the rest
			return true, nil
		default:
			if err := p.awaitWritable(ctx); err != nil {
				if begun {
					p.c.teardown(err)
				}
				return begun, err
			}
		}
	}
}

// stepAside has other connections' turns go on, if this is called from a turn: to send something large takes time.
func (p *parked) stepAside() {
	p.out.mu.Lock()
	p.out.corked = false // what is sent in this turn after that leaves by itself
	p.out.mu.Unlock()
	p.HandOver()
}

// awaitWritable waits until the network takes something again.
func (p *parked) awaitWritable(ctx context.Context) error {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	for !p.out.room {
		if err := p.wait(ctx); err != nil {
			return err
		}
	}
	p.out.room = false
	return nil
}

// queued returns how many bytes wait.
func (p *parked) queued() int {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	return p.waiting()
}

// send sends or queues a message without waiting. The caller has both tokens.
func (p *parked) send(m outgoing) error {
	p.out.mu.Lock()
	if err := p.c.broken; err != nil {
		p.out.mu.Unlock()
		return err
	}
	if m.prepared != nil && p.c.compression == nil && p.c.role == proto.Server && p.idle() {
		p.sendNow(m.prepared.plain.bytes)
		return nil
	}
	if waiting := p.waiting(); waiting > 0 && waiting+len(m.data) > p.c.sendLimit() {
		p.out.mu.Unlock()
		return ErrSendLimit
	}
	if p.c.compression != nil { // which takes its time: others need not wait for it
		p.out.mu.Unlock()
		buf := writeBuffers.Get().(*[]byte)
		*buf = p.c.appendMessage(*buf, m)
		p.addFrames(*buf)
		giveBack(buf)
		return nil
	}
	q := p.borrow()
	*q = p.c.appendMessage(*q, m)
	p.out.pong = false
	p.flush()
	return nil
}

// idle reports whether a frame can be written where it is. mu is held.
func (p *parked) idle() bool {
	o := &p.out
	return o.queue == nil && !o.busy && !o.corked && !o.full && o.after == nothingAfter && p.tls() == nil
}

// sendNow sends a frame that many get without copying it, but for what there is no room for. It unlocks mu.
func (p *parked) sendNow(frame []byte) {
	p.out.busy = true
	p.out.mu.Unlock()
	n, err := p.put(frame, nil)
	p.out.mu.Lock()
	p.out.busy = false
	if n < len(frame) {
		rest := writeBuffers.Get().(*[]byte)
		*rest = append(*rest, frame[n:]...)
		p.putBack(rest, 0)
	}
	p.failed(err)
	p.flush()
}
