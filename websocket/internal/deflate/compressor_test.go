package deflate

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// stdlibInflate decompresses a message with the standard library.
func stdlibInflate(t testing.TB, msg, dict []byte) []byte {
	t.Helper()
	in := io.MultiReader(bytes.NewReader(msg), bytes.NewReader(tail[:]), bytes.NewReader([]byte{1, 0, 0, 0xff, 0xff}))
	out, err := io.ReadAll(flate.NewReaderDict(in, dict))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCompressForOthers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for bits := MinWindowBits; bits <= MaxWindowBits; bits++ {
		for _, takeover := range []bool{true, false} {
			for _, size := range []int{30, 3000, 1 << 20} {
				c := NewCompressor(bits, takeover)
				d := NewDecompressor(bits, takeover)
				var history []byte
				for i, p := range corpus(rng) {
					if size < 1000 {
						p = p[:min(len(p), 3000)]
					} else if bits != 8 && bits != 15 {
						p = p[:min(len(p), 20000)]
					}
					var msg []byte
					for rest, end := p, false; !end; {
						k := min(len(rest), rng.IntN(size+1))
						end = k == len(rest)
						msg = c.Append(msg, rest[:k], end)
						rest = rest[k:]
					}
					if got := stdlibInflate(t, msg, history); !bytes.Equal(got, p) {
						t.Fatalf("%d bits, takeover %v, message %d of %d bytes in pieces of %d: %d bytes", bits, takeover, i, len(p), size, len(got))
					}
					// Ours also checks the window.
					if got, err := inflate(t, &d, rng, msg, 10000, 10000); err != nil || !bytes.Equal(got, p) {
						t.Fatalf("%d bits, takeover %v, message %d of %d bytes in pieces of %d: %d bytes, %v", bits, takeover, i, len(p), size, len(got), err)
					}
					if takeover {
						history = append(history, p...)
						history = history[max(0, len(history)-1<<bits):]
					}
				}
			}
		}
	}
}

func TestEmptyMessages(t *testing.T) {
	for _, takeover := range []bool{true, false} {
		c := NewCompressor(15, takeover)
		for range 3 {
			if got := c.Append([]byte("x"), nil, true); string(got) != "x\x00" { // RFC 7692 section 7.2.3.6
				t.Fatalf("%x", got)
			}
			if got := c.Append([]byte("x"), nil, false); string(got) != "x" {
				t.Fatalf("an empty piece: %x", got)
			}
		}
		if out, ok := c.AppendMessage([]byte("x"), nil); ok || string(out) != "x" {
			t.Fatalf("%x, %v", out, ok)
		}
	}
}

func TestPiecesCanBeReadAsTheyCome(t *testing.T) {
	c, d := NewCompressor(15, true), NewDecompressor(15, true)
	dst := make([]byte, 4000)
	for i := range 100 {
		p := []byte(strings.Repeat("piece ", i*i/20))
		n, _, through, err := d.Decompress(dst, c.Append(nil, p, i%10 == 9), i%10 == 9)
		if err != nil || !through || !bytes.Equal(dst[:n], p) {
			t.Fatalf("piece %d: %q, %v, %v", i, dst[:n], through, err)
		}
	}
}

func TestMessagesThatDoNotGetShorter(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, takeover := range []bool{true, false} {
		c, d := NewCompressor(15, takeover), NewDecompressor(15, takeover)
		sent := 0
		for _, p := range corpus(rng) {
			msg, ok := c.AppendMessage(nil, p)
			if ok != (len(msg) > 0) || len(msg) > len(p)+storedOverhead || (len(msg) >= len(p) && !takeover && ok) {
				t.Fatalf("%d bytes became %d, %v", len(p), len(msg), ok)
			}
			if !ok {
				continue
			}
			sent++
			if got, err := inflate(t, &d, rng, msg, 1000, 1000); err != nil || !bytes.Equal(got, p) {
				t.Fatalf("message of %d bytes: %d bytes, %v", len(p), len(got), err)
			}
		}
		want := 5 // the five long ones that repeat themselves
		if takeover {
			want = 10 // all but the empty ones and 70,000 random bytes
		}
		if sent != want {
			t.Errorf("takeover %v: %d messages sent, want %d", takeover, sent, want)
		}
	}
}

