package utf8

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	std "unicode/utf8"
)

// naive returns what Check and Complete should, by asking the standard library about every prefix.
func naive(p []byte) (bad int, complete bool) {
	for i := 0; i < len(p); {
		if r, size := std.DecodeRune(p[i:]); r != std.RuneError || size > 1 {
			i += size
			continue
		}
		// FullRune says true of a prefix as soon as nothing could make it right.
		for k := 1; i+k <= len(p); k++ {
			if std.FullRune(p[i : i+k]) {
				return i + k - 1, false
			}
		}
		return -1, false
	}
	return -1, true
}

var samples = []string{
	"", "a", "Hello, 世界, κόσμε, 𝄞, é", strings.Repeat("ascii only, and long enough for words ", 4),
	strings.Repeat("x", 15) + "é", strings.Repeat("x", 16) + "é", strings.Repeat("x", 31) + "\xff",
	"\x7f\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff",
	"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x7f", "\xe0\x9f\xbf", "\xe0\xa0", "\xe1\x80\xc0",
	"\xed\xa0\x80", "\xed\x9f\xbf", "\xef\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf1\x80\x80\x80", "\xf4\x8f\xbf\xbf",
	"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "ok\xfeok", "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
}

// check holds one input, in two pieces cut at every byte, against the naive version.
func check(t *testing.T, p []byte) {
	t.Helper()
	wantBad, wantComplete := naive(p)
	for cut := 0; cut <= len(p); cut++ {
		var v Validator
		bad := v.Check(p[:cut])
		if bad < 0 {
			if bad = v.Check(p[cut:]); bad >= 0 {
				bad += cut
			}
		}
		if bad != wantBad {
			t.Fatalf("%q cut at %d: bad byte %d, want %d", p, cut, bad, wantBad)
		}
		if bad < 0 && v.Complete() != wantComplete {
			t.Fatalf("%q cut at %d: complete %v, want %v", p, cut, v.Complete(), wantComplete)
		}
	}
}

func TestCheckFindsTheFirstBadByteHoweverCut(t *testing.T) {
	for _, s := range samples {
		check(t, []byte(s))
	}
}

func TestCheckAllSequencesOfTwoBytesAndTheEdgesOfLongerOnes(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			check(t, []byte{byte(a), byte(b)})
		}
	}
	edges := []byte{0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF}
	for a := 0xC0; a < 256; a++ {
		for _, b := range edges {
			for _, c := range edges {
				for _, d := range edges {
					check(t, []byte{byte(a), b, c, d})
				}
			}
		}
	}
}

// TestCheckInLongInputs puts what is short elsewhere into the midst of much, at every place a block could have for it.
func TestCheckInLongInputs(t *testing.T) {
	fill := strings.Repeat("aä世𝄞", 60)
	for _, s := range samples {
		if len(s) > 8 {
			continue
		}
		for _, around := range []string{strings.Repeat("a", 200), fill, "x" + fill, "xy" + fill, "xyz" + fill} {
			for at := range 70 {
				for !std.RuneStart(around[at]) {
					at++
				}
				p := []byte(around[:at] + s + around[at:])
				wantBad, wantComplete := naive(p)
				var v Validator
				if bad := v.Check(p); bad != wantBad || bad < 0 && v.Complete() != wantComplete {
					t.Fatalf("%q at %d: bad byte %d, want %d; complete %v", s, at, bad, wantBad, v.Complete())
				}
			}
		}
	}
}

// TestBlocksAndBytesAgree holds what looks at blocks against what looks at bytes, on random bytes that are nearly right.
func TestBlocksAndBytesAgree(t *testing.T) {
	had := hasBlocks
	defer func() { hasBlocks = had }()
	runes := []rune("aZ ~\x7f\u0080éß\u07ff\u0800世界\ud7ff\ue000\uffff😀\U00010000\U0010ffff")
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var p []byte
		for n := rng.IntN(400); len(p) < n; {
			p = std.AppendRune(p, runes[rng.IntN(len(runes))])
		}
		for range rng.IntN(3) {
			if len(p) > 0 {
				p[rng.IntN(len(p))] = byte(rng.Uint32())
			}
		}
		p = p[:rng.IntN(len(p)+1)]
		var wide, narrow Validator
		hasBlocks = had
		bad := wide.Check(p)
		hasBlocks = false
		want := narrow.Check(p)
		if bad != want || bad < 0 && (wide.need != narrow.need || wide.need > 0 && wide != narrow) {
			t.Fatalf("%q: %d by blocks, %d by bytes; %v, %v", p, bad, want, wide, narrow)
		}
	}
}

// TestCheckEveryLengthAnywhere checks every length at every place a block can have in memory, right, and wrong in its last byte.
func TestCheckEveryLengthAnywhere(t *testing.T) {
	had := hasBlocks
	defer func() { hasBlocks = had }()
	text := []byte(strings.Repeat("ascii aä世𝄞", 40))
	for _, blocks := range []bool{false, had} {
		hasBlocks = blocks
		for from := range 32 {
			for n := range 301 {
				start := from
				for !std.RuneStart(text[start]) {
					start++
				}
				p := bytes.Clone(text[:start+n])[start:]
				var v Validator
				if bad := v.Check(p); bad != -1 || v.Complete() != std.Valid(p) {
					t.Fatalf("%d bytes at %d, blocks %v: bad byte %d, complete %v", n, start, blocks, bad, v.Complete())
				}
				if n == 0 {
					continue
				}
				p[n-1] = 0xFF
				v.Reset()
				if bad := v.Check(p); bad != n-1 {
					t.Fatalf("%d bytes at %d, blocks %v: bad byte %d, want the last", n, start, blocks, bad)
				}
			}
		}
	}
}

func TestResetForgetsHalfACharacter(t *testing.T) {
	var v Validator
	if v.Check([]byte("\xe2\x82")); v.Complete() {
		t.Fatal("complete in the middle of a character")
	}
	v.Reset()
	if bad := v.Check([]byte("a")); bad >= 0 || !v.Complete() {
		t.Fatalf("after Reset: bad byte %d, complete %v", bad, v.Complete())
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) > 200 {
			p = p[:200]
		}
		check(t, p)
		check(t, append(bytes.Repeat([]byte("aä世"), 8), p...))
	})
}

// BenchmarkCheck checks text with assembly where there is any, and without it.
func BenchmarkCheck(b *testing.B) {
	had := hasBlocks
	defer func() { hasBlocks = had }()
	texts := map[string]string{"ascii": "The quick brown fox. ", "mixed": "Größe, κόσμε, 世界, 𝄞 and so on. ", "three": "世界你好"}
	for _, name := range []string{"ascii", "mixed", "three"} {
		for _, size := range []int{125, 4 << 10, 64 << 10, 1 << 20} {
			p := bytes.Repeat([]byte(texts[name]), size/len(texts[name])+1)
			p = p[:size]
			for _, how := range []string{"blocks", "bytes"} {
				b.Run(fmt.Sprintf("%s/%s/%d", name, how, size), func(b *testing.B) {
					hasBlocks = had && how == "blocks"
					b.SetBytes(int64(size))
					for b.Loop() {
						var v Validator
						v.Check(p)
					}
				})
			}
		}
	}
}
