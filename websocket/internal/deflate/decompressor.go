package deflate

import "errors"

// ErrCorrupt is returned for what is not the payload of a compressed message. The connection is to be failed.
var ErrCorrupt = errors.New("compressed message is corrupt")

// A state says what a Decompressor expects next.
type state uint8

const (
	atHeader  state = iota // a block, or the end of the message
	atLength               // the length of a stored block
	inStored               // d.length bytes of one
	inSizes                // the sizes of a dynamic block's codes
	inPreCode              // the code length code
	inCodes                // the lengths of the codes
	inFixed                // symbols of a block with fixed codes
	inDynamic              // symbols of a dynamic block
	failed
)

// A Decompressor inflates the messages of one direction of a connection. Make it with NewDecompressor. It may be copied
// and moved between calls, but then only the copy be used.
//
// It borrows what it needs while it inflates. What it keeps between calls: within a message, the window and, within a
// dynamic block, a table of 8 KiB; between messages the window, and that only with context takeover.
type Decompressor struct {
	hist   history
	tables *tables // within a dynamic block, from its header on
	hold   uint64  // nhold bits that have come and not been used, the first the lowest
	nhold  uint8

	windowBits uint8
	takeover   bool

	state    state
	final    bool // the block is marked as the last of a stream
	length   int  // to be copied still: bytes of a stored block, or of a match
	distance int  // of that match; 0 if there is none
}

// NewDecompressor returns the state at the beginning of a connection. The sender uses a window of 1<<windowBits bytes,
// MinWindowBits to MaxWindowBits; takeover says that it refers to messages before (RFC 7692 section 7.1.1). What refers
// farther back is corrupt.
func NewDecompressor(windowBits int, takeover bool) Decompressor {
	return Decompressor{windowBits: uint8(min(max(windowBits, MinWindowBits), MaxWindowBits)), takeover: takeover}
}

// Decompress inflates some of src, the next piece of a message's payload, into dst. end says that the message ends with
// src. It returns how many bytes of dst it filled, how many of src it used, and whether it is through: if so, src has been
// used up and all that follows from it has been given out, and with end the Decompressor is ready for the next message. If
// not, dst is full, and there is more to give out: call it again with the rest of src (even if that is empty), the same
// end, and room in dst. dst may be empty; the bytes of it that are not filled may be overwritten.
//
// Nothing is inflated that dst has no room for. A caller that limits messages gives no more room than the limit leaves,
// and when that is gone and Decompress not through, the message is over the limit.
//
// ErrCorrupt comes as early as the wrong bit, and ever after; n counts what was right before.
func (d *Decompressor) Decompress(dst, src []byte, end bool) (n, used int, through bool, err error) {
	f := flow{d: d, in: src, out: dst}
	err = f.run()
	if err == nil && end && f.starved {
		err = d.finish()
	}
	if err != nil {
		d.Release()
		d.state = failed
		return f.op, f.ip, false, err
	}
	if d.state != inDynamic && d.state != inPreCode && d.state != inCodes {
		d.giveBackTables()
	}
	through = f.starved
	if through && end && !d.takeover {
		d.hist.drop()
		return f.op, f.ip, true, nil
	}
	d.hist.append(f.out[:f.op], 1<<d.windowBits)
	return f.op, f.ip, through, nil
}

// Release gives back what d keeps, at the end of the connection. A state that goes to the garbage collector without it
// costs the pools some buffers, nothing more.
func (d *Decompressor) Release() {
	d.giveBackTables()
	d.hist.drop()
}

func (d *Decompressor) giveBackTables() {
	if d.tables != nil {
		tablePool.Put(d.tables)
		d.tables = nil
	}
}

// A flow is one call of Decompress.
type flow struct {
	d       *Decompressor
	in, out []byte
	ip, op  int
	starved bool // in is used up, and more needed; else out is full
}

// finish ends the message, when its bytes are used up.
func (d *Decompressor) finish() error {
	switch {
	case d.nhold > 0:
	case d.state == atLength:
		// The rest of an empty stored block is what senders leave out (RFC 7692 section 7.2.1). If something else was cut off
		// here, the tail behind it would give bytes that nobody has sent.
		d.state = atHeader
		return nil
	case d.state == atHeader:
		// This is not how that section ends a message, but it is clear: the payload is empty, as zlib makes it when it
		// flushes twice, or ends with a block that is marked as the last.
		return nil
	}
	return ErrCorrupt
}

