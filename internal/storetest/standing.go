package storetest

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/seed-4a326f83/parley"
)

// standing is Standing of one user, who is there.
func (f *fixture) standing(u parley.User) parley.Standing {
	f.Helper()
	all, err := f.Standing(f.Context(), []string{u.ID}, now)
	f.wantCode("Standing", err, "")
	one, there := all[u.ID]
	want(f, "is there", there, true)
	slices.Sort(one.Rooms)
	return one
}

var standingTests = []contract{
	{"Heads returns the rooms that are there as they are", func(f *fixture) {
		ann, ben := f.member("ann", "tea", "mute"), f.guest("ben")
		f.fill("tea", ann, 3)
		name, topic, archived := "Mute", "nothing", true
		mute, err := f.ChangeRoom(f.Context(), "mute", ann.ID, parley.RoomChange{Name: &name, Topic: &topic, Archived: &archived})
		f.wantCode("ChangeRoom", err, "")
		direct, _, err := f.DirectRoom(f.Context(), ann.ID, ben.ID, "direct", now)
		f.wantCode("DirectRoom", err, "")
		direct.Name = ""
		heads, err := f.Heads(f.Context(), []string{"tea", "mute", "direct", "absent", "o'dd \"name", "tea"})
		f.wantCode("Heads", err, "")
		tea := parley.Room{ID: "tea", Name: "tea", Kind: parley.Public, First: 1, Last: 3}
		if want := map[string]parley.Room{"tea": tea, "mute": mute, "direct": direct}; !maps.Equal(heads, want) {
			f.Errorf("Heads: %v, want %v", heads, want)
		}
		heads, err = f.Heads(f.Context(), nil)
		f.wantCode("Heads of none", err, "")
		want(f, "of none", len(heads), 0)
	}},
	{"Heads takes hundreds of rooms", func(f *fixture) {
		ann := f.guest("ann")
		var rooms []string
		for i := range 500 {
			rooms = append(rooms, fmt.Sprint("room-", i))
		}
		f.join(rooms[7], ann)
		f.fill(rooms[7], ann, 1)
		f.join(rooms[499], ann)
		heads, err := f.Heads(f.Context(), rooms)
		f.wantCode("Heads", err, "")
		want(f, "rooms", len(heads), 2)
		want(f, "said in", heads[rooms[7]].Last, 1)
	}},
	{"Standing returns the good sessions and the rooms of who is there", func(f *fixture) {
		ann, ben := f.account("ann", "tea", "mute"), f.account("ben", "tea")
		first, second := f.session(ann), f.session(ann)
		gone := parley.NewUserID()
		all, err := f.Standing(f.Context(), []string{ann.ID, ben.ID, gone}, now)
		f.wantCode("Standing", err, "")
		want(f, "people", len(all), 2)
		want(f, "sessions", len(all[ann.ID].Sessions), 2)
		for _, hash := range []parley.SessionHash{first, second} {
			want(f, "has the session", slices.Contains(all[ann.ID].Sessions, hash), true)
		}
		rooms := slices.Sorted(slices.Values(all[ann.ID].Rooms))
		if !slices.Equal(rooms, []string{"mute", "tea"}) {
			f.Errorf("rooms %q", rooms)
		}
		want(f, "ben's sessions", len(all[ben.ID].Sessions), 0)
		want(f, "ben's rooms", len(all[ben.ID].Rooms), 1)
		all, err = f.Standing(f.Context(), nil, now)
		f.wantCode("Standing of nobody", err, "")
		want(f, "nobody", len(all), 0)
	}},
	{"Standing knows of what ended", func(f *fixture) {
		f.account("the one admin")
		ann := f.account("ann", "tea")
		kept, ended := f.session(ann), f.session(ann)
		f.wantCode("EndSession", f.EndSession(f.Context(), ended), "")
		f.wantCode("Leave", f.Leave(f.Context(), "tea", ann.ID), "")
		one := f.standing(ann)
		if !slices.Equal(one.Sessions, []parley.SessionHash{kept}) || len(one.Rooms) != 0 {
			f.Errorf("after a session and a membership ended: %+v", one)
		}
		all, err := f.Standing(f.Context(), []string{ann.ID}, now.Add(parley.SessionLife+time.Hour))
		f.wantCode("Standing", err, "")
		want(f, "sessions not used for long", len(all[ann.ID].Sessions), 0)
		f.wantCode("RemoveUser", f.RemoveUser(f.Context(), ann.ID, now), "")
		all, err = f.Standing(f.Context(), []string{ann.ID}, now)
		f.wantCode("Standing", err, "")
		want(f, "people, one of them removed", len(all), 0)
	}},
}
