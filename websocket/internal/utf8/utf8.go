// Package utf8 checks UTF-8 that arrives in pieces, and finds the first byte that cannot be right as soon as it is
// there. (The standard library's utf8 judges whole strings, and would have to wait for the rest of a character.)
package utf8

import "encoding/binary"

// Validator checks one stream of bytes against the table of well-formed UTF-8 byte sequences (RFC 3629 section 4,
// Unicode table 3-7): no overlong forms, no surrogates, nothing above U+10FFFF. The zero value is ready for use.
type Validator struct {
	need   uint8 // continuation bytes still to come
	lo, hi uint8 // the range the next one must be in, while need > 0
}

const highBits = 0x8080808080808080

// Check consumes p and returns -1, or the index of the first byte that no well-formed stream could have there. After
// that the Validator must be Reset before it is used again.
func (v *Validator) Check(p []byte) int {
	i := 0
	blocks := hasBlocks
	for {
		for v.need > 0 {
			if i == len(p) {
				return -1
			}
			if p[i] < v.lo || p[i] > v.hi {
				return i
			}
			v.need--
			v.lo, v.hi = 0x80, 0xBF
			i++
		}
		if blocks && len(p)-i >= 2*blockSize {
			n := min(len(p)-i, mostBlocks) &^ (blockSize - 1)
			if blocks = blocksValid(p[i : i+n]); blocks {
				i += n - begun(p[i:i+n])
				continue
			}
			// The wrong byte is among these: what follows finds it.
		}
		for i = skip(p, i); i < len(p) && p[i] < 0x80; {
			i++
		}
		if i == len(p) {
			return -1
		}
		if !v.lead(p[i]) {
			return i
		}
		i++
	}
}

// skip returns the index behind the whole characters that p has from i on, as far as it can tell in large steps.
func skip(p []byte, i int) int {
	for len(p)-i >= 4 {
		w := binary.LittleEndian.Uint32(p[i:])
		switch {
		case w&0x80808080 == 0:
			for i += 4; len(p)-i >= 16; i += 16 {
				if (binary.LittleEndian.Uint64(p[i:])|binary.LittleEndian.Uint64(p[i+8:]))&highBits != 0 {
					break
				}
			}
		case w&0x80 == 0:
			i++
		case w&0xC0E0 == 0x80C0 && w&0x1E != 0: // C2 to DF
			i += 2
		case w&0xC0C0F0 == 0x8080E0 && w&0x200F != 0 && w&0x200F != 0x200D: // not E0 80-9F, nor ED A0-BF
			i += 3
		case w&0xC0C0C0F8 == 0x808080F0 && w&0x3007 != 0 && (w&0x07 < 4 || w&0x3007 == 0x04): // not F0 80-8F; up to F4 8F
			i += 4
		default:
			return i
		}
	}
	return i
}

// blocksValid looks at blockSize bytes at a time. It tells that there is an error, not where, so that it is not given more
// than mostBlocks.
const (
	blockSize  = 32
	mostBlocks = 16 << 10
)

// begun returns how many bytes at the end of p, which is right, are of a character that goes on behind it.
func begun(p []byte) int {
	for k := 1; k <= 3; k++ {
		switch b := p[len(p)-k]; {
		case b < 0x80:
			return 0
		case b >= 0xF0 && k < 4, b >= 0xE0 && k < 3, b >= 0xC0 && k < 2: // a lead byte of more than k bytes
			return k
		case b >= 0xC0:
			return 0
		}
	}
	return 0
}

// lead takes the first byte of a character of several bytes and reports whether there is such a character.
func (v *Validator) lead(b byte) bool {
	v.lo, v.hi = 0x80, 0xBF
	switch {
	case b >= 0xC2 && b <= 0xDF: // C0 and C1 would be overlong
		v.need = 1
	case b >= 0xE0 && b <= 0xEF:
		v.need = 2
		switch b {
		case 0xE0: // below A0: overlong
			v.lo = 0xA0
		case 0xED: // above 9F: surrogates
			v.hi = 0x9F
		}
	case b >= 0xF0 && b <= 0xF4:
		v.need = 3
		switch b {
		case 0xF0: // below 90: overlong
			v.lo = 0x90
		case 0xF4: // above 8F: beyond U+10FFFF
			v.hi = 0x8F
		}
	default:
		return false
	}
	return true
}

// Complete reports whether the stream may end here: whether no character is left half-way.
func (v *Validator) Complete() bool { return v.need == 0 }

// Reset makes v ready for another stream.
func (v *Validator) Reset() { *v = Validator{} }
