package storetest

import (
	"strings"

	"github.com/seed-4a326f83/parley"
)

var roomTests = []contract{
	{"the lobby exists from the start", func(f *fixture) {
		ann := f.guest("ann")
		r, member, err := f.Room(f.Context(), parley.Lobby, ann.ID)
		f.wantCode("Room", err, "")
		want(f, "room", r, parley.Room{ID: "lobby", Name: "lobby", Kind: parley.Public, First: 1})
		want(f, "member", member, false)
	}},
	{"Room says whether the user is a member", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.guest("ben")
		f.say(text("tea", ann, "a"))
		for user, in := range map[parley.User]bool{ann: true, ben: false} {
			r, member, err := f.Room(f.Context(), "tea", user.ID)
			f.wantCode("Room", err, "")
			want(f, "room", r, parley.Room{ID: "tea", Name: "tea", Kind: parley.Public, First: 1, Last: 1})
			want(f, "member", member, in)
		}
	}},
	{"Room does not find what is absent", func(f *fixture) {
		_, _, err := f.Room(f.Context(), "tea", f.guest("ann").ID)
		f.wantCode("Room", err, parley.CodeNotFound)
	}},

	{"Join makes a member once", func(f *fixture) {
		ann := f.guest("ann")
		for _, isNew := range []bool{true, false, false} {
			r, joined, err := f.Join(f.Context(), parley.Lobby, ann.ID, false, now)
			f.wantCode("Join", err, "")
			want(f, "room", r.ID, parley.Lobby)
			want(f, "joined", joined, isNew)
		}
	}},
	{"Join makes an absent room where it is told to", func(f *fixture) {
		ann, ben := f.guest("ann"), f.guest("ben")
		_, _, err := f.Join(f.Context(), "tea", ann.ID, false, now)
		f.wantCode("Join without create", err, parley.CodeNotFound)
		r, joined, err := f.Join(f.Context(), "tea", ann.ID, true, now)
		f.wantCode("Join", err, "")
		want(f, "room", r, parley.Room{ID: "tea", Name: "tea", Kind: parley.Public, First: 1})
		want(f, "joined", joined, true)
		again, joined, err := f.Join(f.Context(), "tea", ben.ID, true, now)
		f.wantCode("Join", err, "")
		want(f, "the room another made", again, r)
		want(f, "joined", joined, true)
	}},
	{"Join takes everything said so far as read", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.guest("ben")
		f.fill("tea", ann, 3)
		want(f, "last", f.join("tea", ben).Last, 3)
		m := f.membership("tea", ben)
		want(f, "read", m.Read, 3)
		want(f, "unread", m.Unread, 0)
	}},
	{"Join leaves a member's place where it was", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.member("ben", "tea")
		f.fill("tea", ann, 3)
		f.join("tea", ben)
		want(f, "read", f.membership("tea", ben).Read, 0)
	}},
	{"Join refuses a user who is not there", func(f *fixture) {
		for _, room := range []string{parley.Lobby, "tea"} {
			_, _, err := f.Join(f.Context(), room, parley.NewUserID(), true, now)
			f.wantCode("Join", err, parley.CodeUnauthorized)
		}
		_, _, err := f.Room(f.Context(), "tea", f.guest("ann").ID)
		f.wantCode("the room that was not made", err, parley.CodeNotFound)
	}},

	{"Leave ends a membership, and once is enough", func(f *fixture) {
		ann := f.member("ann", parley.Lobby, "tea")
		for range 2 {
			f.wantCode("Leave", f.Leave(f.Context(), "tea", ann.ID), "")
			_, member, err := f.Room(f.Context(), "tea", ann.ID)
			f.wantCode("Room", err, "")
			want(f, "member", member, false)
		}
		rooms, err := f.Rooms(f.Context(), ann.ID)
		f.wantCode("Rooms", err, "")
		want(f, "rooms left", len(rooms), 1)
		f.wantCode("Leave of an absent room", f.Leave(f.Context(), "nowhere", ann.ID), "")
		f.wantCode("Leave by nobody", f.Leave(f.Context(), "tea", parley.NewUserID()), "")
		_, joined, err := f.Join(f.Context(), "tea", ann.ID, false, now)
		f.wantCode("Join after Leave", err, "")
		want(f, "joined", joined, true)
	}},
	{"Leave forgets how far one had read", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.member("ben", "tea")
		f.wantCode("Leave", f.Leave(f.Context(), "tea", ben.ID), "")
		f.fill("tea", ann, 4)
		f.join("tea", ben)
		want(f, "read", f.membership("tea", ben).Read, 4)
	}},

	{"Rooms lists one's rooms by name", func(f *fixture) {
		ann := f.member("ann", "tea", parley.Lobby, "a-1", "zoo")
		f.member("ben", "beer")
		rooms, err := f.Rooms(f.Context(), ann.ID)
		f.wantCode("Rooms", err, "")
		var ids []string
		for _, m := range rooms {
			ids = append(ids, m.ID)
		}
		want(f, "rooms", strings.Join(ids, " "), "a-1 lobby tea zoo")
	}},
	{"MemberOf lists one's rooms", func(f *fixture) {
		ann, ben := f.member("ann", "tea", parley.Lobby), f.member("ben", "beer")
		direct := f.direct(ann, ben)
		rooms, err := f.MemberOf(f.Context(), ann.ID)
		f.wantCode("MemberOf", err, "")
		names := map[string]string{}
		for _, r := range rooms {
			names[r.ID] = r.Name
		}
		want(f, "rooms", len(rooms), 3)
		want(f, "the direct room's name", names[direct.ID], "ben")
		want(f, "a room's name", names["tea"], "tea")
	}},
	{"Rooms counts no further than MaxCounted", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.member("ben", "tea")
		f.fill("tea", ann, parley.MaxCounted+5)
		want(f, "unread", f.membership("tea", ben).Unread, parley.MaxCounted)
	}},
	{"Rooms is empty for who is in none", func(f *fixture) {
		for _, user := range []string{f.guest("ann").ID, parley.NewUserID()} {
			rooms, err := f.Rooms(f.Context(), user)
			f.wantCode("Rooms", err, "")
			want(f, "rooms", len(rooms), 0)
		}
	}},
	{"Rooms counts as unread what others said since, of the kinds that count, and was not deleted", func(f *fixture) {
		ann, ben := f.member("ann", "tea", "zoo"), f.member("ben", "tea", "zoo")
		f.say(
			text("tea", ann, "1"), text("tea", ben, "2"), about("tea", ann, "3", parley.KindEdit, 1),
			about("tea", ann, "4", parley.KindReaction, 2), about("tea", ann, "5", "x-move", 0), about("tea", ann, "6", parley.KindFile, 0),
			about("tea", ann, "7", parley.KindDelete, 1), text("zoo", ben, "1"))
		for _, step := range []struct{ read, unread int64 }{{0, 2}, {1, 2}, {4, 2}, {5, 1}, {7, 0}} {
			_, _, err := f.SetRead(f.Context(), "tea", ben.ID, step.read)
			f.wantCode("SetRead", err, "")
			m := f.membership("tea", ben)
			want(f, "read", m.Read, step.read)
			want(f, "unread", m.Unread, step.unread)
			want(f, "last", m.Last, 7)
			want(f, "first", m.First, 1)
		}
		want(f, "unread of who said the rest", f.membership("tea", ann).Unread, 1)
		want(f, "unread of what is one's own", f.membership("zoo", ben).Unread, 0)
	}},
}

