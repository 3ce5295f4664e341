package main

import (
	"fmt"
	"math/rand/v2"
	"unicode/utf8"
)

// scripts has text of many kinds, as people mix them in a chat.
const scripts = "Good morning, everybody! Καλημέρα σε όλους. Доброе утро всем, как дела? Guten Morgen, schön, größer. " +
	"בוקר טוב לכולם. صباح الخير جميعا، كيف حالكم؟ सभी को सुप्रभात। 大家早上好,今天天气怎么样? みなさん、おはようございます。" +
	"여러분 좋은 아침이에요. สวัสดีตอนเช้าทุกคน Chào buổi sáng, mọi người. Բարի լույս բոլորին։ დილა მშვიდობისა 👋🏽🎉🚀 — “ok”…\n"

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
