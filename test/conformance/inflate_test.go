package conformance

import (
	"fmt"
)

// inflate decodes DEFLATE blocks (RFC 1951) until the end of in, which must be the end of a block. They may refer back by at most
// window bytes, into history too. It returns what they stand for, and the largest distance they used.
//
// The standard library's decoder does not tell how far a stream refers back, and that is what the window's bits are about.
func inflate(in, history []byte, window int) (out []byte, distance int, err error) {
	d := inflater{in: in, out: append([]byte(nil), history...), window: window}
	defer func() {
		if e := recover(); e != nil {
			bad, ok := e.(inflateError)
			if !ok {
				panic(e)
			}
			err = fmt.Errorf("DEFLATE, at byte %d of %d: %s", d.pos, len(in), string(bad))
		}
	}()
	for d.pos < len(d.in) || d.nbits > 0 {
		d.block()
	}
	return d.out[len(history):], d.distance, nil
}

type inflateError string

type inflater struct {
	in       []byte
	pos      int
	hold     uint64
	nbits    uint
	out      []byte
	window   int
	distance int // the largest so far
}

func (d *inflater) block() {
	final, kind := d.bits(1), d.bits(2)
	switch kind {
	case 0:
		d.align()
		n, complement := d.bits(16), d.bits(16)
		if n != ^complement&0xFFFF {
			panic(inflateError("a stored block whose length is not what its complement says"))
		}
		for range n {
			d.out = append(d.out, byte(d.bits(8)))
		}
	case 1:
		d.codes(fixedLiterals, fixedDistances)
	case 2:
		d.codes(d.dynamic())
	default:
		panic(inflateError("a block of the reserved type"))
	}
	if final == 1 {
		d.align()
	}
}

// bits reads n bits, at most 16.
func (d *inflater) bits(n uint) int {
	d.fill(n)
	if d.nbits < n {
		panic(inflateError("it ends inside a block"))
	}
	v := int(d.hold & (1<<n - 1))
	d.hold >>= n
	d.nbits -= n
	return v
}

func (d *inflater) fill(n uint) {
	for d.nbits < n && d.pos < len(d.in) {
		d.hold |= uint64(d.in[d.pos]) << d.nbits
		d.pos++
		d.nbits += 8
	}
}

// align drops the bits up to the next byte.
func (d *inflater) align() {
	d.hold >>= d.nbits & 7
	d.nbits -= d.nbits & 7
}

// A huffman is a code: what the next bits mean, by their value. An entry is a symbol and, in its low 4 bits, its length; 0: no
// code begins so.
type huffman struct {
	bits    uint // of the longest code
	entries []uint16
}

func newHuffman(lengths []uint8) huffman {
	var count [16]int
	for _, l := range lengths {
		count[l]++
	}
	h := huffman{}
	var next [16]int
	code := 0
	for l := 1; l < 16; l++ {
		code = (code + count[l-1]*min(l-1, 1)) << 1
		next[l] = code
		if code+count[l] > 1<<l {
			panic(inflateError("a code that is oversubscribed"))
		}
		if count[l] > 0 {
			h.bits = uint(l)
		}
	}
	h.entries = make([]uint16, 1<<h.bits)
	for symbol, l := range lengths {
		if l == 0 {
			continue
		}
		reversed := 0
		for i := range l {
			reversed |= next[l] >> i & 1 << (l - 1 - i)
		}
		next[l]++
		for ; reversed < len(h.entries); reversed += 1 << l {
			h.entries[reversed] = uint16(symbol)<<4 | uint16(l)
		}
	}
	return h
}

func (d *inflater) symbol(h huffman) int {
	d.fill(h.bits)
	e := h.entries[d.hold&(1<<h.bits-1)]
	l := uint(e & 15)
	if l == 0 || l > d.nbits {
		panic(inflateError("it ends inside a block, or holds bits that are no code"))
	}
	d.hold >>= l
	d.nbits -= l
	return int(e >> 4)
}

var (
	fixedLiterals, fixedDistances = fixedCodes()
	lengthBases, distanceBases    = codeBases()
)

// fixedCodes are those of RFC 1951 section 3.2.6.
func fixedCodes() (literals, distances huffman) {
	var l [288]uint8
	for i := range l {
		switch {
		case i < 144 || i >= 280:
			l[i] = 8
		case i < 256:
			l[i] = 9
		default:
			l[i] = 7
		}
	}
	var d [30]uint8
	for i := range d {
		d[i] = 5
	}
	return newHuffman(l[:]), newHuffman(d[:])
}

// A base is what the codes of lengths and distances begin to count from, and how many bits follow.
type base struct {
	value int
	extra uint
}

// codeBases are the tables of RFC 1951 section 3.2.5.
func codeBases() (lengths, distances []base) {
	for i, value := uint(0), 3; i < 28; i++ {
		b := base{value, 0}
		if i >= 8 {
			b.extra = i/4 - 1
		}
		lengths = append(lengths, b)
		value += 1 << b.extra
	}
	lengths = append(lengths, base{258, 0})
	for i, value := uint(0), 1; i < 30; i++ {
		b := base{value, 0}
		if i >= 4 {
			b.extra = i/2 - 1
		}
		distances = append(distances, b)
		value += 1 << b.extra
	}
	return lengths, distances
}

func (d *inflater) codes(literals, distances huffman) {
	for {
		s := d.symbol(literals)
		switch {
		case s < 256:
			d.out = append(d.out, byte(s))
			continue
		case s == 256:
			return
		case s-257 >= len(lengthBases):
			panic(inflateError("a length that is reserved"))
		}
		l := lengthBases[s-257]
		n := l.value + d.bits(l.extra)
		b := distanceBases[d.symbol(distances)]
		back := b.value + d.bits(b.extra)
		switch {
		case back > len(d.out):
			panic(inflateError("a distance to before the beginning"))
		case back > d.window:
			panic(inflateError(fmt.Sprintf("a distance of %d where the window has %d bytes", back, d.window)))
		}
		d.distance = max(d.distance, back)
		for range n {
			d.out = append(d.out, d.out[len(d.out)-back])
		}
	}
}

// dynamic reads the codes of a block (RFC 1951 section 3.2.7).
func (d *inflater) dynamic() (literals, distances huffman) {
	nl, nd, nc := d.bits(5)+257, d.bits(5)+1, d.bits(4)+4
	if nl > 286 || nd > 30 {
		panic(inflateError("more codes than there are symbols"))
	}
	var order = [19]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
	var lengths [19]uint8
	for _, i := range order[:nc] {
		lengths[i] = uint8(d.bits(3))
	}
	code := newHuffman(lengths[:])
	list := make([]uint8, 0, nl+nd)
	for len(list) < nl+nd {
		s, value, n := d.symbol(code), uint8(0), 1
		switch s {
		case 16:
			if len(list) == 0 {
				panic(inflateError("a repetition of nothing"))
			}
			value, n = list[len(list)-1], 3+d.bits(2)
		case 17:
			n = 3 + d.bits(3)
		case 18:
			n = 11 + d.bits(7)
		default:
			value = uint8(s)
		}
		for range n {
			list = append(list, value)
		}
	}
	if len(list) > nl+nd {
		panic(inflateError("more code lengths than there are codes"))
	}
	return newHuffman(list[:nl]), newHuffman(list[nl:])
}
