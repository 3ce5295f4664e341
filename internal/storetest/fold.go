package storetest

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/seed-4a326f83/parley"
)

// emoji is a draft of a reaction.
func emoji(u parley.User, id, emoji string, target int64) parley.Draft {
	d := about("tea", u, id, parley.KindReaction, target)
	d.Body = json.RawMessage(fmt.Sprintf(`{"emoji":%q}`, emoji))
	return d
}

// body is a draft of a text that says something else than its id.
func body(d parley.Draft, text string) parley.Draft {
	d.Body, _ = json.Marshal(map[string]string{"text": text})
	return d
}

var foldTests = []contract{
	{"an edit changes its target for who reads later", func(f *fixture) {
		ann := f.member("ann", "tea")
		f.say(text("tea", ann, "a"), text("tea", ann, "b"), about("tea", ann, "c", parley.KindEdit, 1), about("tea", ann, "d", parley.KindEdit, 1))
		log := f.log("tea")
		want(f, "entries", len(log), 4)
		want(f, "the text", string(log[0].Body), `{"text":"d"}`)
		want(f, "edited", log[0].Edited, true)
		want(f, "the other's text", string(log[1].Body), `{"text":"b"}`)
		want(f, "the other is edited", log[1].Edited, false)
		want(f, "the edit itself", string(log[2].Body), `{"text":"c"}`)
		want(f, "its target", log[2].Target, 1)
		want(f, "the room's last", log[3].Seq, 4)
	}},
	{"a delete wipes its target and what edits made of it", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.member("ben", "tea")
		f.say(text("tea", ann, "a"), about("tea", ann, "b", parley.KindEdit, 1), emoji(ben, "c", "👍", 1),
			body(text("tea", ann, "m"), "hi @ben"), text("tea", ann, "z"),
			about("tea", ann, "d", parley.KindDelete, 1), about("tea", ann, "e", parley.KindDelete, 4))
		log := f.log("tea")
		for _, i := range []int{0, 1, 3} {
			want(f, "what is left", string(log[i].Body), `{}`)
		}
		want(f, "deleted", log[0].Deleted, true)
		want(f, "reactions", len(log[0].Reactions), 0)
		want(f, "what was not deleted", string(log[4].Body), `{"text":"z"}`)
		want(f, "mentions", f.membership("tea", ben).Mentions, 0)
		got := f.append(about("tea", ann, "f", parley.KindEdit, 1), emoji(ben, "g", "👍", 1), about("tea", ann, "h", parley.KindDelete, 1),
			about("tea", ann, "d", parley.KindDelete, 1))
		for i := range 3 {
			f.wantCode("about what was deleted", got[i].Err, parley.CodeNotFound)
		}
		want(f, "the delete again", got[3], parley.Appended{Seq: 6, Time: now})
	}},
	{"only its author changes or deletes a message, and only a text is changed", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.member("ben", "tea")
		f.say(text("tea", ann, "a"), about("tea", ann, "b", "x-move", 0))
		got := f.append(about("tea", ben, "c", parley.KindEdit, 1), about("tea", ben, "d", parley.KindDelete, 1), about("tea", ann, "e", parley.KindEdit, 2))
		for _, r := range got {
			f.wantCode("draft", r.Err, parley.CodeNotFound)
		}
		f.say(about("tea", ann, "f", parley.KindDelete, 2))
		want(f, "what stands", string(f.log("tea")[0].Body), `{"text":"a"}`)
	}},
	{"reactions add up, one of a kind a person, and can be taken away", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.member("ben", "tea")
		remove := emoji(ben, "7", "👍", 1)
		remove.Body = json.RawMessage(`{"emoji":"👍","remove":true}`)
		f.say(text("tea", ann, "1"), text("tea", ann, "2"),
			emoji(ben, "3", "🎉", 1), emoji(ann, "4", "👍", 1), emoji(ben, "5", "👍", 1), emoji(ben, "6", "👍", 1))
		read := func(reader parley.User) string {
			p := f.page("tea", parley.Range{Limit: 10, Reader: reader.ID})
			want(f, "reactions of the other message", len(p.Messages[1].Reactions), 0)
			s := ""
			for _, r := range p.Messages[0].Reactions {
				s += fmt.Sprintf("%s %d %s %v;", r.Emoji, r.Count, r.Users[0].Name, r.Mine)
			}
			return s
		}
		want(f, "to ann", read(ann), "🎉 1 ben false;👍 2 ann true;")
		want(f, "to ben", read(ben), "🎉 1 ben true;👍 2 ann true;")
		f.say(remove)
		want(f, "to ben, later", read(ben), "🎉 1 ben true;👍 1 ann false;")
		want(f, "to nobody", read(parley.User{}), "🎉 1 ben false;👍 1 ann false;")
	}},
	{"a message has so many emoji beside it and names so many who put them there", func(f *fixture) {
		ann := f.member("ann", "tea")
		f.say(text("tea", ann, "1"))
		for i := range parley.MaxEmoji {
			f.say(emoji(ann, fmt.Sprint("e", i), string(rune('😀'+i)), 1))
		}
		got := f.append(emoji(ann, "more", "🎉", 1))
		f.wantCode("one more", got[0].Err, parley.CodeInvalid)
		for i := range parley.MaxReactors + 1 {
			f.say(emoji(f.member("ben", "tea"), fmt.Sprint("u", i), "😀", 1))
		}
		r := f.log("tea")[0].Reactions[0]
		want(f, "count", r.Count, parley.MaxReactors+2)
		want(f, "named", len(r.Users), parley.MaxReactors)
	}},
	{"who a text names is mentioned, if they are there to read it", func(f *fixture) {
		ann, ben, ben2, cat := f.member("ann", "tea"), f.member("ben", "tea"), f.member("ben", "tea"), f.guest("cat")
		want(f, "the second ben's name", ben2.Name, "ben 2")
		f.say(body(text("tea", ann, "1"), "hi @Ben"), body(text("tea", ann, "2"), "@ben 2: and @cat, @ann"), body(text("tea", ann, "3"), "nobody@ben"))
		want(f, "of ben", f.membership("tea", ben).Mentions, 1)
		want(f, "of ben 2", f.membership("tea", ben2).Mentions, 1)
		want(f, "of oneself", f.membership("tea", ann).Mentions, 0)
		f.join("tea", cat)
		want(f, "of who was not there", f.membership("tea", cat).Mentions, 0)

		f.say(body(about("tea", ann, "4", parley.KindEdit, 1), "hi @ben 2"))
		want(f, "of ben, after the edit", f.membership("tea", ben).Mentions, 0)
		want(f, "of ben 2, after the edit", f.membership("tea", ben2).Mentions, 2)
		f.wantRead("tea", ben2, 1)
		want(f, "of ben 2, having read one", f.membership("tea", ben2).Mentions, 1)
		f.wantRead("tea", ben2, 4)
		want(f, "of ben 2, having read all", f.membership("tea", ben2).Mentions, 0)
	}},
	{"what folds is in every page", func(f *fixture) {
		ann := f.member("ann", "tea")
		f.fill("tea", ann, 10)
		f.say(about("tea", ann, "e", parley.KindEdit, 5), emoji(ann, "r", "👍", 6))
		p := f.page("tea", parley.Range{From: 7, Backward: true, Limit: 3})
		want(f, "page", seqs(f, p), "4-6")
		want(f, "edited", slices.IndexFunc(p.Messages, func(m parley.Message) bool { return m.Edited }), 1)
		want(f, "with reactions", slices.IndexFunc(p.Messages, func(m parley.Message) bool { return m.Reactions != nil }), 2)
	}},
}

// wantRead moves how far u has read.
func (f *fixture) wantRead(room string, u parley.User, seq int64) {
	f.Helper()
	_, _, err := f.SetRead(f.Context(), room, u.ID, seq)
	f.wantCode("SetRead", err, "")
}
