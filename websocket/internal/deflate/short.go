package deflate

import (
	"encoding/binary"
	"math/bits"
	"sync"
)

const (
	// maxShort is the longest piece that shortEncoder takes. For longer ones codes of their own pay.
	maxShort = 512
	// maxHistory is how much of the messages before a Compressor remembers, if the window has as much. More would make
	// messages hardly smaller, but each of them is searched in all of it.
	maxHistory = 4 << 10

	hashBits = 12
	// dictStep is how far apart the places are that matches are looked for in what came before. A match found there is
	// extended to both sides: messages get larger by a hundredth or two, and looking takes half the time.
	dictStep = 2
	minMatch = 4
	maxMatch = 258
)

// A shortEncoder compresses short pieces with the fixed Huffman codes (RFC 1951 section 3.2.6). It is for the messages that
// make up most of what is sent, of which nearly all has been in the messages before: the compressors of the library do
// not look there for pieces under 128 bytes, and take longer to set up than such a piece takes here.
type shortEncoder struct {
	// table holds where a hash was last seen: an index of text, plus base. What is below base is of earlier calls.
	table [1 << hashBits]uint32
	base  uint32
	text  [maxHistory + maxShort]byte
}

var shortEncoders = sync.Pool{New: func() any { return new(shortEncoder) }}

// hash hashes the four bytes in v.
func hash(v uint32) uint32 { return v * 2654435761 >> (32 - hashBits) }

// append appends p to dst as one block and the beginning of an empty stored one, which the tail completes. p may refer to
// h, and up to window bytes back. At most storedOverhead bytes more than p has are appended.
func (s *shortEncoder) append(dst, p []byte, h *history, window int) []byte {
	n := min(h.n, maxHistory)
	if n > 0 {
		h.copyTo(s.text[:n], n)
	}
	text := s.text[:n+copy(s.text[n:], p)]
	if s.base > 1<<31 || s.base == 0 {
		clear(s.table[:])
		s.base = 1
	}
	base := s.base
	s.base += uint32(len(text))

	for i := 0; i+minMatch <= n; i += dictStep {
		s.table[hash(binary.LittleEndian.Uint32(text[i:]))] = base + uint32(i)
	}
	w := bitWriter{out: dst}
	w.put(2, 3) // not the last block, fixed codes
	i, done := n, n
	for i+minMatch <= len(text) {
		v := binary.LittleEndian.Uint32(text[i:])
		slot := &s.table[hash(v)]
		at := int(*slot) - int(base)
		*slot = base + uint32(i)
		if at < 0 || i-at > window || binary.LittleEndian.Uint32(text[at:]) != v {
			i++
			continue
		}
		from, length := i, minMatch
		for from > done && at > 0 && text[from-1] == text[at-1] {
			from, at, length = from-1, at-1, length+1
		}
		for from+length < len(text) && text[from+length] == text[at+length] {
			length++
		}
		w.literals(text[done:from])
		distance := from - at
		for i, done = from+length, from+length; length > 0; {
			k := min(length, maxMatch)
			if rest := length - k; rest > 0 && rest < 3 { // which is too short for a match
				k -= 3
			}
			w.match(k, distance)
			length -= k
		}
		for j := from + 1; j < i && j+minMatch <= len(text); j += dictStep {
			s.table[hash(binary.LittleEndian.Uint32(text[j:]))] = base + uint32(j)
		}
	}
	w.literals(text[done:])
	w.put(0, 7) // end of block
	w.put(0, 3) // not the last block, stored
	if out := w.align(); len(out)-len(dst) <= len(p)+storedOverhead {
		return out
	}
	dst = binary.LittleEndian.AppendUint16(append(dst, 0), uint16(len(p)))
	dst = binary.LittleEndian.AppendUint16(dst, ^uint16(len(p)))
	return append(append(dst, p...), 0)
}

// storedOverhead is what a piece grows by that is stored as it is: the header of its block, and of the empty one.
const storedOverhead = 6

// A bitWriter appends bits to out, the lowest first.
type bitWriter struct {
	out  []byte
	hold uint64
	n    uint
}

// put appends the n low bits of v, at most 32; the others are 0.
func (w *bitWriter) put(v uint32, n uint) {
	w.hold |= uint64(v) << w.n
	if w.n += n; w.n >= 32 {
		w.out = binary.LittleEndian.AppendUint32(w.out, uint32(w.hold))
		w.hold >>= 32
		w.n -= 32
	}
}

// align fills up a byte with zeros and returns everything.
func (w *bitWriter) align() []byte {
	for ; w.n > 0; w.n -= min(w.n, 8) {
		w.out = append(w.out, byte(w.hold))
		w.hold >>= 8
	}
	return w.out
}

func (w *bitWriter) literals(p []byte) {
	for _, b := range p {
		c := fixedCodes[b]
		w.put(c.bits, c.n)
	}
}

// match appends a length of 3 to 258 and a distance.
func (w *bitWriter) match(length, distance int) {
	c := lengthCodes[length-3]
	w.put(c.bits, c.n)
	c = distanceCode(distance)
	w.put(c.bits, c.n)
}

// A code is a Huffman code with the extra bits behind it, as bitWriter.put takes it.
type code struct {
	bits uint32
	n    uint
}

func reversed(v, n int) uint32 { return uint32(bits.Reverse16(uint16(v)) >> (16 - n)) }

var (
	fixedCodes  = makeFixedCodes()
	lengthCodes = makeLengthCodes()
)

// makeFixedCodes is the table of RFC 1951 section 3.2.6.
func makeFixedCodes() (c [286]code) {
	for i := range c {
		switch {
		case i < 144:
			c[i] = code{reversed(0x30+i, 8), 8}
		case i < 256:
			c[i] = code{reversed(0x190+i-144, 9), 9}
		case i < 280:
			c[i] = code{reversed(i-256, 7), 7}
		default:
			c[i] = code{reversed(0xC0+i-280, 8), 8}
		}
	}
	return c
}

// makeLengthCodes has the codes for lengths of 3 to 258.
func makeLengthCodes() (c [256]code) {
	for sym := 257; sym <= 285; sym++ {
		e := lengthEntries[sym]
		for extra := range 1 << e.total() {
			i := e.value() - 3 + extra
			c[i] = fixedCodes[sym] // the last symbol comes last and takes 258 from the one before
			c[i].bits |= uint32(extra) << c[i].n
			c[i].n += e.total()
		}
	}
	return c
}

// distanceCode returns the code for a distance of 1 to 32,768: two symbols for each number of extra bits from 1 on.
func distanceCode(distance int) code {
	d := distance - 1
	if d < 4 {
		return code{reversed(d, 5), 5}
	}
	extra := bits.Len(uint(d)) - 2
	sym := extra*2 + d>>extra
	return code{reversed(sym, 5) | uint32(d&(1<<extra-1))<<5, uint(5 + extra)}
}