var directTests = []contract{
	{"DirectRoom is one room, whoever asks", func(f *fixture) {
		ann, ben, cat := f.guest("ann"), f.guest("ben"), f.guest("cat")
		fresh := parley.NewRoomID()
		r, created, err := f.DirectRoom(f.Context(), ann.ID, ben.ID, fresh, now)
		f.wantCode("DirectRoom", err, "")
		want(f, "created", created, true)
		want(f, "room", r, parley.Room{ID: fresh, Name: "ben", Kind: parley.Direct, First: 1})
		for _, pair := range [][2]parley.User{{ann, ben}, {ben, ann}} {
			r, created, err := f.DirectRoom(f.Context(), pair[0].ID, pair[1].ID, parley.NewRoomID(), now)
			f.wantCode("DirectRoom", err, "")
			want(f, "created", created, false)
			want(f, "id", r.ID, fresh)
			want(f, "name", r.Name, pair[1].Name)
		}
		if f.direct(ann, cat).ID == fresh || f.direct(cat, ben).ID == fresh {
			f.Error("a third person got the room of the two")
		}
	}},
	{"DirectRoom makes both members", func(f *fixture) {
		ann, ben := f.guest("ann"), f.guest("ben")
		room := f.direct(ann, ben).ID
		f.say(text(room, ann, "1"), text(room, ben, "1"))
		for user, other := range map[parley.User]string{ann: "ben", ben: "ann"} {
			m := f.membership(room, user)
			want(f, "name", m.Name, other)
			want(f, "kind", m.Kind, parley.Direct)
			want(f, "unread", m.Unread, 1)
			r, joined, err := f.Join(f.Context(), room, user.ID, false, now)
			f.wantCode("Join", err, "")
			want(f, "joined", joined, false)
			want(f, "name", r.Name, other)
			r, member, err := f.Room(f.Context(), room, user.ID)
			f.wantCode("Room", err, "")
			want(f, "member", member, true)
			want(f, "name", r.Name, other)
		}
	}},
	{"DirectRoom refuses oneself and nobody", func(f *fixture) {
		ann := f.guest("ann")
		_, _, err := f.DirectRoom(f.Context(), ann.ID, ann.ID, parley.NewRoomID(), now)
		f.wantCode("with oneself", err, parley.CodeInvalid)
		_, _, err = f.DirectRoom(f.Context(), ann.ID, parley.NewUserID(), parley.NewRoomID(), now)
		f.wantCode("with nobody", err, parley.CodeNotFound)
		_, _, err = f.DirectRoom(f.Context(), parley.NewUserID(), ann.ID, parley.NewRoomID(), now)
		f.wantCode("by nobody", err, parley.CodeUnauthorized)
	}},
	{"a direct room cannot be told from an absent one by others", func(f *fixture) {
		room := f.direct(f.guest("ann"), f.guest("ben")).ID
		cat := f.guest("cat")
		asks := map[string]func(room string) error{
			"Room":    func(room string) error { _, _, err := f.Room(f.Context(), room, cat.ID); return err },
			"Join":    func(room string) error { _, _, err := f.Join(f.Context(), room, cat.ID, false, now); return err },
			"SetRead": func(room string) error { _, _, err := f.SetRead(f.Context(), room, cat.ID, 1); return err },
			"Append":  func(room string) error { return f.append(text(room, cat, "a"))[0].Err },
		}
		for name, ask := range asks {
			there, absent := ask(room), ask(parley.NewRoomID())
			f.wantCode(name, there, parley.CodeNotFound)
			want(f, name, parley.AsError(there).Error(), parley.AsError(absent).Error())
		}
		_, _, err := f.Join(f.Context(), room, cat.ID, true, now)
		f.wantCode("Join with create", err, parley.CodeNotFound)
		f.wantCode("Leave", f.Leave(f.Context(), room, cat.ID), "")
		want(f, "messages", len(f.log(room)), 0)
	}},
	{"a direct room cannot be left", func(f *fixture) {
		ann, ben := f.guest("ann"), f.guest("ben")
		room := f.direct(ann, ben).ID
		f.wantCode("Leave", f.Leave(f.Context(), room, ann.ID), parley.CodeInvalid)
		f.say(text(room, ann, "still here"))
	}},
}

