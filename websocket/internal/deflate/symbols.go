package deflate

import "encoding/binary"

// symbols decodes a block's literals and matches (RFC 1951 section 3.2.5).
func (f *flow) symbols(t *tables) (ok bool, err error) {
	d := f.d
	for {
		if d.distance > 0 && !f.copyMatch() {
			return false, nil
		}
		if len(f.in)-f.ip >= fastIn && len(f.out)-f.op >= fastOut {
			if err := f.fast(t); err != nil || d.state == atHeader {
				return true, err
			}
			continue
		}
		// The longest symbol has 48 bits: a length of 15 + 5, a distance of 15 + 13. It is decoded when all of it is there,
		// or not at all; bits that are not there yet are 0 in hold.
		f.fill(48)
		e := t.lit[d.hold&(1<<litBits-1)]
		if e&link != 0 {
			e = t.lit[e.value()+int(d.hold>>litBits)&(1<<e.code()-1)]
		}
		n := e.total()
		switch {
		case e == 0:
			return false, ErrCorrupt
		case n > uint(d.nhold):
			f.starved = true
			return false, nil
		case e&endOfBlock != 0:
			d.take(uint8(n))
			d.endBlock()
			return true, nil
		case e&literal != 0:
			if f.op == len(f.out) {
				return false, nil
			}
			d.take(uint8(n))
			f.out[f.op] = byte(e.value())
			f.op++
			continue
		}
		length := e.value() + int(d.hold&(1<<n-1)>>e.code())
		rest := d.hold >> n
		e = t.dist[rest&(1<<distBits-1)]
		if e&link != 0 {
			e = t.dist[e.value()+int(rest>>distBits)&(1<<e.code()-1)]
		}
		if e == 0 {
			return false, ErrCorrupt
		}
		if n+e.total() > uint(d.nhold) {
			f.starved = true
			return false, nil
		}
		distance := e.value() + int(rest&(1<<e.total()-1)>>e.code())
		if distance > f.reach() {
			return false, ErrCorrupt
		}
		d.take(uint8(n + e.total()))
		d.length, d.distance = length, distance
	}
}

// reach returns how far back a match may begin.
func (f *flow) reach() int { return min(f.d.hist.n+f.op, 1<<f.d.windowBits) }

// copyMatch copies as much of a match as there is room for, and reports whether that is all.
func (f *flow) copyMatch() bool {
	d := f.d
	for d.length > 0 && f.op < len(f.out) {
		n := min(d.length, len(f.out)-f.op)
		if back := d.distance - f.op; back > 0 { // it begins in what earlier calls gave out
			n = min(n, back)
			d.hist.copyTo(f.out[f.op:f.op+n], back)
		} else {
			n = copy(f.out[f.op:f.op+n], f.out[f.op-d.distance:f.op]) // which repeats, if it is longer than its distance
		}
		f.op += n
		d.length -= n
	}
	if d.length == 0 {
		d.distance = 0
		return true
	}
	return false
}

const (
	// fastIn and fastOut are what fast needs of in and out: what one load takes, and what one round may write, two
	// literals and a match rounded up to words.
	fastIn  = 8
	fastOut = 2 + 258 + 7
)

// fast decodes symbols while neither the end of in nor that of out is near, so that it need not be looked for at each.
// It returns at the end of the block too.
func (f *flow) fast(t *tables) error {
	d := f.d
	in, out := f.in, f.out
	ip, op := f.ip, f.op
	hold, nhold := d.hold, uint(d.nhold)
	var err error
	for len(in)-ip >= fastIn && len(out)-op >= fastOut {
		// At least 56 bits. Bits above nhold may be loaded as well; they are loaded again, the same.
		hold |= binary.LittleEndian.Uint64(in[ip:]) << (nhold & 63)
		ip += int(63-nhold) >> 3
		nhold |= 56

		e := t.lit[hold&(1<<litBits-1)]
		if e&literal != 0 {
			hold >>= e.total()
			nhold -= e.total()
			out[op] = byte(e >> 16)
			op++
			if e = t.lit[hold&(1<<litBits-1)]; e&literal != 0 {
				hold >>= e.total()
				nhold -= e.total()
				out[op] = byte(e >> 16)
				op++
				e = t.lit[hold&(1<<litBits-1)]
			}
			if nhold < 48 && e&literal == 0 {
				continue
			}
		}
		if e&link != 0 {
			e = t.lit[e.value()+int(hold>>litBits)&(1<<e.code()-1)]
		}
		if e&(literal|endOfBlock) != 0 || e == 0 {
			hold >>= e.total()
			nhold -= e.total()
			if e&literal != 0 {
				out[op] = byte(e >> 16)
				op++
				continue
			}
			if e == 0 {
				err = ErrCorrupt
				break
			}
			d.state = atHeader
			break
		}
		length := e.value() + int(hold&(1<<e.total()-1)>>e.code())
		hold >>= e.total()
		nhold -= e.total()
		e = t.dist[hold&(1<<distBits-1)]
		if e&link != 0 {
			e = t.dist[e.value()+int(hold>>distBits)&(1<<e.code()-1)]
		}
		if e == 0 {
			err = ErrCorrupt
			break
		}
		distance := e.value() + int(hold&(1<<e.total()-1)>>e.code())
		hold >>= e.total()
		nhold -= e.total()

		start := op - distance
		switch {
		case distance > 1<<d.windowBits || distance > d.hist.n+op:
			err = ErrCorrupt
		case start < 0:
			f.op, d.length, d.distance = op, length, distance
			f.copyMatch()
			op = f.op
			continue
		case distance >= 8:
			for i := 0; i < length; i += 8 {
				binary.LittleEndian.PutUint64(out[op+i:], binary.LittleEndian.Uint64(out[start+i:]))
			}
			op += length
			continue
		default:
			for end := op + length; op < end; op, start = op+1, start+1 {
				out[op] = out[start]
			}
			continue
		}
		break
	}
	f.ip, f.op = ip, op
	d.hold, d.nhold = hold&(1<<nhold-1), uint8(nhold)
	if d.state == atHeader {
		d.endBlock()
	}
	return err
}
