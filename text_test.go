package parley_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/seed-4a326f83/parley"
)

func TestMentionsAreNamesThatEndWhereAWordDoes(t *testing.T) {
	for _, test := range []struct {
		text string
		want string // candidates joined by |, mentions by ;
	}{
		{"", ""},
		{"no one", ""},
		{"@", ""},
		{"@ ann", ""},
		{"@ann", "ann"},
		{"hi @Ann!", "ann!|ann"},
		{"@ann 2 is here", "ann 2 is here|ann 2 is|ann 2|ann"},
		{"ann@example.org", ""},
		{"(@ann)", "ann)|ann"},
		{"@ann @ben", "ann @ben|ann @|ann;ben"},
		{"@ann\nben", "ann"},
		{"@@ann", "@ann|@;ann"},
		{"@田中さん", "田中さん|田中さ|田中|田"},
		{"@jos\u00e9s", "jos\u00e9s"},
	} {
		var got []string
		for names := range parley.Mentions(test.text) {
			got = append(got, strings.Join(names, "|"))
		}
		want := strings.ToUpper(test.want) // whose key is the least of its cases
		if got := strings.Join(got, ";"); got != want {
			t.Errorf("%q: %q, want %q", test.text, got, want)
		}
	}
}

func TestMentionsAreBounded(t *testing.T) {
	n := 0
	for names := range parley.Mentions(strings.Repeat("@a ", 5000)) {
		n++
		if len(names) > parley.MaxUserName {
			t.Fatalf("%d names for one @", len(names))
		}
	}
	if n != parley.MaxMentions {
		t.Errorf("%d mentions, want %d", n, parley.MaxMentions)
	}
	long := "@" + strings.Repeat("x", parley.MaxUserName)
	if got := slices.Collect(parley.Mentions(long)); len(got) != 1 || len(got[0]) != 1 {
		t.Errorf("the longest name: %q", got)
	}
	if got := slices.Collect(parley.Mentions(long + "x")); len(got) != 0 {
		t.Errorf("one that is too long: %q", got)
	}
}

func TestEmojiOf(t *testing.T) {
	for _, test := range []struct {
		body, emoji string
		remove      bool
	}{
		{`{"emoji":"👍"}`, "👍", false},
		{`{"emoji":"👍","remove":true}`, "👍", true},
		{`{"emoji":"👍","remove":null}`, "👍", false},
		{`{"EMOJI":"👍"}`, "", false},
		{`{"emoji":7}`, "", false},
		{`{"emoji":"👍","remove":1}`, "", false},
		{`"👍"`, "", false},
		{`null`, "", false},
	} {
		if emoji, remove := parley.EmojiOf(json.RawMessage(test.body)); emoji != test.emoji || remove != test.remove {
			t.Errorf("%s: %q %v", test.body, emoji, remove)
		}
	}
}
