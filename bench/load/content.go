package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode/utf8"
)

// scripts has text of many kinds, as people mix them in a chat.
const scripts = "Good morning, everybody! Καλημέρα σε όλους. Доброе утро всем, как дела? Guten Morgen, schön, größer. " +
	"בוקר טוב לכולם. صباح الخير جميعا، كيف حالكم؟ सभी को सुप्रभात। 大家早上好,今天天气怎么样? みなさん、おはようございます。" +
	"여러분 좋은 아침이에요. สวัสดีตอนเช้าทุกคน Chào buổi sáng, mọi người. Բարի լույս բոլորին։ დილა მშვიდობისა 👋🏽🎉🚀 — “ok”…\n"

const eventEnd = `"}]`

// setNumber makes b, which content returned, another message of the same length.
func setNumber(kind string, b []byte, n int) {
	if _, isEvent := strings.CutSuffix(kind, "-event"); isEvent {
		place := bytes.Index(b, []byte(`"id":`)) + len(`"id":`)
		copy(b[place:place+8], strconv.Itoa(10_000_000+n))
		return
	}
	binary.BigEndian.PutUint64(b, uint64(n))
}

// content returns a message of n bytes.
func content(kind string, n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 0, n+len(scripts))
	switch kind {
	case "binary":
		for len(b) < n {
			b = append(b, byte(r.Uint32()))
		}
	case "ascii":
		const words = "the quick brown fox jumps over a lazy dog; 0123456789 times, she said: \"why not?\" \n"
		for len(b) < n {
			from := r.IntN(len(words) - 8)
			b = append(b, words[from:from+8]...)
		}
	case "scripts":
		for len(b) < n {
			b = append(b, scripts...)
		}
	case "echo-event", "broadcast-event":
		name, _, _ := strings.Cut(kind, "-")
		b = fmt.Appendf(b, `42[%q,{"id":10000000,"room":"general","user":"Ann","at":1790000000000,"text":"`, name)
		for len(b) < n-len(eventEnd) {
			b = append(b, 'a'+byte(r.IntN(26)))
		}
		return append(b, eventEnd...) // be it longer
	case "json":
		b = append(b, '[')
		for len(b) < n {
			b = fmt.Appendf(b, `{"id":%d,"room":"room-%d","user":"%c%x","text":"message number %d","at":%d},`,
				r.Uint32(), r.IntN(10), 'a'+r.IntN(26), r.Uint32(), r.IntN(1000), 1_790_000_000_000+r.Int64N(1e9))
		}
	}
	// Not within a character: what is missing then is filled up.
	end := n
	for end > 0 && kind == "scripts" && !utf8.RuneStart(b[end]) {
		end--
	}
	for b = b[:end]; len(b) < n; {
		b = append(b, '.')
	}
	return b
}