// run goes on until in is used up or out is full.
func (f *flow) run() (err error) {
	d := f.d
	f.starved = false
	for ok := true; ok; {
		switch d.state {
		case atHeader:
			ok, err = f.header()
		case atLength:
			ok, err = f.storedLength()
		case inStored:
			ok = f.stored()
		case inSizes, inPreCode, inCodes:
			ok, err = f.codes()
		case inFixed:
			ok, err = f.symbols(fixed())
		case inDynamic:
			ok, err = f.symbols(d.tables)
		default:
			return ErrCorrupt
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fill gets at least n bits into hold, 56 at most, or as many as there are.
func (f *flow) fill(n uint8) {
	d := f.d
	for d.nhold < n && f.ip < len(f.in) {
		d.hold |= uint64(f.in[f.ip]) << d.nhold
		d.nhold += 8
		f.ip++
	}
}

// need gets at least n bits into hold, 56 at most, or finds that the input is used up.
func (f *flow) need(n uint8) bool {
	f.fill(n)
	f.starved = f.d.nhold < n
	return !f.starved
}

// take removes n bits from hold, which must be there, and returns them.
func (d *Decompressor) take(n uint8) int {
	v := int(d.hold & (1<<n - 1))
	d.hold >>= n
	d.nhold -= n
	return v
}

// header reads the header of a block (RFC 1951 section 3.2.3).
func (f *flow) header() (ok bool, err error) {
	d := f.d
	if !f.need(3) {
		return false, nil
	}
	d.final = d.take(1) == 1
	switch d.take(2) {
	case 0:
		d.take(d.nhold & 7)
		d.state = atLength
	case 1:
		d.state = inFixed
	case 2:
		d.state = inSizes
	default:
		return false, ErrCorrupt
	}
	return true, nil
}

// endBlock ends a block. One that is marked as the last of its stream ends with its byte, and another stream follows
// (RFC 7692 section 7.2.3.4).
func (d *Decompressor) endBlock() {
	d.state = atHeader
	if d.final {
		d.take(d.nhold & 7)
	}
}

// storedLength reads the length of a stored block (RFC 1951 section 3.2.4).
func (f *flow) storedLength() (ok bool, err error) {
	d := f.d
	if !f.need(32) {
		return false, nil
	}
	n, inverted := d.take(16), d.take(16)
	if n != inverted^0xFFFF {
		return false, ErrCorrupt
	}
	d.length = n
	d.state = inStored
	return true, nil
}

// stored copies the bytes of a stored block.
func (f *flow) stored() (ok bool) {
	d := f.d
	for d.length > 0 && d.nhold > 0 {
		if f.op == len(f.out) {
			return false
		}
		f.out[f.op] = byte(d.take(8))
		f.op++
		d.length--
	}
	n := copy(f.out[f.op:], f.in[f.ip:min(f.ip+d.length, len(f.in))])
	f.ip += n
	f.op += n
	if d.length -= n; d.length > 0 {
		f.starved = f.ip == len(f.in)
		return false
	}
	d.endBlock()
	return true
}

// codes reads the header of a dynamic block (section 3.2.7).
func (f *flow) codes() (ok bool, err error) {
	d := f.d
	if d.state == inSizes {
		if !f.need(14) {
			return false, nil
		}
		if d.tables == nil {
			d.tables = tablePool.Get().(*tables)
		}
		t := d.tables
		t.nlit, t.ndist, t.ncode, t.have = 257+d.take(5), 1+d.take(5), 4+d.take(4), 0
		if t.nlit > maxLits || t.ndist > maxDists {
			return false, ErrCorrupt
		}
		clear(t.lens[:19])
		d.state = inPreCode
	}
	t := d.tables
	if d.state == inPreCode {
		for t.have < t.ncode {
			if !f.need(3) {
				return false, nil
			}
			t.lens[preOrder[t.have]] = uint8(d.take(3))
			t.have++
		}
		if !build(t.pre[:], preBits, t.lens[:19], preEntries[:]) {
			return false, ErrCorrupt
		}
		t.have = 0
		d.state = inCodes
	}
	for t.have < t.nlit+t.ndist {
		// The code and its extra bits have 14 bits at most, and may be the last of the input, with less behind them.
		f.fill(14)
		e := t.pre[d.hold&(1<<preBits-1)]
		switch {
		case e == 0:
			return false, ErrCorrupt
		case e.total() > uint(d.nhold):
			f.starved = true
			return false, nil
		}
		extra := d.take(uint8(e.total())) >> e.code()
		n, v := 1, uint8(e.value())
		switch v {
		case 16:
			if t.have == 0 {
				return false, ErrCorrupt
			}
			n, v = 3+extra, t.lens[t.have-1]
		case 17:
			n, v = 3+extra, 0
		case 18:
			n, v = 11+extra, 0
		}
		if n > t.nlit+t.ndist-t.have {
			return false, ErrCorrupt
		}
		for range n {
			t.lens[t.have] = v
			t.have++
		}
	}
	lit, dist := t.lens[:t.nlit], t.lens[t.nlit:t.nlit+t.ndist]
	if lit[256] == 0 || !build(t.lit[:], litBits, lit, lengthEntries[:]) || !build(t.dist[:], distBits, dist, distanceEntries[:]) {
		return false, ErrCorrupt
	}
	d.state = inDynamic
	return true, nil
}

// preOrder is the order in which the lengths of the code length code come (section 3.2.7).
var preOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
