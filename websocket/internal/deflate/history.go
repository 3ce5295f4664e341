package deflate

import (
	"math/bits"
	"sync"
)

// A history holds the last bytes of a stream, as many as the window has. Its memory grows with what there is to hold, by
// doubling; the zero value holds nothing.
type history struct {
	buf *[]byte // a ring once it has grown to the window's size; its length is a power of two
	n   int     // bytes held
	pos int     // where the next byte goes
}

// rings holds buffers given back, by the logarithm of their length.
var rings [MaxWindowBits + 1]sync.Pool

func newRing(log int) *[]byte {
	if b, ok := rings[log].Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 1<<log)
	return &b
}

// append adds p to the stream. window is the most bytes to hold: always the same power of two.
func (h *history) append(p []byte, window int) {
	if len(p) == 0 {
		return
	}
	if len(p) > window {
		p = p[len(p)-window:]
	}
	h.reserve(min(h.n+len(p), window))
	b := *h.buf
	if k := copy(b[h.pos:], p); k < len(p) {
		copy(b, p[k:])
	}
	h.pos = (h.pos + len(p)) & (len(b) - 1)
	h.n = min(h.n+len(p), len(b))
}

// reserve makes room for n bytes in all.
func (h *history) reserve(n int) {
	if h.buf != nil && n <= len(*h.buf) {
		return
	}
	b := newRing(max(bits.Len(uint(n-1)), MinWindowBits))
	if h.buf != nil { // it has not been a ring yet, or is full: h.n bytes from the front, h.pos behind them
		h.pos = copy(*b, (*h.buf)[:h.n])
		h.recycle()
	}
	h.buf = b
}

// copyTo fills dst with the bytes from back bytes ago on; back is at least len(dst), at most h.n.
func (h *history) copyTo(dst []byte, back int) {
	b := *h.buf
	start := (h.pos - back) & (len(b) - 1)
	if k := copy(dst, b[start:]); k < len(dst) {
		copy(dst[k:], b)
	}
}

func (h *history) recycle() { rings[bits.Len(uint(len(*h.buf)-1))].Put(h.buf) }

// drop forgets everything and gives the memory back.
func (h *history) drop() {
	if h.buf != nil {
		h.recycle()
	}
	*h = history{}
}
