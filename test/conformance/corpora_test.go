package conformance

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf8"
)

// corpora are of the kinds that the suite sends in its groups 12 and 13, made of a seed: the same bytes in every run.
var corpora = []struct {
	name string
	op   byte
	make func(size int) []byte
}{
	{"JSON", opText, jsonText},
	{"a bitmap", opBinary, bitmap},
	{"German prose", opBinary, prose},
	{"HTML", opText, html},
	{"what is compressed already", opBinary, noise},
}

func seeded(n uint64) *rand.Rand { return rand.New(rand.NewPCG(n, 1)) }

var words = strings.Fields("der die das und ein mit über für größer Straße Mädchen Übel schön lang ruft Geist Himmel Erde " +
	"wanken naht Gestalten früh Blick versuch wohl halten fühlen Herz Wahn geneigt drängt walten Dunst Nebel Zauber")

func build(size int, add func(b *strings.Builder)) []byte {
	var b strings.Builder
	for b.Len() < size {
		add(&b)
	}
	return []byte(b.String())
}

func jsonText(size int) []byte {
	r := seeded(1)
	return build(size, func(b *strings.Builder) {
		fmt.Fprintf(b, `{"id":%d,"user":{"name":"%s %s","city":"Köln 北京"},"score":%.3f,"tags":["%s","%s"],"ok":%v},`+"\n",
			r.IntN(1e6), word(r), word(r), r.Float64(), word(r), word(r), r.IntN(2) == 0)
	})
}

func word(r *rand.Rand) string { return words[r.IntN(len(words))] }

func bitmap(size int) []byte {
	r := seeded(2)
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i%512/4 + i/4096)
		if r.IntN(8) == 0 {
			b[i] += byte(r.IntN(4))
		}
	}
	return b
}

func prose(size int) []byte {
	r := seeded(3)
	return build(size, func(b *strings.Builder) {
		for range 4 + r.IntN(8) {
			b.WriteString(word(r) + " ")
		}
		b.WriteString(word(r) + ".\n")
	})
}

func html(size int) []byte {
	r := seeded(4)
	return build(size, func(b *strings.Builder) {
		fmt.Fprintf(b, `<tr class="row"><td id="c%d"><a href="/%s/%d">%s – “%s”</a></td></tr>`+"\n", r.IntN(1e4), word(r), r.IntN(100), word(r), word(r))
	})
}

func noise(size int) []byte {
	r := seeded(5)
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// A cutter cuts messages from a corpus, one behind the other and round and round.
type cutter struct {
	corpus []byte
	text   bool
	at     int
}

// next returns a message of size bytes, or a little less where a character would be cut in two.
func (c *cutter) next(size int) []byte {
	if c.at+size > len(c.corpus) {
		c.at = 0
	}
	p := c.corpus[c.at : c.at+size]
	if c.text {
		for !utf8.RuneStart(p[0]) {
			p = p[1:]
		}
		for !utf8.Valid(p) {
			p = p[:len(p)-1]
		}
	}
	c.at += size
	return p
}
