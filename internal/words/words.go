// Package words says what the words of a text or a name are to those who look
// for them, so that all stores find the same.
package words

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/seed-4a326f83/parley"
)

// MaxWord is how many characters of a word are looked at: the rest of a key or a
// picture that somebody pasted is not worth its place in the index.
const MaxWord = 64

// Spaced returns the words of a text, each behind a space, as they go into the
// index and into what is looked for there. A character of a script that puts no
// space between words is a word of its own, since one may begin with any; so is
// an emoji.
func Spaced(text string) string {
	var b strings.Builder
	b.Grow(len(text) + 8)
	length := 0 // of the word so far
	for _, r := range Plain(text) {
		switch {
		case alone(r):
			b.WriteByte(' ')
			b.WriteRune(r)
			length = 0
		case inWord(r) && (length > 0 || !unicode.IsMark(r)):
			if length++; length == 1 {
				b.WriteByte(' ')
			}
			if length <= MaxWord {
				b.WriteRune(r)
			}
		default:
			length = 0
		}
	}
	return b.String()
}

// inWord reports whether a rune is a part of words.
func inWord(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z'
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
}

// alone reports whether a rune is a word by itself.
func alone(r rune) bool {
	return r >= 0xa6 && (unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) ||
		r == 'ー' || unicode.Is(unicode.So, r) && r != utf8.RuneError)
}

// Begins reports whether other words that begin with this one are meant too. One
// or two letters of an alphabet are the beginning of too many: to gather them
// takes long, and what is found is not what is looked for.
func Begins(word string) bool {
	r, size := utf8.DecodeRuneInString(word)
	if alone(r) {
		return false // there are none
	}
	return r >= firstSyllabic || utf8.RuneCountInString(word[size:]) >= 2
}

// firstSyllabic is where Unicode's scripts of syllables begin, after those of
// letters.
const firstSyllabic = 0x900

// Plain returns a text as it is looked for and found: without regard to case,
// accents, and forms of the same letter.
func Plain(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s) // as NameKey does
	}
	bare := strings.Map(func(r rune) rune {
		if accent(r) {
			return -1
		}
		return r
	}, norm.NFKD.String(s))
	return parley.NameKey(norm.NFC.String(bare))
}

// accent reports whether a rune is a mark on the letter before it that one may
// leave out. Those of other scripts are vowels and sounds.
func accent(r rune) bool { return r >= 0x300 && r < 0x370 }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