var readTests = []contract{
	{"SetRead moves on, never back and never past the last", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.member("ben", "tea")
		f.fill("tea", ann, 5)
		for _, step := range []struct {
			seq, read int64
			moved     bool
		}{
			{0, 0, false}, {-1, 0, false}, {2, 2, true}, {2, 2, false}, {1, 2, false}, {-5, 2, false},
			{4, 4, true}, {99, 5, true}, {100, 5, false}, {3, 5, false},
		} {
			read, moved, err := f.SetRead(f.Context(), "tea", ben.ID, step.seq)
			f.wantCode("SetRead", err, "")
			if read != step.read || moved != step.moved {
				f.Errorf("SetRead(%d): %d, %v; want %d, %v", step.seq, read, moved, step.read, step.moved)
			}
			want(f, "read", f.membership("tea", ben).Read, step.read)
		}
		want(f, "another's place", f.membership("tea", ann).Read, 0)
	}},
	{"SetRead refuses who is not a member", func(f *fixture) {
		f.member("ann", "tea")
		ben := f.guest("ben")
		_, _, err := f.SetRead(f.Context(), "tea", ben.ID, 1)
		f.wantCode("not joined", err, parley.CodeNotJoined)
		_, _, err = f.SetRead(f.Context(), "nowhere", ben.ID, 1)
		f.wantCode("absent", err, parley.CodeNotFound)
	}},
}
