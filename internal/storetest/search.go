package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-4a326f83/parley"
)

// search is Search, which must not fail.
func (f *fixture) search(s parley.Search) parley.Hits {
	f.Helper()
	hits, err := f.Search(f.Context(), s)
	if err != nil {
		f.Fatalf("Search(%+v): %v", s, err)
	}
	return hits
}

// found spells where the hits of the words are: "tea 3, zoo 1".
func (f *fixture) found(reader parley.User, words ...string) string {
	f.Helper()
	return places(f.search(parley.Search{Reader: reader.ID, Words: words, Limit: 50}))
}

func places(hits parley.Hits) string {
	return names(hits.Messages, func(m parley.Message) string { return fmt.Sprint(m.Room, " ", m.Seq) })
}

// lines says lines in the tea room.
func (f *fixture) lines(u parley.User, lines ...string) {
	f.Helper()
	var drafts []parley.Draft
	for _, line := range lines {
		drafts = append(drafts, body(text("tea", u, string(parley.NewSessionToken())), line))
	}
	f.say(drafts...)
}

var searchTests = []contract{
	{"Search finds texts that have all words, the newest first", func(f *fixture) {
		ann := f.member("ann", "tea", "zoo")
		f.lines(ann, "the quick brown fox", "a lazy dog", "The dog and the FOX")
		f.say(body(text("zoo", ann, "z"), "no fox in a zoo"))
		f.lines(ann, "nothing")
		for words, found := range map[string]string{
			"fox": "zoo 1, tea 3, tea 1", "fox dog": "tea 3", "dog fox": "tea 3", "lazy": "tea 2", "cat": "", "fox cat": "", "the": "tea 3, tea 1",
		} {
			want(f, "found of "+words, f.found(ann, strings.Fields(words)...), found)
		}
	}},
	{"Search looks for a word as the beginning of one, and for short ones as they are", func(f *fixture) {
		ann := f.member("ann", "tea")
		f.lines(ann, "going to a party", "go!", "gopher", "we go", "привет всем", "회의가 있다")
		for word, found := range map[string]string{
			"gop": "tea 3", "goi": "tea 1", "oph": "", "go": "tea 4, tea 2", "g": "", "a": "tea 1", "part": "tea 1", "parties": "",
			"при": "tea 5", "회의": "tea 6", "회": "tea 6",
		} {
			want(f, "found of "+word, f.found(ann, word), found)
		}
	}},
	{"Search looks for several words in one as these in a row", func(f *fixture) {
		ann := f.member("ann", "tea")
		f.lines(ann, "see you at the station", "the station at noon", "at, the: STATIONS", "at station")
		for words, found := range map[string]string{
			"at the": "tea 3, tea 1", "at the stat": "tea 3, tea 1", "a the": "", "the station": "tea 3, tea 2, tea 1", "at-the-station": "tea 3, tea 1",
		} {
			want(f, "found of "+words, f.found(ann, words), found)
		}
		want(f, "two of them", f.found(ann, "the station", "at noon"), "tea 2")
	}},
	{"Search does not mind case, accents, forms and punctuation", func(f *fixture) {
		ann := f.member("ann", "tea")
		f.lines(ann, "Un café à Orléans", "ΣΊΣΥΦΟΣ", "ＦＵＬＬ ｗｉｄｔｈ", "cafe\u0301 again", "don't e-mail me@example.com", "Ἀθῆναι", "straße 9½", "ёлка")
		for word, found := range map[string]string{
			"cafe": "tea 4, tea 1", "CAFÉ": "tea 4, tea 1", "cafe\u0301": "tea 4, tea 1", "orleans": "tea 1", "σίσυφος": "tea 2",
			"full width": "tea 3", "don’t": "tea 5", "DON'T": "tea 5", "email": "", "e mail": "tea 5", "example.com": "tea 5", "me@example.com": "tea 5",
			"αθηναι": "tea 6", "straße": "tea 7", "елка": "tea 8", "ё": "",
		} {
			want(f, "found of "+word, f.found(ann, word), found)
		}
	}},
	{"Search finds any part in scripts that put no space between words", func(f *fixture) {
		ann := f.member("ann", "tea")
		f.lines(ann, "今日は東京都に住んでいます", "京都へ行くコーヒー", "我们明天在上海见面", "ยินดีต้อนรับทุกคน", "mixed東京text")
		for word, found := range map[string]string{
			"東京": "tea 5, tea 1", "京都": "tea 2, tea 1", "都へ": "tea 2", "住んで": "tea 1", "ｺｰﾋｰ": "tea 2", "ーヒ": "tea 2",
			"上海": "tea 3", "海上": "", "明天见": "", "ต้อนรับ": "tea 4", "รับทุก": "tea 4", "ตอนรับ": "", "text": "tea 5", "東京tex": "tea 5", "京tex": "tea 5", "京te": "",
		} {
			want(f, "found of "+word, f.found(ann, word), found)
		}
		want(f, "two words", f.found(ann, "東京", "住"), "tea 1")
	}},
	{"Search finds an emoji", func(f *fixture) {
		ann := f.member("ann", "tea")
		f.lines(ann, "done 🎉🎉", "I ❤️ it", "done")
		want(f, "a party", f.found(ann, "🎉"), "tea 1")
		want(f, "a heart", f.found(ann, "❤"), "tea 2")
		want(f, "done and a party", f.found(ann, "done", "🎉"), "tea 1")
	}},
	{"Search takes no word for syntax", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.member("ben", "zoo")
		f.lines(ann, `say "hello" AND goodbye`, "text NEAR r1", "not this")
		f.say(body(text("zoo", ben, "a"), "hello"))
		for _, test := range []struct{ word, found string }{
			{`"hello"`, "tea 1"}, {`hello" OR "not`, ""}, {"hello AND goodbye", "tea 1"}, {"hello OR goodbye", ""}, {"AND", "tea 1"}, {"NOT", "tea 3"}, {"hello*", "tea 1"},
			{"text:hello", ""}, {"NEAR(say hello)", ""}, {"r1", "tea 2"}, {"^say", "tea 1"}, {"say\x00hello", "tea 1"}, {`\`, ""}, {"';", ""}, {"{", ""}, {"-", ""}, {"\xff", ""},
		} {
			want(f, "found of "+test.word, f.found(ann, test.word), test.found)
		}
		want(f, "with nothing beside a word", f.found(ann, "hello", "...", ""), "tea 1")
		want(f, "nothing at all", f.found(ann, "...", ""), "")
	}},
	{"Search finds in the reader's rooms alone", func(f *fixture) {
		ann, ben, root := f.member("ann", "tea"), f.member("ben", parley.Lobby), f.admin("root")
		f.room("hidden", parley.Private, ann)
		direct := f.direct(ann, f.guest("cat")).ID
		f.say(text("tea", ann, "word"), text("hidden", ann, "word"), text(direct, ann, "word"))
		want(f, "to ann", len(f.search(parley.Search{Reader: ann.ID, Words: []string{"word"}, Limit: 10}).Messages), 3)
		for _, reader := range []parley.User{ben, root, {}, {ID: parley.NewUserID()}} {
			for _, s := range []parley.Search{{Words: []string{"word"}}, {}, {Room: "tea"}, {Room: "hidden"}, {Room: direct}, {Room: "nowhere"}, {From: ann.ID}} {
				s.Reader, s.Limit = reader.ID, 10
				want(f, "to others", places(f.search(s)), "")
			}
		}
		f.join("tea", ben)
		want(f, "to a new member", f.found(ben, "word"), "tea 1")
		f.wantCode("Leave", f.Leave(f.Context(), "tea", ben.ID), "")
		want(f, "to who has left", f.found(ben, "word"), "")
		f.archive("tea", ann, true)
		want(f, "in what is archived", strings.HasSuffix(f.found(ann, "word"), "tea 1"), true)
	}},
	{"Search finds for who is in many rooms", func(f *fixture) {
		var rooms []string
		for i := range 40 {
			rooms = append(rooms, fmt.Sprint("room-", i))
		}
		ann, ben := f.member("ann", rooms...), f.member("ben", rooms[:39]...)
		for _, room := range rooms {
			f.say(text(room, ann, "word"))
		}
		want(f, "to ann", len(f.search(parley.Search{Reader: ann.ID, Words: []string{"word"}, Limit: 50}).Messages), 40)
		want(f, "to ben", len(f.search(parley.Search{Reader: ben.ID, Words: []string{"word"}, Limit: 50}).Messages), 39)
		want(f, "everything to ben", len(f.search(parley.Search{Reader: ben.ID, Limit: 50}).Messages), 39)
	}},
	{"Search narrows by who, where and when", func(f *fixture) {
		ann, ben := f.member("ann", "tea", "zoo"), f.member("ben", "tea", "zoo")
		at := func(d parley.Draft, hour int) parley.Draft {
			d.Time = now.Add(time.Duration(hour) * time.Hour)
			return d
		}
		// The third has a clock that is behind: what counts is its own time.
		f.say(at(text("tea", ann, "word 1"), 0), at(text("zoo", ben, "word 1"), 10), at(text("tea", ben, "word 2"), 2), at(text("zoo", ann, "word 2"), 12), at(text("tea", ann, "else"), 13))
		hour := func(n int) time.Time { return now.Add(time.Duration(n) * time.Hour) }
		for _, test := range []struct {
			s     parley.Search
			found string
		}{
			{parley.Search{}, "tea 3, zoo 2, tea 2, zoo 1, tea 1"},
			{parley.Search{Words: []string{"word"}}, "zoo 2, tea 2, zoo 1, tea 1"},
			{parley.Search{From: ben.ID}, "tea 2, zoo 1"},
			{parley.Search{From: ben.ID, Room: "zoo"}, "zoo 1"},
			{parley.Search{Room: "zoo"}, "zoo 2, zoo 1"},
			{parley.Search{Room: "tea", Words: []string{"word"}}, "tea 2, tea 1"},
			{parley.Search{From: parley.NewUserID()}, ""},
			{parley.Search{Room: "nowhere"}, ""},
			{parley.Search{Before: hour(0)}, ""},
			{parley.Search{Before: hour(0).Add(1)}, "tea 1"},
			{parley.Search{Before: hour(2)}, "tea 1"},
			{parley.Search{Before: hour(3)}, "tea 2, tea 1"},
			{parley.Search{Before: hour(11), Words: []string{"word"}}, "tea 2, zoo 1, tea 1"},
			{parley.Search{After: hour(2)}, "tea 3, zoo 2, tea 2, zoo 1"},
			{parley.Search{After: hour(3)}, "tea 3, zoo 2, zoo 1"},
			{parley.Search{After: hour(12), Words: []string{"word"}}, "zoo 2"},
			{parley.Search{After: hour(13).Add(1)}, ""},
			{parley.Search{After: hour(2), Before: hour(11)}, "tea 2, zoo 1"},
			{parley.Search{After: hour(5), Before: hour(5)}, ""},
			{parley.Search{From: ben.ID, Room: "tea", After: hour(1), Before: hour(3), Words: []string{"word", "2"}}, "tea 2"},
		} {
			test.s.Reader, test.s.Limit = ann.ID, 10
			want(f, fmt.Sprintf("found of %+v", test.s), places(f.search(test.s)), test.found)
		}
	}},
	{"Search goes on where the hits before ended", func(f *fixture) {
		ann := f.member("ann", "tea")
		var drafts []parley.Draft
		for i := range 25 {
			drafts = append(drafts, text("tea", ann, fmt.Sprint([]string{"odd", "even"}[i%2], " ", i)))
		}
		f.say(drafts...)
		added := 0
		for _, s := range []parley.Search{{Words: []string{"odd"}}, {Words: []string{"odd"}, Limit: 13}, {}, {Limit: 25}, {Limit: 12}} {
			s.Reader = ann.ID
			var seqs []int64
			pages, total := 0, 25+added
			if len(s.Words) > 0 {
				total -= 12
			}
			for more := true; more; pages++ {
				if s.Limit == 0 {
					s.Limit = 4
				}
				hits := f.search(s)
				for _, m := range hits.Messages {
					seqs = append(seqs, m.Seq)
				}
				s.Cursor, more = hits.Cursor, hits.Cursor != 0
				if pages == 0 { // newer than the first page
					f.say(body(text("tea", ann, fmt.Sprint("more", added)), "odd"))
					added++
				}
			}
			want(f, "pages", pages, (total+s.Limit-1)/s.Limit)
			want(f, "hits", len(seqs), total)
			want(f, "descending", slices.IsSortedFunc(seqs, func(a, b int64) int { return int(b - a) }), true)
		}
	}},
	{"Search holds at most 200 texts, half a megabyte of them, and one at least", func(f *fixture) {
		ann := f.member("ann", "tea")
		f.fill("tea", ann, parley.HistoryMax+1)
		want(f, "texts", len(f.search(parley.Search{Reader: ann.ID, Limit: 1000}).Messages), parley.HistoryMax)
		want(f, "texts", len(f.search(parley.Search{Reader: ann.ID}).Messages), 1)
		for i := range 10 {
			f.say(body(text("tea", ann, fmt.Sprint("big", i)), strings.Repeat("big ", parley.MaxBody/4-10)))
		}
		hits := f.search(parley.Search{Reader: ann.ID, Words: []string{"big"}, Limit: 10})
		want(f, "texts", len(hits.Messages), 7)
		hits = f.search(parley.Search{Reader: ann.ID, Words: []string{"big"}, Limit: 10, Cursor: hits.Cursor})
		want(f, "the rest", len(hits.Messages), 3)
		want(f, "cursor", hits.Cursor, 0)
	}},
	{"Search returns the messages as they are", func(f *fixture) {
		ann := f.member("ann", "tea")
		d := text("tea", ann, "word")
		f.say(d)
		got := f.search(parley.Search{Reader: ann.ID, Words: []string{"word"}, Limit: 1}).Messages[0]
		got.Body, d.Body = nil, nil
		want(f, "message", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", parley.Message{Room: "tea", Seq: 1, ID: d.ID, From: ann, Time: d.Time, Kind: d.Kind}))
	}},
	{"Search finds an edited text by its newest form, where it was", func(f *fixture) {
		ann := f.member("ann", "tea")
		f.lines(ann, "apple", "banana")
		edit := func(to string) parley.Draft {
			return body(about("tea", ann, to, parley.KindEdit, 1), to)
		}
		f.say(edit("cherry"), edit("date banana"))
		want(f, "the first form", f.found(ann, "apple"), "")
		want(f, "the second", f.found(ann, "cherry"), "")
		want(f, "the newest", f.found(ann, "date"), "tea 1")
		want(f, "in its place", f.found(ann, "banana"), "tea 2, tea 1")
		m := f.search(parley.Search{Reader: ann.ID, Words: []string{"date"}, Limit: 1}).Messages[0]
		want(f, "text", string(m.Body), `{"text":"date banana"}`)
		want(f, "edited", m.Edited, true)
		f.say(about("tea", ann, "nothing", parley.KindDelete, 1))
		want(f, "deleted", f.found(ann, "banana"), "tea 2")
		want(f, "all there is", places(f.search(parley.Search{Reader: ann.ID, Limit: 9})), "tea 2")
	}},
	{"Search finds what was deleted not at all", func(f *fixture) {
		ann := f.member("ann", "tea")
		f.lines(ann, "apple", "apple", "apple")
		f.say(about("tea", ann, "d", parley.KindDelete, 3), about("tea", ann, "e", parley.KindDelete, 1))
		want(f, "found", f.found(ann, "apple"), "tea 2")
		f.lines(ann, "apple")
		want(f, "found", f.found(ann, "apple"), "tea 6, tea 2")
	}},
	{"Search finds texts alone, and each once", func(f *fixture) {
		ann := f.member("ann", "tea")
		other := func(kind string) parley.Draft {
			return body(about("tea", ann, kind, kind, 0), "apple")
		}
		broken := text("tea", ann, "broken")
		broken.Body = json.RawMessage(`{"text":7}`)
		f.say(other(parley.KindFile), other("x-move"), body(text("tea", ann, "t"), "apple apple"), broken)
		f.append(body(text("tea", ann, "t"), "pear"), body(text("nowhere", ann, "n"), "apple")) // a resend, a refusal
		f.wantCode("an edit of another's", f.append(body(about("tea", f.member("ben", "tea"), "x", parley.KindEdit, 3), "pear"))[0].Err, parley.CodeNotFound)
		want(f, "found", f.found(ann, "apple"), "tea 3")
		want(f, "of what was not stored", f.found(ann, "pear"), "")
	}},
	{"what was appended is found by whoever asks next", func(f *fixture) {
		together(4, func(i int) {
			room := fmt.Sprint("room-", i)
			u := f.member("ann", room)
			for n := range 20 {
				f.say(body(text(room, u, fmt.Sprint(n)), fmt.Sprint("line", n, "x")))
				want(f, "found", f.found(u, fmt.Sprint("line", n, "x")), fmt.Sprint(room, " ", n+1))
			}
			want(f, "found in all", len(f.search(parley.Search{Reader: u.ID, Words: []string{"line"}, Limit: 50}).Messages), 20)
		})
	}},
	{"Search refuses more than MaxSearchWords words", func(f *fixture) {
		ann := f.member("ann", "tea")
		f.lines(ann, strings.Repeat("word 字", 100))
		most := strings.Fields(strings.Repeat("word ", parley.MaxSearchWords))
		want(f, "as many", f.found(ann, most...), "tea 1")
		for _, words := range [][]string{append(most, "word"), {strings.Repeat("word ", parley.MaxSearchWords+1)}, {strings.Repeat("字", 40), strings.Repeat("字", 40)}} {
			_, err := f.Search(f.Context(), parley.Search{Reader: ann.ID, Words: words, Limit: 1})
			f.wantCode("too many", err, parley.CodeInvalid)
		}
	}},
	{"a word of any length is found by its beginning", func(f *fixture) {
		ann := f.member("ann", "tea")
		long := strings.Repeat("abcdefghij", 1000)
		f.lines(ann, long, strings.Repeat("長", 10_000))
		for _, word := range []string{long, long[:500], long[:64], long[:63], long[:3]} {
			want(f, fmt.Sprint("found of ", len(word)), f.found(ann, word), "tea 1")
		}
		want(f, "found", f.found(ann, strings.Repeat("長", 30)), "tea 2")
	}},
}
