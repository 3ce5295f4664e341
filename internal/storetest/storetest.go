// Package storetest is the test suite that every [parley.Store] passes: what
// the contract says, a sentence a test.
package storetest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
)

// Run tests the stores that open makes: a fresh one for every call, with no
// room but the lobby, which it closes when the test that asked for it ends.
func Run(t *testing.T, open func(t *testing.T) parley.Store) {
	for _, tests := range []map[string]func(*testing.T, *fixture){
		appendTests,
	} {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) { test(t, &fixture{T: t, Store: open(t)}) })
		}
	}
}

// now is a moment in whole milliseconds, as the protocol has them.
var now = time.Date(2030, 2, 3, 4, 5, 6, 789e6, time.UTC)

// A fixture is a store under test with short ways to fill it.
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

func (f *fixture) join(room string, u parley.User) parley.Room {
	f.Helper()
	r, _, err := f.Join(f.Context(), room, u.ID, true, now)
	if err != nil {
		f.Fatalf("Join(%s, %s): %v", room, u.Name, err)
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

// log returns all that was said in a room.
func (f *fixture) log(room string) []parley.Message {
	f.Helper()
	var all []parley.Message
	for from := int64(0); ; from = all[len(all)-1].Seq {
		page, err := f.History(f.Context(), room, parley.Range{From: from, Limit: parley.HistoryMax})
		if err != nil {
			f.Fatalf("History(%s): %v", room, err)
		}
		all = append(all, page.Messages...)
		if !page.More {
			return all
		}
	}
}

// wantCode fails the test unless err has the code; "" is no error.
func (f *fixture) wantCode(what string, err error, code parley.Code) {
	f.Helper()
	if got := parley.ErrorCode(err); got != code {
		f.Errorf("%s: %v, want code %q", what, err, code)
	}
}
