package storetest

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/seed-4a326f83/parley"
)

var appendTests = []contract{
	{"Append numbers each room by itself, in order", func(f *fixture) {
		ann := f.member("ann", parley.Lobby, "tea")
		got := f.append(text(parley.Lobby, ann, "a"), text("tea", ann, "a"), text(parley.Lobby, ann, "b"))
		got = append(got, f.append(text("tea", ann, "b"), text(parley.Lobby, ann, "c"))...)
		for i, seq := range []int64{1, 1, 2, 2, 3} {
			want(f, "result", got[i], parley.Appended{Seq: seq, Time: now, Stored: true})
		}
		r, _, err := f.Room(f.Context(), parley.Lobby, ann.ID)
		f.wantCode("Room", err, "")
		want(f, "last", r.Last, 3)
	}},
	{"Append keeps every field", func(f *fixture) {
		ann, ben := f.member("Ann", "tea"), f.member("ben", "tea")
		bodies := []string{
			`{"text":"hi"}`, `"a string"`, `null`, `-1.5e300`, `[]`, `{"text":"<b>&amp;</b> \u0000 \" é 💚 ` + "\u2028" + `"}`,
			`"` + strings.Repeat("x", parley.MaxBody-2) + `"`,
		}
		var wanted []parley.Message
		for i, body := range bodies {
			d := parley.Draft{
				Room: "tea", User: ann, ID: strings.Repeat("~ !", 21) + string(rune('a'+i)), Kind: "x-any",
				Body: json.RawMessage(body), Time: now.Add(time.Duration(i) * time.Millisecond),
			}
			f.say(d)
			wanted = append(wanted, parley.Message{
				Room: "tea", Seq: int64(i + 1), ID: d.ID, From: ann, Time: d.Time, Kind: "x-any", Body: d.Body,
			})
		}
		f.say(about("tea", ben, "r", parley.KindReaction, 2))
		wanted = append(wanted, parley.Message{
			Room: "tea", Seq: int64(len(bodies) + 1), ID: "r", From: ben, Time: now, Kind: parley.KindReaction,
			Body: json.RawMessage(`{"emoji":"👍"}`), Target: 2,
		})
		wanted[1].Reactions = []parley.Reaction{{Emoji: "👍", Count: 1, Users: []parley.User{ben}}}
		if got := f.log("tea"); !reflect.DeepEqual(got, wanted) {
			f.Errorf("the log is\n%+v\nwant\n%+v", got, wanted)
		}
	}},
	{"Append of nothing does nothing", func(f *fixture) {
		want(f, "results", len(f.append()), 0)
	}},
	{"Append answers a resend with the first seq and time", func(f *fixture) {
		ann := f.member("ann", "tea")
		f.say(text("tea", ann, "a"), text("tea", ann, "b"))
		again := text("tea", ann, "a")
		again.Time, again.Body = now.Add(time.Hour), json.RawMessage(`{"text":"other"}`)
		got := f.append(again, text("tea", ann, "c"), again)
		want(f, "first resend", got[0], parley.Appended{Seq: 1, Time: now})
		want(f, "a new one", got[1], parley.Appended{Seq: 3, Time: now, Stored: true})
		want(f, "second resend", got[2], parley.Appended{Seq: 1, Time: now})
		log := f.log("tea")
		want(f, "messages", len(log), 3)
		want(f, "the body that was stored", string(log[0].Body), `{"text":"a"}`)
	}},
	{"Append answers a resend within the batch", func(f *fixture) {
		ann := f.member("ann", "tea", parley.Lobby)
		later := text("tea", ann, "a")
		later.Time = now.Add(time.Second)
		got := f.append(text("tea", ann, "a"), later, text("tea", ann, "b"), later)
		for i, wanted := range []parley.Appended{{Seq: 1, Time: now, Stored: true}, {Seq: 1, Time: now}, {Seq: 2, Time: now, Stored: true}, {Seq: 1, Time: now}} {
			want(f, "result", got[i], wanted)
		}
	}},
	{"Append knows ids by user and room", func(f *fixture) {
		ann, ben := f.member("ann", "tea", "zoo"), f.member("ben", "tea")
		f.say(text("tea", ann, "a"), text("tea", ben, "a"), text("zoo", ann, "a"), text("tea", ann, "A"), text("tea", ann, "a "))
	}},
	{"Append refuses a draft without its group", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.guest("ben")
		room := f.direct(ann, f.guest("cat")).ID
		got := f.append(text("nowhere", ann, "1"), text("tea", ann, "1"), text("tea", ben, "1"),
			text("tea", ann, "2"), text(room, ben, "1"), text("tea", parley.User{ID: parley.NewUserID()}, "1"), text("tea", ann, "3"))
		for i, code := range []parley.Code{parley.CodeNotFound, "", parley.CodeNotJoined, "", parley.CodeNotFound, parley.CodeNotJoined, ""} {
			f.wantCode("draft", got[i].Err, code)
			want(f, "stored", got[i].Stored, code == "")
		}
		want(f, "the last one's seq", got[6].Seq, 3)
		want(f, "messages in the direct room", len(f.log(room)), 0)
	}},
	{"Append refuses who has left, and answers a resend of theirs still", func(f *fixture) {
		ann := f.member("ann", "tea")
		f.say(text("tea", ann, "a"))
		f.wantCode("Leave", f.Leave(f.Context(), "tea", ann.ID), "")
		got := f.append(text("tea", ann, "b"), text("tea", ann, "a"))
		f.wantCode("after leaving", got[0].Err, parley.CodeNotJoined)
		want(f, "resend", got[1], parley.Appended{Seq: 1, Time: now})
		f.join("tea", ann)
		want(f, "after coming back", f.say(text("tea", ann, "b")), 2)
	}},
	{"Append refuses a target that is not an entry that counts", func(f *fixture) {
		ann := f.member("ann", "tea", "zoo")
		f.say(text("zoo", ann, "1"), text("zoo", ann, "2"), text("zoo", ann, "3"), text("zoo", ann, "4"))
		f.say(text("tea", ann, "1"), about("tea", ann, "2", parley.KindEdit, 1))
		got := f.append(
			about("tea", ann, "3", parley.KindEdit, 2), about("tea", ann, "4", parley.KindEdit, 3), about("tea", ann, "5", parley.KindEdit, -1),
			text("tea", ann, "6"), about("tea", ann, "7", parley.KindReaction, 3), about("tea", ann, "7", parley.KindReaction, 99))
		for i, code := range []parley.Code{parley.CodeNotFound, parley.CodeNotFound, parley.CodeNotFound, "", "", ""} {
			f.wantCode("draft", got[i].Err, code)
		}
		want(f, "about an entry of the same batch", got[4], parley.Appended{Seq: 4, Time: now, Stored: true})
		want(f, "its resend, target or not", got[5], parley.Appended{Seq: 4, Time: now})
	}},
	{"a call whose context has ended stores nothing and breaks nothing", func(f *fixture) {
		ann := f.member("ann", "tea")
		ended, cancel := context.WithCancel(f.Context())
		cancel()
		_, err := f.Append(ended, []parley.Draft{text("tea", ann, "a")})
		f.wantCode("Append", err, parley.CodeUnavailable)
		_, _, err = f.Join(ended, "zoo", ann.ID, true, now)
		f.wantCode("Join", err, parley.CodeUnavailable)
		_, err = f.History(ended, "tea", parley.Range{Limit: 1})
		f.wantCode("History", err, parley.CodeUnavailable)
		want(f, "the next one's seq", f.say(text("tea", ann, "b")), 1)
	}},
}
