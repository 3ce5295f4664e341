package websocket

import (
	"slices"
	"sync"
)

// readBufferSize is the size of the buffers that bytes are received in, but for large messages.
const readBufferSize = 4096

var readBuffers = sync.Pool{New: func() any {
	b := make([]byte, readBufferSize)
	return &b
}}

// Messages grow in steps, as they arrive: to hold four times of what is there costs little copying, and a peer that announces
// much has to send a quarter of it.
const (
	firstStep = 64 << 10
	stepBits  = 2
	steps     = 5 // the last is 16 MiB
)

// readAtOnce is the most that is received at a time: what is done to it next, unmasking, then finds it in the processor's cache.
const readAtOnce = 128 << 10

// A step is the number of a step, from 1 on; 0 is none.
type step uint8

// stepOf returns the first step that holds n bytes, or the last.
func stepOf(n int) step {
	s := step(1)
	for s < steps && n > s.size() {
		s++
	}
	return s
}

func (s step) size() int {
	if s == 0 {
		return 0
	}
	return firstStep << (stepBits * (s - 1))
}

// remember notes the size of a message that has come: the next large one may have as much from the beginning, and need not be
// copied as it grows. A peer that announces much has sent as much before then.
func (c *Conn) remember(size int) {
	if size > firstStep {
		c.large = stepOf(size)
	}
}

// messageBuffers are for messages that are done with when a Handler returns, by their steps.
var messageBuffers [steps]sync.Pool

// borrowMessage returns an empty buffer with the capacity of the first step that holds n bytes. It is not from a pool if no
// step does.
func borrowMessage(n int) *[]byte {
	for i := range messageBuffers {
		size := firstStep << (stepBits * i)
		if n > size {
			continue
		}
		if b, ok := messageBuffers[i].Get().(*[]byte); ok {
			return b
		}
		n = size
		break
	}
	b := make([]byte, 0, n)
	return &b
}

// giveBackMessage gives a buffer back, if it is from a pool.
func giveBackMessage(b *[]byte) {
	for i := range messageBuffers {
		if cap(*b) == firstStep<<(stepBits*i) {
			*b = (*b)[:0]
			messageBuffers[i].Put(b)
			return
		}
	}
}

// room returns where to receive the rest of a large message: behind what there is of it, or where its reader wants it, so that it
// need not be copied. It returns nil if there is no large message to be received. It must be filled with the message's own
// bytes before anything else is done to rd.kept.
func (c *Conn) room() []byte {
	rd := c.rd
	rest := c.machine.Remaining()
	if !rd.open || rd.deflated || rest < readBufferSize || c.closing.Load() || rd.control != nil {
		return nil
	}
	if rd.reader != nil {
		if len(rd.into) < readBufferSize {
			return nil
		}
		return rd.into[:min(int64(len(rd.into)), rest, readAtOnce)]
	}
	have := len(rd.kept)
	if cap(rd.kept)-have < readBufferSize {
		c.growKept(rest)
	}
	spare := rd.kept[have:cap(rd.kept)]
	return spare[:min(int64(len(spare)), rest, readAtOnce)]
}

// growKept makes room for what is to come of the message, of which rest is announced.
func (c *Conn) growKept(rest int64) {
	rd := c.rd
	have := len(rd.kept)
	more := int(min(rest, int64(max(firstStep, have*(1<<stepBits-1), c.large.size()-have))))
	if rd.turn.scratch == nil {
		kept := make([]byte, have, have+more)
		copy(kept, rd.kept)
		rd.kept = kept
	} else {
		rd.growPooled(have + more)
	}
}

// growPooled moves what there is of the message to a larger buffer from a pool.
func (rd *reading) growPooled(n int) {
	b := borrowMessage(n)
	rd.kept = append((*b)[:0], rd.kept...)
	if rd.owner != nil {
		giveBackMessage(rd.owner)
	}
	rd.owner = b
}

// appendPiece moves a piece to the end of the message, unless room has had it received there.
func appendPiece(kept, piece []byte) []byte {
	if n := len(kept); len(piece) > 0 && cap(kept)-n >= len(piece) && &kept[:n+1][n] == &piece[0] {
		return kept[:n+len(piece)]
	}
	return append(slices.Grow(kept, len(piece)), piece...)
}
