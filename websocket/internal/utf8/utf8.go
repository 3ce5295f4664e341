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
		for len(p)-i >= 16 {
			w := binary.LittleEndian.Uint64(p[i:]) | binary.LittleEndian.Uint64(p[i+8:])
			if w&highBits != 0 {
				break
			}
			i += 16
		}
		for i < len(p) && p[i] < 0x80 {
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
