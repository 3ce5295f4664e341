package storetest

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/seed-4a326f83/parley"
)

// seqs spells the numbers of a page: "3-5", "3" or "".
func seqs(f *fixture, p parley.Page) string {
	f.Helper()
	n := len(p.Messages)
	if n == 0 {
		return ""
	}
	for i, m := range p.Messages[1:] {
		if m.Seq != p.Messages[i].Seq+1 {
			f.Errorf("seq %d follows %d", m.Seq, p.Messages[i].Seq)
		}
	}
	if n == 1 {
		return fmt.Sprint(p.Messages[0].Seq)
	}
	return fmt.Sprintf("%d-%d", p.Messages[0].Seq, p.Messages[n-1].Seq)
}

var historyTests = []contract{
	{"History returns pages both ways", func(f *fixture) {
		f.fill("tea", f.member("ann", "tea"), 10)
		for _, test := range []struct {
			r    parley.Range
			seqs string
			more bool
		}{
			{parley.Range{From: 0, Limit: 4}, "1-4", true},
			{parley.Range{From: 4, Limit: 4}, "5-8", true},
			{parley.Range{From: 8, Limit: 4}, "9-10", false},
			{parley.Range{From: 6, Limit: 4}, "7-10", false},
			{parley.Range{From: 0, Limit: 10}, "1-10", false},
			{parley.Range{From: 0, Limit: 9}, "1-9", true},
			{parley.Range{From: 9, Limit: 1}, "10", false},
			{parley.Range{From: 10, Limit: 4}, "", false},
			{parley.Range{From: 99, Limit: 4}, "", false},
			{parley.Range{From: math.MaxInt64, Limit: 4}, "", false},
			{parley.Range{From: -5, Limit: 4}, "1-4", true},
			{parley.Range{From: math.MinInt64, Limit: 4}, "1-4", true},
			{parley.Range{From: 0}, "1", true},
			{parley.Range{From: 0, Limit: -3}, "1", true},

			{parley.Range{Backward: true, From: 11, Limit: 4}, "7-10", true},
			{parley.Range{Backward: true, From: 7, Limit: 4}, "3-6", true},
			{parley.Range{Backward: true, From: 3, Limit: 4}, "1-2", false},
			{parley.Range{Backward: true, From: 5, Limit: 4}, "1-4", false},
			{parley.Range{Backward: true, From: 6, Limit: 4}, "2-5", true},
			{parley.Range{Backward: true, From: 2, Limit: 4}, "1", false},
			{parley.Range{Backward: true, From: 1, Limit: 4}, "", false},
			{parley.Range{Backward: true, From: 0, Limit: 4}, "", false},
			{parley.Range{Backward: true, From: math.MinInt64, Limit: 4}, "", false},
			{parley.Range{Backward: true, From: 99, Limit: 4}, "7-10", true},
			{parley.Range{Backward: true, From: math.MaxInt64, Limit: 10}, "1-10", false},
			{parley.Range{Backward: true, From: math.MaxInt64}, "10", true},
		} {
			page := f.page("tea", test.r)
			if got := seqs(f, page); got != test.seqs || page.More != test.more || page.First != 1 || page.Last != 10 {
				f.Errorf("%+v: %q of %d to %d, more %v; want %q of 1 to 10, more %v",
					test.r, got, page.First, page.Last, page.More, test.seqs, test.more)
			}
		}
	}},
	{"History holds at most 200 messages", func(f *fixture) {
		f.fill("tea", f.member("ann", "tea"), parley.HistoryMax+1)
		for _, backward := range []bool{false, true} {
			page := f.page("tea", parley.Range{From: 1000 * b2i(backward), Backward: backward, Limit: 1000})
			want(f, "messages", len(page.Messages), parley.HistoryMax)
			want(f, "more", page.More, true)
		}
	}},
	{"History holds at most so many bytes, but one message", func(f *fixture) {
		ann := f.member("ann", "tea")
		for i := range 6 {
			d := text("tea", ann, fmt.Sprint(i))
			d.Body = json.RawMessage(`"` + strings.Repeat("x", 10_000*(i%2+1)-2) + `"`) // 10,000 and 20,000 by turns
			f.say(d)
		}
		small := f.log("tea")[0].Size()
		big := f.log("tea")[1].Size()
		for _, test := range []struct {
			r    parley.Range
			seqs string
			more bool
		}{
			{parley.Range{Bytes: 1}, "1", true},
			{parley.Range{Bytes: small + big - 1}, "1", true},
			{parley.Range{Bytes: small + big}, "1-2", true},
			{parley.Range{Bytes: 3 * (small + big)}, "1-6", false},
			{parley.Range{Bytes: 3*(small+big) - 1}, "1-5", true},
			{parley.Range{From: 5, Bytes: 1}, "6", false},
			{parley.Range{Backward: true, From: 7, Bytes: 1}, "6", true},
			{parley.Range{Backward: true, From: 7, Bytes: small + big - 1}, "6", true},
			{parley.Range{Backward: true, From: 7, Bytes: small + big}, "5-6", true},
			{parley.Range{Backward: true, From: 7, Bytes: 3 * (small + big)}, "1-6", false},
			{parley.Range{Backward: true, From: 2, Bytes: 1}, "1", false},
		} {
			test.r.Limit = 100
			page := f.page("tea", test.r)
			if got := seqs(f, page); got != test.seqs || page.More != test.more {
				f.Errorf("%+v: %q, more %v; want %q, more %v", test.r, got, page.More, test.seqs, test.more)
			}
		}
	}},
	{"History holds at most half a megabyte where nothing is said", func(f *fixture) {
		ann := f.member("ann", "tea")
		body := json.RawMessage(`"` + strings.Repeat("x", parley.MaxBody-2) + `"`)
		for i := range 10 {
			d := text("tea", ann, fmt.Sprint(i))
			d.Body = body
			f.say(d)
		}
		page := f.page("tea", parley.Range{Limit: 100})
		want(f, "page", seqs(f, page), "1-7")
		want(f, "more", page.More, true)
	}},
	{"History of a silent room is empty", func(f *fixture) {
		for _, r := range []parley.Range{{Limit: 5}, {Limit: 5, From: 1, Backward: true}, {Limit: 5, From: 9, Backward: true}} {
			page := f.page(parley.Lobby, r)
			if len(page.Messages) != 0 || page.More || page.First != 1 || page.Last != 0 {
				f.Errorf("%+v: %+v", r, page)
			}
		}
	}},
	{"History does not find what is absent", func(f *fixture) {
		_, err := f.History(f.Context(), "nowhere", parley.Range{Limit: 5})
		f.wantCode("History", err, parley.CodeNotFound)
	}},
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
