package conformance

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// deflate is permessage-deflate (RFC 7692) as the tests do it, for both directions of a connection.
type deflate struct {
	in  direction // what the subject sends
	out direction // what the peer sends

	writer     *flate.Writer // for out, when the window is as large as can be
	compressed bytes.Buffer
}

// A direction is what has been agreed on for one, and what it remembers.
type direction struct {
	window   int // bytes
	takeover bool
	history  []byte
}

// remember notes what has been sent.
func (d *direction) remember(p []byte) {
	if !d.takeover {
		return
	}
	d.history = append(d.history, p...)
	if over := len(d.history) - d.window; over > 0 {
		d.history = append([]byte(nil), d.history[over:]...)
	}
}

// newDeflate reads a server's answer, for a peer that is the client or the server.
func newDeflate(answer string, client bool) (*deflate, error) {
	theServer, theClient := direction{1 << 15, true, nil}, direction{1 << 15, true, nil}
	for i, param := range strings.Split(answer, ";") {
		name, value, hasValue := strings.Cut(strings.TrimSpace(param), "=")
		window := 0
		if hasValue {
			n, err := strconv.Atoi(strings.Trim(value, `"`))
			if err != nil || n < 8 || n > 15 {
				return nil, fmt.Errorf("the answer %q has a window that cannot be", answer)
			}
			window = 1 << n
		}
		switch {
		case i == 0 && name == "permessage-deflate":
		case name == "server_no_context_takeover" && !hasValue:
			theServer.takeover = false
		case name == "client_no_context_takeover" && !hasValue:
			theClient.takeover = false
		case name == "server_max_window_bits" && hasValue:
			theServer.window = window
		case name == "client_max_window_bits" && hasValue:
			theClient.window = window
		default:
			return nil, fmt.Errorf("the answer %q is not one of permessage-deflate", answer)
		}
	}
	if client {
		return &deflate{in: theServer, out: theClient}, nil
	}
	return &deflate{in: theClient, out: theServer}, nil
}

// tail is what RFC 7692 leaves out at the end of messages.
const tail = "\x00\x00\xFF\xFF"

// inflate decodes a message of the subject's, which must keep to its window.
func (d *deflate) inflate(p []byte) ([]byte, error) {
	if len(p) == 0 {
		return nil, fmt.Errorf("a compressed message came that has no bytes (RFC 7692 section 7.2.3.6)")
	}
	out, _, err := inflate(append(p[:len(p):len(p)], tail...), d.in.history, d.in.window)
	if err != nil {
		return nil, err
	}
	d.in.remember(out)
	return out, nil
}

// deflate encodes a message, so that one half of all parameters is kept to, and the other half relied on.
func (d *deflate) deflate(p []byte) []byte {
	if d.out.window < 1<<15 {
		b := compress(d.out.history, p, d.out.window)
		d.out.remember(p)
		return b
	}
	d.compressed.Reset()
	switch {
	case d.writer == nil:
		d.writer, _ = flate.NewWriter(&d.compressed, 3) // the level is right
	case !d.out.takeover:
		d.writer.Reset(&d.compressed)
	}
	d.writer.Write(p)
	d.writer.Flush()
	return append([]byte(nil), bytes.TrimSuffix(d.compressed.Bytes(), []byte(tail))...)
}

// compress encodes p in one block with the fixed codes, referring back by at most window bytes, and as far as it can.
func compress(history, p []byte, window int) []byte {
	e := encoder{}
	e.write(0b010, 3) // not final, fixed codes
	all := append(append([]byte(nil), history...), p...)
	var oldest [1 << 15]int // where three bytes stand that can still be referred to, plus 1, by their hash
	place := func(i int) *int {
		return &oldest[(int(all[i])<<10^int(all[i+1])<<5^int(all[i+2]))&(1<<15-1)]
	}
	for i := 0; i < len(history) && i+3 <= len(all); i++ {
		if at := place(i); *at == 0 || len(history)-*at+1 > window {
			*at = i + 1
		}
	}
	for i := len(history); i < len(all); {
		n := 0
		if i+3 <= len(all) {
			at := place(i)
			if from := *at - 1; from >= 0 && i-from <= window {
				for n < 258 && i+n < len(all) && all[from+n] == all[i+n] {
					n++
				}
				if n >= 3 {
					e.match(n, i-from)
				}
			} else {
				*at = i + 1
			}
		}
		if n < 3 {
			e.literal(all[i])
			n = 1
		}
		i += n
	}
	e.end()
	return e.flush()
}

// An encoder writes blocks with the fixed codes of RFC 1951 section 3.2.6.
type encoder struct {
	b     []byte
	hold  uint32
	nbits uint
}

func (e *encoder) write(v uint32, n uint) {
	e.hold |= v << e.nbits
	for e.nbits += n; e.nbits >= 8; e.nbits -= 8 {
		e.b = append(e.b, byte(e.hold))
		e.hold >>= 8
	}
}

// code writes a Huffman code, whose first bit is the most significant.
func (e *encoder) code(v uint32, n uint) { e.write(bits.Reverse32(v)>>(32-n), n) }

func (e *encoder) symbol(s int) {
	switch {
	case s < 144:
		e.code(uint32(0x30+s), 8)
	case s < 256:
		e.code(uint32(0x190+s-144), 9)
	case s < 280:
		e.code(uint32(s-256), 7)
	default:
		e.code(uint32(0xC0+s-280), 8)
	}
}

func (e *encoder) literal(b byte) { e.symbol(int(b)) }

// match repeats n bytes, 3 to 258, from distance bytes back.
func (e *encoder) match(n, distance int) {
	i, b := baseOf(lengthBases, n)
	e.symbol(257 + i)
	e.write(uint32(n-b.value), b.extra)
	i, b = baseOf(distanceBases, distance)
	e.code(uint32(i), 5)
	e.write(uint32(distance-b.value), b.extra)
}

func baseOf(bases []base, value int) (int, base) {
	i := len(bases) - 1
	for bases[i].value > value {
		i--
	}
	return i, bases[i]
}

// end ends a block.
func (e *encoder) end() { e.symbol(256) }

// flush adds the empty stored block, without its last four bytes.
func (e *encoder) flush() []byte {
	e.write(0, 3)
	if e.nbits > 0 {
		e.write(0, 8-e.nbits)
	}
	return e.b
}
