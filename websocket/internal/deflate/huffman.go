package deflate

import (
	"math/bits"
	"sync"
)

// An entry of a decoding table says what the bits that index it begin with.
//
//	bits 0-7    how many bits the code and the extra bits behind it have together
//	bits 8-11   how many of them are the code (in a link: how many bits index the table linked to)
//	bits 12-14  flags
//	bits 16-31  a literal, the base of a length or distance, a symbol of the code length code, or where a linked table begins
//
// 0 stands for bits that are no code.
type entry uint32

const (
	literal    entry = 1 << 12
	endOfBlock entry = 1 << 13
	link       entry = 1 << 14 // the code is longer than the index
)

func (e entry) total() uint { return uint(e & 0x3F) }
func (e entry) code() uint  { return uint(e>>8) & 0xF }
func (e entry) value() int  { return int(e >> 16) }

const (
	litBits  = 10 // bits that index the table of literals and lengths
	distBits = 8
	preBits  = 7 // the longest code of the code length code (RFC 1951 section 3.2.7)

	// The most entries a table and those it links to have, over all complete codes of 288 or 32 symbols and up to 15 bits.
	litEntries  = 1334
	distEntries = 402

	maxLits  = 286 // RFC 1951 section 3.2.5: more than these do not occur
	maxDists = 30
)

// tables is what is needed while a dynamic block is read.
type tables struct {
	lit  [litEntries]entry
	dist [distEntries]entry

	// The block's header while it is read.
	pre                [1 << preBits]entry
	lens               [maxLits + maxDists]uint8
	nlit, ndist, ncode int
	have               int // lengths read so far
}

var tablePool = sync.Pool{New: func() any { return new(tables) }}

// lengthEntries, distanceEntries and preEntries are the entries of each symbol, without the length of its code.
var (
	lengthEntries   = makeLengthEntries()
	distanceEntries = makeDistanceEntries()
	preEntries      = makePreEntries()
)

// makeLengthEntries is the table of RFC 1951 section 3.2.5: literals, end of block, and 29 codes for lengths of 3 to 258.
func makeLengthEntries() (s [288]entry) {
	for i := range 256 {
		s[i] = literal | entry(i)<<16
	}
	s[256] = endOfBlock
	base := 3
	for i := range 28 {
		extra := max(i/4-1, 0)
		s[257+i] = entry(base)<<16 | entry(extra)
		base += 1 << extra
	}
	s[285] = 258 << 16 // not 227+31
	return s
}

// makeDistanceEntries is the table for distances, of the same section.
func makeDistanceEntries() (s [32]entry) {
	base := 1
	for i := range maxDists {
		extra := max(i/2-1, 0)
		s[i] = entry(base)<<16 | entry(extra)
		base += 1 << extra
	}
	return s
}

// makePreEntries has the symbols of the code length code with their extra bits (section 3.2.7).
func makePreEntries() (s [19]entry) {
	for i := range s {
		s[i] = literal | entry(i)<<16
	}
	s[16] |= 2
	s[17] |= 3
	s[18] |= 7
	return s
}

// fixed returns the tables of the fixed Huffman codes (section 3.2.6).
var fixed = sync.OnceValue(func() *tables {
	t := new(tables)
	var lens [288]uint8
	for i := range lens {
		switch {
		case i < 144:
			lens[i] = 8
		case i < 256:
			lens[i] = 9
		case i < 280:
			lens[i] = 7
		default:
			lens[i] = 8
		}
	}
	build(t.lit[:], litBits, lens[:], lengthEntries[:])
	for i := range 32 {
		lens[i] = 5
	}
	build(t.dist[:], distBits, lens[:32], distanceEntries[:])
	return t
})

// build makes a decoding table of the code whose lengths are lens (section 3.2.2). The first 1<<index entries are looked
// up by the next bits of the input; behind them are the tables for longer codes. entries are what the symbols stand for.
// It reports whether there is such a code: complete, or with at most one symbol, whose code has one bit then.
func build(table []entry, index uint, lens []uint8, entries []entry) bool {
	var count [16]int
	for _, n := range lens {
		count[n]++
	}
	count[0] = 0
	var next [16]int // where the next symbol of each length goes among all that have a code
	free, longest := 1, uint(0)
	for n := uint(1); n <= 15; n++ {
		next[n] = next[n-1] + count[n-1]
		if free = free<<1 - count[n]; free < 0 {
			return false
		}
		if count[n] > 0 {
			longest = n
		}
	}
	if free > 0 {
		if longest > 1 {
			return false
		}
		clear(table[:1<<index])
	}
	var sorted [288]uint16
	for sym, n := range lens {
		if n != 0 {
			sorted[next[n]] = uint16(sym)
			next[n]++
		}
	}

	code, symbols := 0, sorted[:]
	end := 1 << index // of the entries in use
	prefix, sub, subIndex := -1, table, uint(0)
	for n := uint(1); n <= longest; n++ {
		for ; count[n] > 0; count[n]-- {
			e := entries[symbols[0]]
			if e != 0 { // there are codes for symbols that do not occur, in the fixed codes
				e += entry(n)<<8 | entry(n)
			}
			symbols = symbols[1:]
			reversed := int(bits.Reverse16(uint16(code)) >> (16 - n)) // codes begin with their highest bit, bytes with their lowest
			code++
			if n <= index {
				for i := reversed; i < 1<<index; i += 1 << n {
					table[i] = e
				}
				continue
			}
			if p := reversed & (1<<index - 1); p != prefix {
				// As many bits as fill a table with what is left of the codes, shortest first.
				prefix, subIndex = p, n-index
				for free := 1<<subIndex - count[n]; free > 0 && subIndex+index < longest; {
					subIndex++
					free = free<<1 - count[subIndex+index]
				}
				if end+1<<subIndex > len(table) {
					return false
				}
				sub = table[end : end+1<<subIndex]
				table[prefix] = link | entry(end)<<16 | entry(subIndex)<<8
				end += 1 << subIndex
			}
			for i := reversed >> index; i < len(sub); i += 1 << (n - index) {
				sub[i] = e
			}
		}
		code <<= 1
	}
	return true
}
