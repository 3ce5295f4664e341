package deflate

import (
	"sync"

	"github.com/klauspost/compress/flate"
)

// A Compressor deflates the messages of one direction of a connection. Make it with NewCompressor. It may be copied and
// moved between calls, but then only the copy be used.
//
// Between calls it keeps what it may refer to of what it has sent: at most 8 KiB and the window. Between messages it
// keeps that only with context takeover.
type Compressor struct {
	hist       history
	windowBits uint8
	takeover   bool
}

// NewCompressor returns the state at the beginning of a connection. The receiver has a window of 1<<windowBits bytes,
// MinWindowBits to MaxWindowBits; takeover says that messages may refer to those before (RFC 7692 section 7.1.1).
func NewCompressor(windowBits int, takeover bool) Compressor {
	return Compressor{windowBits: uint8(min(max(windowBits, MinWindowBits), MaxWindowBits)), takeover: takeover}
}

// Append appends p, compressed, to dst: the next piece of a message, or with end its last. Put together, what is
// appended for a message is the payload that RFC 7692 section 7.2.1 describes, and each piece can be decompressed as soon
// as it is there. An empty piece that is not the last adds nothing. It allocates only to let dst grow.
func (c *Compressor) Append(dst, p []byte, end bool) []byte {
	if len(p) > 0 || end {
		dst = c.encode(dst, p)
		if !end {
			dst = append(dst, tail[:]...)
		}
	}
	c.Sent(p)
	if end && !c.takeover {
		c.hist.drop()
	}
	return dst
}

// AppendMessage appends p, compressed, to dst, as a whole message. If that is not worth it, since p gets no shorter, ok is
// false: the message is then to be sent as it is, without RSV1. With context takeover short messages are worth it in any
// case, at 6 bytes at most, since later ones can refer to them.
func (c *Compressor) AppendMessage(dst, p []byte) (out []byte, ok bool) {
	out = c.encode(dst, p)
	if len(out)-len(dst) >= len(p) && (!c.takeover || len(p) > maxShort || len(p) == 0) {
		return dst, false
	}
	if c.takeover {
		c.Sent(p)
	}
	return out, true
}

// Sent takes note of a piece of a message that is sent compressed, but was compressed elsewhere: for all the receivers of a
// broadcast, say, by a Compressor without takeover and with the same window. Later messages may then refer to it.
func (c *Compressor) Sent(p []byte) {
	c.hist.append(p, min(maxHistory, 1<<c.windowBits))
}

// Release gives back what c keeps, at the end of the connection. A state that goes to the garbage collector without it
// costs the pools some buffers, nothing more.
func (c *Compressor) Release() { c.hist.drop() }

// encode appends p up to where the tail follows.
func (c *Compressor) encode(dst, p []byte) []byte {
	if len(p) == 0 {
		return append(dst, 0) // section 7.2.3.6
	}
	if len(p) <= maxShort {
		s := shortEncoders.Get().(*shortEncoder)
		dst = s.append(dst, p, &c.hist, 1<<c.windowBits)
		shortEncoders.Put(s)
		return dst
	}
	l, ok := longEncoders[c.windowBits].Get().(*longEncoder)
	if !ok {
		l = newLongEncoder(c.windowBits)
	}
	dst = l.append(dst, p, &c.hist)
	longEncoders[c.windowBits].Put(l)
	return dst
}

// A longEncoder compresses with the library. It has about a megabyte of tables.
type longEncoder struct {
	w    *flate.Writer
	out  []byte
	dict [maxHistory]byte
}

// longEncoders holds them by the logarithm of their window.
var longEncoders [MaxWindowBits + 1]sync.Pool

func newLongEncoder(windowBits uint8) *longEncoder {
	l := new(longEncoder)
	var err error
	if windowBits == MaxWindowBits {
		l.w, err = flate.NewWriter(l, flate.BestSpeed)
	} else {
		l.w, err = flate.NewWriterWindow(l, 1<<windowBits)
	}
	if err != nil {
		panic(err) // it depends on constants alone
	}
	return l
}

func (l *longEncoder) Write(p []byte) (int, error) {
	l.out = append(l.out, p...)
	return len(p), nil
}

func (l *longEncoder) append(dst, p []byte, h *history) []byte {
	if h.n > 0 {
		h.copyTo(l.dict[:h.n], h.n)
	}
	l.out = dst
	l.w.ResetDict(l, l.dict[:h.n])
	l.w.Write(p) // Write of l cannot fail
	l.w.Flush()
	dst, l.out = l.out, nil
	return dst[:len(dst)-len(tail)]
}