func TestMessagesCompressedElsewhere(t *testing.T) {
	for _, bits := range []int{8, 12, 15} {
		everyone := NewCompressor(bits, false)
		c, d := NewCompressor(bits, true), NewDecompressor(bits, true)
		rng := rand.New(rand.NewPCG(1, 2))
		for i, p := range corpus(rng) {
			var msg []byte
			if i%2 == 0 {
				msg = everyone.Append(nil, p, true)
				c.Sent(p)
			} else {
				msg = c.Append(nil, p, true)
			}
			if got, err := inflate(t, &d, rng, msg, 1000, 1000); err != nil || !bytes.Equal(got, p) {
				t.Fatalf("%d bits, message %d of %d bytes: %d bytes, %v", bits, i, len(p), len(got), err)
			}
		}
	}
}

func TestShortMessagesReferToTheOnesBefore(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	c, alone := NewCompressor(15, true), NewCompressor(15, false)
	for range 20 {
		c.Append(nil, chat(rng, 120), true)
	}
	p := chat(rng, 120)
	if with, without := len(c.Append(nil, p, true)), len(alone.Append(nil, p, true)); with > len(p)/2 || with > without/2 {
		t.Errorf("%d bytes became %d, without takeover %d", len(p), with, without)
	}
}

func TestCodesOfLengthsAndDistances(t *testing.T) {
	f := fixed()
	for length := 3; length <= 258; length++ {
		c := lengthCodes[length-3]
		e := f.lit[c.bits&(1<<litBits-1)]
		if got := e.value() + int(c.bits&(1<<e.total()-1)>>e.code()); got != length || e.total() != c.n || e&(literal|endOfBlock) != 0 {
			t.Errorf("length %d is read as %d, of %d bits", length, got, e.total())
		}
	}
	for distance := 1; distance <= 32768; distance++ {
		c := distanceCode(distance)
		e := f.dist[c.bits&(1<<distBits-1)]
		if got := e.value() + int(c.bits&(1<<e.total()-1)>>e.code()); got != distance || e.total() != c.n {
			t.Errorf("distance %d is read as %d, of %d bits", distance, got, e.total())
		}
	}
}

func TestTheTableOfAShortEncoderWrapsAround(t *testing.T) {
	s := &shortEncoder{base: 1<<31 - 100}
	p := bytes.Repeat([]byte("wrap "), 20)
	for range 10 {
		if got := stdlibInflate(t, s.append(nil, p, &history{}, 256), nil); !bytes.Equal(got, p) {
			t.Fatalf("%q", got)
		}
	}
	if s.base > 1<<31 {
		t.Errorf("base %d", s.base)
	}
}

func TestShortPiecesGrowLittle(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range maxShort + 1 {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(128 + rng.IntN(128))
		}
		c, d := NewCompressor(15, false), NewDecompressor(15, false)
		msg := c.Append([]byte("x"), p, true)[1:]
		if got, err := inflate(t, &d, rng, msg, 100, 100); err != nil || !bytes.Equal(got, p) || len(msg) > n+storedOverhead {
			t.Fatalf("%d bytes: %d sent, %d received, %v", n, len(msg), len(got), err)
		}
	}
}

// The longest pieces for the short encoder, at the edges of matches too long for one code.
func TestLongMatchesInShortPieces(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range maxShort + 10 {
		c, d := NewCompressor(15, true), NewDecompressor(15, true)
		p := bytes.Repeat([]byte{'r'}, n)
		for range 2 {
			if got, err := inflate(t, &d, rng, c.Append(nil, p, true), 1000, 1000); err != nil || !bytes.Equal(got, p) {
				t.Fatalf("%d bytes: %d bytes, %v", n, len(got), err)
			}
		}
	}
}
