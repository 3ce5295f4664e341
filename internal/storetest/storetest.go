// Package storetest is the test suite that every [parley.Store] passes: what
// the contract says, a sentence a test.
package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
)

// Run tests the stores that open makes: a fresh one for every call, with no
// room but the lobby and nobody in it, which open closes when the test that it
// was given ends.
func Run(t *testing.T, open func(t *testing.T) parley.Store) {
	for _, test := range slices.Concat(guestTests, peopleTests, sessionTests, standingTests, ticketTests,
		roomTests, memberTests, directTests, readTests, appendTests, foldTests, historyTests, searchTests, concurrentTests, closeTests) {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(&fixture{T: t, Store: open(t)})
		})
	}
}

// A contract is a sentence of the contract and how it is tried.
type contract struct {
	name string
	run  func(*fixture)
}

// now is a moment in whole milliseconds, as the protocol has them.
var now = time.Date(2030, 2, 3, 4, 5, 6, 789e6, time.UTC)

// A fixture is a store under test with short ways to fill it and ask it.
type fixture struct {
	*testing.T
	parley.Store
}

// guest makes a user.
func (f *fixture) guest(name string) parley.User {
	f.Helper()
	u, err := f.CreateGuest(f.Context(), parley.User{ID: parley.NewUserID(), Name: name}, parley.NewSessionToken().Hash(), now)
	if err != nil {
		f.Fatalf("CreateGuest(%q): %v", name, err)
	}
	return u
}

// member makes a user who is in the rooms.
func (f *fixture) member(name string, rooms ...string) parley.User {
	f.Helper()
	u := f.guest(name)
	for _, room := range rooms {
		f.join(room, u)
	}
	return u
}

// join makes the user a member, and the room if need be.
func (f *fixture) join(room string, u parley.User) parley.Room {
	f.Helper()
	r, _, err := f.Join(f.Context(), room, u.ID, true, now)
	if err != nil {
		f.Fatalf("Join(%s, %s): %v", room, u.Name, err)
	}
	return r
}

// direct returns the one room of two users.
func (f *fixture) direct(a, b parley.User) parley.Room {
	f.Helper()
	r, _, err := f.DirectRoom(f.Context(), a.ID, b.ID, parley.NewRoomID(), now)
	if err != nil {
		f.Fatalf("DirectRoom(%s, %s): %v", a.Name, b.Name, err)
	}
	return r
}

// text is a draft of a line of text.
func text(room string, u parley.User, id string) parley.Draft {
	return parley.Draft{
		Room: room, User: u, ID: id, Kind: parley.KindText, Time: now,
		Body: json.RawMessage(fmt.Sprintf(`{"text":%q}`, id)),
	}
}

// about is a draft of an entry of the kind, about target.
func about(room string, u parley.User, id, kind string, target int64) parley.Draft {
	d := text(room, u, id)
	d.Kind, d.Target = kind, target
	if kind == parley.KindReaction {
		d.Body = json.RawMessage(`{"emoji":"👍"}`)
	}
	return d
}

// append stores the drafts and returns what became of each.
func (f *fixture) append(drafts ...parley.Draft) []parley.Appended {
	f.Helper()
	results, err := f.Append(f.Context(), drafts)
	if err != nil {
		f.Fatalf("Append: %v", err)
	}
	if len(results) != len(drafts) {
		f.Fatalf("Append of %d drafts gave %d results", len(drafts), len(results))
	}
	return results
}

// say stores the drafts, all of which are taken, and returns the last seq.
func (f *fixture) say(drafts ...parley.Draft) int64 {
	f.Helper()
	var last int64
	for i, r := range f.append(drafts...) {
		if r.Err != nil || !r.Stored {
			f.Fatalf("draft %d (%s): %+v", i, drafts[i].ID, r)
		}
		last = r.Seq
	}
	return last
}

// fill says n lines and returns the seq of the last.
func (f *fixture) fill(room string, u parley.User, n int) int64 {
	f.Helper()
	var drafts []parley.Draft
	for range n {
		drafts = append(drafts, text(room, u, string(parley.NewSessionToken())))
	}
	return f.say(drafts...)
}

// page is History, which must not fail.
func (f *fixture) page(room string, r parley.Range) parley.Page {
	f.Helper()
	page, err := f.History(f.Context(), room, r)
	if err != nil {
		f.Fatalf("History(%s, %+v): %v", room, r, err)
	}
	return page
}

// log returns all that was said in a room.
func (f *fixture) log(room string) []parley.Message {
	f.Helper()
	var all []parley.Message
	for from := int64(0); ; from = all[len(all)-1].Seq {
		page := f.page(room, parley.Range{From: from, Limit: parley.HistoryMax})
		all = append(all, page.Messages...)
		if !page.More || len(page.Messages) == 0 {
			return all
		}
	}
}

// membership returns how u sees a room of theirs.
func (f *fixture) membership(room string, u parley.User) parley.Membership {
	f.Helper()
	rooms, err := f.Rooms(f.Context(), u.ID)
	if err != nil {
		f.Fatalf("Rooms(%s): %v", u.Name, err)
	}
	i := slices.IndexFunc(rooms, func(m parley.Membership) bool { return m.ID == room })
	if i < 0 {
		f.Fatalf("%s is not among the rooms of %s", room, u.Name)
	}
	return rooms[i]
}

// wantCode fails the test unless err has the code; "" is no error.
func (f *fixture) wantCode(what string, err error, code parley.Code) {
	f.Helper()
	if got := parley.ErrorCode(err); got != code {
		f.Errorf("%s: %v, want code %q", what, err, code)
	}
}

// want fails the test unless got is what is wanted.
func want[T comparable](f *fixture, what string, got, want T) {
	f.Helper()
	if got != want {
		f.Errorf("%s: %v, want %v", what, got, want)
	}
}

// together runs n calls of do at once and waits for them.
func together(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}
