package parley

import (
	"bytes"
	"encoding/json"
	"iter"
	"unicode"
	"unicode/utf8"
)

// TextOf returns the text of the body of a text or an edit, {"text":"..."}, or
// "" where it has none.
func TextOf(body json.RawMessage) (text string) {
	if inner, ok := bytes.CutPrefix(body, []byte(`{"text":"`)); ok {
		// Most have nothing else, and nothing escaped.
		if inner, ok = bytes.CutSuffix(inner, []byte(`"}`)); ok && bytes.IndexByte(inner, '"') < 0 && bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
			return string(inner)
		}
	}
	// A struct would not do: encoding/json takes "TEXT" for "text".
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || json.Unmarshal(fields["text"], &text) != nil {
		return ""
	}
	return text
}

// EmojiOf returns what the body of a reaction says, {"emoji":"...","remove":true},
// where remove takes the emoji away again. It is "" where the body is not one.
func EmojiOf(body json.RawMessage) (emoji string, remove bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || json.Unmarshal(fields["emoji"], &emoji) != nil ||
		fields["remove"] != nil && json.Unmarshal(fields["remove"], &remove) != nil {
		return "", false
	}
	return emoji, remove
}

// Mentions returns, for each @ of a text that may name somebody, the names that
// it may be, by their [NameKey], the longest first: names have spaces in them, so
// only who knows all of them can tell which one is meant. Of a text with many it
// returns the first [MaxMentions].
func Mentions(text string) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		before := ' '
		found := 0
		for i, r := range text {
			if r == '@' && !wordRune(before) {
				if names := namesAt(text[i+1:]); len(names) > 0 {
					if found++; found > MaxMentions || !yield(names) {
						return
					}
				}
			}
			before = r
		}
	}
}

// namesAt returns the beginnings of text that end where a word does.
func namesAt(text string) (keys []string) {
	var runes []rune
	for _, r := range text {
		if r == '\n' || len(runes) > MaxUserName || len(runes) == 0 && unicode.IsSpace(r) {
			break
		}
		runes = append(runes, r)
	}
	for n := min(len(runes), MaxUserName); n > 0; n-- {
		last := runes[n-1]
		inWord := n < len(runes) && wordRune(last) && wordRune(runes[n])
		if !inWord && !unicode.IsSpace(last) {
			keys = append(keys, NameKey(string(runes[:n])))
		}
	}
	return keys
}

// wordRune reports whether a word may go on from r to another such rune. In
// scripts that put no space between words, any two may be parted.
func wordRune(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)) &&
		!unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai)
}
