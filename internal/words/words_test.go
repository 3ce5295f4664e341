package words_test

import (
	"testing"

	"github.com/seed-4a326f83/parley/internal/words"
)

// TestSpaced is about what cannot be seen from outside of a store: that a word
// is cut, and that nothing but letters, digits and spaces gets through.
func TestSpaced(t *testing.T) {
	for text, want := range map[string]string{
		"":                  "",
		" \t\n.":            "",
		"Hello, world":      " HELLO WORLD",
		`a"b*c(d)`:          " A B C D",
		"Café":              " CAFE",
		"東京Tower":           " 東 京 TOWER",
		"コーヒー":              " コ ー ヒ ー",
		"❤️":                " ❤",
		"\u0301x\u200d":     " X",
		"x\xffy":            " X Y",
		"x\x00y":            " X Y",
		"हिन्दी":            " हिन्दी",
		"½":                 " 1 2",
		string(fill(100)):   " " + string(fill(words.MaxWord)),
		string(fill(64)):    " " + string(fill(64)),
		"x" + "\u0e49ก":     " X \u0e49 ก",
		"e\u0301\u0301cole": " ECOLE",
	} {
		if got := words.Spaced(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// fill returns n letters.
func fill(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'A' + byte(i%26)
	}
	return b
}
