package sqlite

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
)

func TestSearchAfterACommitThatFailed(t *testing.T) {
	w := newWorld(t)
	say := func(id, text string) error {
		body, _ := json.Marshal(map[string]string{"text": text})
		_, err := w.Append(w.Context(), []parley.Draft{
			{Room: parley.Lobby, User: w.ann, ID: id, Kind: parley.KindText, Body: body, Time: time.UnixMilli(1e12).UTC()},
		})
		return err
	}
	if err := say("a", "first fruit: apple"); err != nil {
		t.Fatal(err)
	}
	w.breaks(failing("COMMIT", errDisk), nil)
	for range 2 {
		w.unavailable("Append", say("b", "lost fruit: banana"), errDisk)
	}
	w.breaks(nil, nil)
	if err := say("c", "second fruit: cherry"); err != nil {
		t.Fatal(err)
	}
	for word, want := range map[string]string{"fruit": "lobby 2, lobby 1", "banana": "", "cherry": "lobby 2"} {
		if got := w.found(w.ann.ID, word); got != want {
			t.Errorf("found of %s: %q, want %q", word, got, want)
		}
	}
}

// TestWordsAreSpelledForTheIndex is about what cannot be seen from outside: that
// a word is cut, and that nothing but letters, digits and spaces gets through.
func TestWordsAreSpelledForTheIndex(t *testing.T) {
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
		string(fill(100)):   " " + string(fill(maxWord)),
		string(fill(64)):    " " + string(fill(64)),
		"x" + "\u0e49ก":     " X \u0e49 ก",
		"e\u0301\u0301cole": " ECOLE",
	} {
		if got := spaced(text); got != want {
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
