package storetest

import (
	"strings"
	"time"

	"github.com/seed-4a326f83/parley"
)

// room makes a room.
func (f *fixture) room(id string, kind parley.RoomKind, by parley.User) {
	f.Helper()
	r := parley.Room{ID: id, Name: id, Kind: kind}
	f.wantCode("CreateRoom", f.CreateRoom(f.Context(), r, by.ID, now), "")
}

// add makes other a member.
func (f *fixture) add(room string, by, other parley.User) {
	f.Helper()
	_, _, err := f.AddMember(f.Context(), room, by.ID, other.ID, now)
	f.wantCode("AddMember", err, "")
}

// wantMember fails the test unless the user is a member of the room, or is none.
func (f *fixture) wantMember(room string, u parley.User, member bool) {
	f.Helper()
	rooms, err := f.MemberOf(f.Context(), u.ID)
	f.wantCode("MemberOf", err, "")
	is := false
	for _, r := range rooms {
		is = is || r.ID == room
	}
	want(f, u.Name+" is a member of "+room, is, member)
}

// archive archives a room, or brings it back.
func (f *fixture) archive(room string, by parley.User, archived bool) {
	f.Helper()
	_, err := f.ChangeRoom(f.Context(), room, by.ID, parley.RoomChange{Archived: &archived})
	f.wantCode("ChangeRoom", err, "")
}

func memberName(m parley.RoomMember) string {
	if m.Role != "" {
		return m.Name + " (" + string(m.Role) + ")"
	}
	return m.Name
}

// changes are all that somebody can do about a room and who is in it.
func (f *fixture) changes(room, by, other string) map[string]error {
	name := "other"
	return map[string]error{
		"ChangeRoom":   second(f.ChangeRoom(f.Context(), room, by, parley.RoomChange{Name: &name})),
		"AddMember":    third(f.AddMember(f.Context(), room, by, other, now)),
		"SetRoomRole":  f.SetRoomRole(f.Context(), room, by, other, parley.Admin),
		"Members":      second(f.Members(f.Context(), room, by, "", 10)),
		"RemoveMember": second(f.RemoveMember(f.Context(), room, by, other)),
	}
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

var memberTests = []contract{
	{"CreateRoom makes a room whose first member and admin is its maker", func(f *fixture) {
		ann := f.guest("ann")
		for _, kind := range []parley.RoomKind{parley.Public, parley.Private} {
			r := parley.Room{ID: "the-" + string(kind), Name: "The " + string(kind), Kind: kind, Topic: "all about it", First: 1}
			f.wantCode("CreateRoom", f.CreateRoom(f.Context(), r, ann.ID, now), "")
			want(f, "membership", f.membership(r.ID, ann), parley.Membership{Room: r, Role: parley.Admin})
		}
	}},
	{"CreateRoom refuses an id in use, another kind and who is not there", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.guest("ben")
		f.room("hidden", parley.Private, ben)
		for id, code := range map[string]parley.Code{"tea": parley.CodeConflict, "hidden": parley.CodeConflict, parley.Lobby: parley.CodeConflict, "new": ""} {
			err := f.CreateRoom(f.Context(), parley.Room{ID: id, Name: "x", Kind: parley.Public}, ann.ID, now)
			f.wantCode(id, err, code)
		}
		err := f.CreateRoom(f.Context(), parley.Room{ID: "zoo", Name: "x", Kind: parley.Direct}, ann.ID, now)
		f.wantCode("a direct room", err, parley.CodeInvalid)
		err = f.CreateRoom(f.Context(), parley.Room{ID: "zoo", Name: "x", Kind: parley.Public}, parley.NewUserID(), now)
		f.wantCode("by nobody", err, parley.CodeUnauthorized)
		want(f, "the name of the room in use", f.membership("tea", ann).Name, "tea")
	}},
	{"Join makes who makes a room its admin, and nobody else", func(f *fixture) {
		ann, ben := f.member("ann", "tea", parley.Lobby), f.member("ben", "tea")
		want(f, "who made it", f.membership("tea", ann).Role, parley.Admin)
		want(f, "who came later", f.membership("tea", ben).Role, parley.Ordinary)
		want(f, "in the lobby", f.membership(parley.Lobby, ann).Role, parley.Ordinary)
	}},
	{"Join does not find a private room", func(f *fixture) {
		ann, ben := f.guest("ann"), f.guest("ben")
		f.room("hidden", parley.Private, ann)
		for _, create := range []bool{false, true} {
			_, _, err := f.Join(f.Context(), "hidden", ben.ID, create, now)
			f.wantCode("Join", err, parley.CodeNotFound)
		}
		_, joined, err := f.Join(f.Context(), "hidden", ann.ID, true, now)
		f.wantCode("Join of a member", err, "")
		want(f, "joined", joined, false)
	}},

	{"ChangeRoom changes what it names and leaves the rest", func(f *fixture) {
		ann, ben := f.guest("ann"), f.guest("ben")
		f.room("tea", parley.Public, ann)
		f.join("tea", ben)
		r := parley.Room{ID: "tea", Name: "tea", Kind: parley.Public, First: 1}
		name, topic, yes, no := "Tea & Cake", "at five", true, false
		for _, step := range []struct {
			change parley.RoomChange
			done   func()
		}{
			{parley.RoomChange{}, func() {}},
			{parley.RoomChange{Topic: &topic}, func() { r.Topic = topic }},
			{parley.RoomChange{Name: &name}, func() { r.Name = name }},
			{parley.RoomChange{Archived: &yes}, func() { r.Archived = true }},
			{parley.RoomChange{Name: &topic, Topic: &name, Archived: &no}, func() { r.Name, r.Topic, r.Archived = topic, name, false }},
		} {
			step.done()
			got, err := f.ChangeRoom(f.Context(), "tea", ann.ID, step.change)
			f.wantCode("ChangeRoom", err, "")
			want(f, "room", got, r)
			got, _, err = f.Room(f.Context(), "tea", ben.ID)
			f.wantCode("Room", err, "")
			want(f, "room to another", got, r)
			want(f, "room in the list", f.membership("tea", ben).Room, r)
		}
	}},
	{"ChangeRoom does not archive the lobby", func(f *fixture) {
		ann := f.admin("ann")
		yes, topic := true, "welcome"
		_, err := f.ChangeRoom(f.Context(), parley.Lobby, ann.ID, parley.RoomChange{Archived: &yes})
		f.wantCode("archiving", err, parley.CodeInvalid)
		_, err = f.ChangeRoom(f.Context(), parley.Lobby, ann.ID, parley.RoomChange{Topic: &topic})
		f.wantCode("a topic", err, "")
	}},

	{"AddMember makes a member once, with everything said so far as read", func(f *fixture) {
		ann, ben := f.guest("ann"), f.guest("ben")
		f.room("hidden", parley.Private, ann)
		f.fill("hidden", ann, 3)
		for _, isNew := range []bool{true, false} {
			r, joined, err := f.AddMember(f.Context(), "hidden", ann.ID, ben.ID, now)
			f.wantCode("AddMember", err, "")
			want(f, "room", r, parley.Room{ID: "hidden", Name: "hidden", Kind: parley.Private, First: 1, Last: 3})
			want(f, "joined", joined, isNew)
		}
		want(f, "read", f.membership("hidden", ben).Read, 3)
		want(f, "role", f.membership("hidden", ben).Role, parley.Ordinary)
		cat := f.guest("cat")
		f.add("hidden", ben, cat) // any member may
		f.say(text("hidden", cat, "hi"))
	}},
	{"AddMember refuses who is not there", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.guest("ben")
		f.remove(ben)
		for what, other := range map[string]string{"nobody": parley.NewUserID(), "who was removed": ben.ID} {
			_, _, err := f.AddMember(f.Context(), "tea", ann.ID, other, now)
			f.wantCode(what, err, parley.CodeNotFound)
		}
	}},
	{"RemoveMember ends a membership, and says whether there was one", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.member("ben", "tea")
		f.say(text("tea", ben, "a"))
		for _, was := range []bool{true, false} {
			removed, err := f.RemoveMember(f.Context(), "tea", ann.ID, ben.ID)
			f.wantCode("RemoveMember", err, "")
			want(f, "removed", removed, was)
			f.wantMember("tea", ben, false)
			f.wantCode("Append", f.append(text("tea", ben, "b"))[0].Err, parley.CodeNotJoined)
		}
		want(f, "a resend", f.append(text("tea", ben, "a"))[0], parley.Appended{Seq: 1, Time: now})
		removed, err := f.RemoveMember(f.Context(), "tea", ann.ID, parley.NewUserID())
		f.wantCode("RemoveMember of nobody", err, "")
		want(f, "removed", removed, false)
		f.room("hidden", parley.Private, ann)
		f.add("hidden", ann, ben)
		_, err = f.RemoveMember(f.Context(), "hidden", ann.ID, ben.ID)
		f.wantCode("RemoveMember", err, "")
		_, _, err = f.Room(f.Context(), "hidden", ben.ID)
		f.wantCode("the private room after that", err, parley.CodeNotFound)
	}},
	{"RemoveMember is for admins, or for oneself", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.member("ben", "tea")
		_, err := f.RemoveMember(f.Context(), "tea", ben.ID, ann.ID)
		f.wantCode("an ordinary member", err, parley.CodeConflict)
		removed, err := f.RemoveMember(f.Context(), "tea", ben.ID, ben.ID)
		f.wantCode("oneself", err, "")
		want(f, "removed", removed, true)
		_, err = f.RemoveMember(f.Context(), "tea", ben.ID, ben.ID)
		f.wantCode("who is none any more", err, parley.CodeNotJoined)
	}},
	{"SetRoomRole makes a member an admin, or takes that away", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.member("ben", "tea")
		for _, step := range []struct {
			role parley.Role
			code parley.Code // of what an admin may
		}{{parley.Admin, ""}, {parley.Admin, ""}, {parley.Ordinary, parley.CodeConflict}} {
			f.wantCode("SetRoomRole", f.SetRoomRole(f.Context(), "tea", ann.ID, ben.ID, step.role), "")
			want(f, "role", f.membership("tea", ben).Role, step.role)
			topic := string(parley.NewSessionToken())
			_, err := f.ChangeRoom(f.Context(), "tea", ben.ID, parley.RoomChange{Topic: &topic})
			f.wantCode("ChangeRoom", err, step.code)
		}
		f.wantCode("who is no member", f.SetRoomRole(f.Context(), "tea", ann.ID, f.guest("cat").ID, parley.Admin), parley.CodeNotFound)
		f.wantCode("an unknown role", f.SetRoomRole(f.Context(), "tea", ann.ID, ben.ID, parley.Guest), parley.CodeInvalid)
	}},
	{"SetRoomRole leaves a room an admin", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.member("ben", "tea")
		f.wantCode("the only one", f.SetRoomRole(f.Context(), "tea", ann.ID, ann.ID, parley.Ordinary), parley.CodeConflict)
		want(f, "role", f.membership("tea", ann).Role, parley.Admin)
		f.wantCode("who is none", f.SetRoomRole(f.Context(), "tea", ann.ID, ben.ID, parley.Ordinary), "")
		f.wantCode("another", f.SetRoomRole(f.Context(), "tea", ann.ID, ben.ID, parley.Admin), "")
		f.wantCode("one of two", f.SetRoomRole(f.Context(), "tea", ann.ID, ann.ID, parley.Ordinary), "")
		want(f, "role", f.membership("tea", ann).Role, parley.Ordinary)
	}},
	{"the only admin of a room is followed by whoever has been in it for the longest", func(f *fixture) {
		ann, ben, cat, dan := f.guest("ann"), f.guest("ben"), f.guest("cat"), f.guest("dan")
		for room, leave := range map[string]func(room string) error{
			"left":    func(room string) error { return f.Leave(f.Context(), room, ann.ID) },
			"removed": func(room string) error { return second(f.RemoveMember(f.Context(), room, ann.ID, ann.ID)) },
			"out":     func(string) error { return f.RemoveUser(f.Context(), ann.ID, now) },
		} {
			ann = f.guest("ann")
			f.room("alone-"+room, parley.Private, ann) // and nobody follows
			f.room(room, parley.Private, ann)
			// By when they came, not by name or number.
			for i, user := range []parley.User{dan, ben, cat} {
				_, _, err := f.AddMember(f.Context(), room, ann.ID, user.ID, now.Add(time.Duration(i+1)*time.Minute))
				f.wantCode("AddMember", err, "")
			}
			_, _, err := f.Join(f.Context(), parley.Lobby, ann.ID, false, now)
			f.wantCode("Join", err, "")
			f.wantCode(room, leave(room), "")
			for user, role := range map[parley.User]parley.Role{dan: parley.Admin, ben: parley.Ordinary, cat: parley.Ordinary} {
				want(f, room+": the role of "+user.Name, f.membership(room, user).Role, role)
			}
			f.wantCode("the next leaves", f.Leave(f.Context(), room, dan.ID), "")
			want(f, room+": the role of ben", f.membership(room, ben).Role, parley.Admin)
			// Where there is another admin, nobody follows.
			f.wantCode("SetRoomRole", f.SetRoomRole(f.Context(), room, ben.ID, cat.ID, parley.Admin), "")
			f.add(room, ben, dan)
			f.wantCode("one of two leaves", f.Leave(f.Context(), room, ben.ID), "")
			want(f, room+": the role of dan", f.membership(room, dan).Role, parley.Ordinary)
			f.wantCode("the last but one leaves", f.Leave(f.Context(), room, cat.ID), "")
			f.wantCode("the last leaves", f.Leave(f.Context(), room, dan.ID), "")
		}
	}},
	{"the lobby needs no admin", func(f *fixture) {
		root, ann, ben := f.admin("root"), f.member("ann", parley.Lobby), f.member("ben", parley.Lobby)
		for _, role := range []parley.Role{parley.Admin, parley.Ordinary, parley.Admin} {
			f.wantCode("SetRoomRole", f.SetRoomRole(f.Context(), parley.Lobby, root.ID, ben.ID, role), "")
		}
		f.wantCode("Leave", f.Leave(f.Context(), parley.Lobby, ben.ID), "")
		want(f, "the role of ann", f.membership(parley.Lobby, ann).Role, parley.Ordinary)
	}},

	{"who changes a room must be a member, and for most of it an admin", func(f *fixture) {
		ann, ben, cat := f.guest("ann"), f.guest("ben"), f.guest("cat")
		for _, kind := range []parley.RoomKind{parley.Public, parley.Private} {
			room := "the-" + string(kind)
			f.room(room, kind, ann)
			f.add(room, ann, ben)
			outside := parley.CodeNotJoined
			if kind == parley.Private {
				outside = parley.CodeNotFound
			}
			for what, err := range f.changes(room, cat.ID, ann.ID) {
				f.wantCode(what+" from outside", err, outside)
			}
			for what, err := range f.changes(room, ben.ID, ann.ID) {
				code := parley.CodeConflict
				if what == "AddMember" || what == "Members" {
					code = ""
				}
				f.wantCode(what+" by an ordinary member", err, code)
			}
			f.wantMember(room, ann, true)
		}
	}},
	{"a private room cannot be told from an absent one by others", func(f *fixture) {
		ann, cat, root := f.guest("ann"), f.guest("cat"), f.admin("root")
		f.room("hidden", parley.Private, ann)
		for _, by := range []parley.User{cat, root} {
			absent := f.changes(parley.NewRoomID(), by.ID, ann.ID)
			for what, err := range f.changes("hidden", by.ID, ann.ID) {
				f.wantCode(what, err, parley.CodeNotFound)
				want(f, what, parley.AsError(err).Error(), parley.AsError(absent[what]).Error())
			}
			f.wantCode("Leave", f.Leave(f.Context(), "hidden", by.ID), "")
			_, _, err := f.Room(f.Context(), "hidden", by.ID)
			f.wantCode("Room", err, parley.CodeNotFound)
			f.wantCode("Append", f.append(text("hidden", by, "a"))[0].Err, parley.CodeNotFound)
			_, _, err = f.SetRead(f.Context(), "hidden", by.ID, 1)
			f.wantCode("SetRead", err, parley.CodeNotFound)
		}
	}},
	{"an admin of the installation may do everything in public rooms, a member of it or not", func(f *fixture) {
		ann, ben, root := f.guest("ann"), f.guest("ben"), f.admin("root")
		f.room("tea", parley.Public, ann)
		f.join("tea", ben)
		for what, err := range f.changes("tea", root.ID, ben.ID) {
			f.wantCode(what, err, "")
		}
		f.wantMember("tea", root, false)
		f.room("hidden", parley.Private, ann)
		f.add("hidden", ann, root)
		f.add("hidden", ann, ben)
		name := "seen"
		_, err := f.ChangeRoom(f.Context(), "hidden", root.ID, parley.RoomChange{Name: &name})
		f.wantCode("in a private room that they are in", err, "")
	}},
	{"a direct room stays as it is", func(f *fixture) {
		ann, ben, root := f.guest("ann"), f.guest("ben"), f.admin("root")
		for _, by := range []parley.User{ann, root} {
			room := f.direct(by, ben).ID
			for what, err := range f.changes(room, by.ID, ben.ID) {
				if what == "Members" {
					f.wantCode(what, err, "")
				} else {
					f.wantCode(what, err, parley.CodeInvalid)
				}
			}
			_, err := f.RemoveMember(f.Context(), room, by.ID, by.ID)
			f.wantCode("leaving it", err, parley.CodeInvalid)
		}
	}},

	{"Members lists them by name, page after page", func(f *fixture) {
		ann := f.member("bob", "tea")
		for _, name := range []string{"Ann", "élan", "cat", "ann"} {
			f.member(name, "tea")
		}
		f.member("elsewhere", "zoo")
		for _, test := range []struct {
			after string
			limit int
			names string
		}{
			{"", 10, "Ann, ann 2, bob (admin), cat, élan"}, {"", 2, "Ann, ann 2"}, {"ANN 2", 2, "bob (admin), cat"},
			{"cat", 2, "élan"}, {"élan", 2, ""}, {"b", 1, "bob (admin)"}, {"", 0, ""}, {"", -1, ""},
		} {
			list, err := f.Members(f.Context(), "tea", ann.ID, test.after, test.limit)
			f.wantCode("Members", err, "")
			want(f, "members after "+test.after, names(list, memberName), test.names)
		}
		f.wantCode("SetSeen", f.SetSeen(f.Context(), map[string]time.Time{ann.ID: now.Add(time.Hour)}), "")
		list, err := f.Members(f.Context(), "tea", ann.ID, "ann 2", 2)
		f.wantCode("Members", err, "")
		for i, seen := range []time.Time{now.Add(time.Hour), now} { // bob, and cat, who was not here since she came
			if !list[i].Seen.Equal(seen) {
				f.Errorf("%s was seen at %v, want %v", list[i].Name, list[i].Seen, seen)
			}
		}
	}},
	{"FindRooms finds public rooms by the beginning of the name, then of a later word", func(f *fixture) {
		ann, ben := f.guest("ann"), f.guest("ben")
		for _, name := range []string{"Tea", "Green Tea", "teapots", "Café", "tea party", "日本茶"} {
			id := parley.NewRoomID()
			f.wantCode("CreateRoom", f.CreateRoom(f.Context(), parley.Room{ID: id, Name: name, Kind: parley.Public}, ann.ID, now), "")
			if name == "Green Tea" {
				f.join(id, ben)
			}
		}
		f.room("tea-time", parley.Private, ann)
		f.direct(ann, f.guest("teabag"))
		find := func(user parley.User, prefix string, limit int) string {
			list, err := f.FindRooms(f.Context(), user.ID, prefix, limit)
			f.wantCode("FindRooms", err, "")
			return names(list, func(o parley.RoomOffer) string {
				if o.Member {
					return o.Name + " ✓"
				}
				return o.Name
			})
		}
		want(f, "rooms to ben", find(ben, "tea", 10), "Tea, tea party, teapots, Green Tea ✓")
		want(f, "rooms to ann", find(ann, "TEA P", 10), "tea party ✓")
		want(f, "rooms to nobody", find(parley.User{}, "cafe", 10), "Café")
		want(f, "rooms by a part", find(ben, "茶", 10), "日本茶")
		want(f, "at most", find(ben, "tea", 2), "Tea, tea party")
		want(f, "none", find(ben, "tea", 0), "")
		want(f, "all", find(ben, "", 10), "Café, Green Tea ✓, lobby, Tea, tea party, teapots, 日本茶")
		list, err := f.FindRooms(f.Context(), ben.ID, "green", 1)
		f.wantCode("FindRooms", err, "")
		want(f, "members", list[0].Members, 2)
	}},
	{"FindRooms finds a room by its present name, and an archived one for its members alone", func(f *fixture) {
		ann, ben := f.guest("ann"), f.guest("ben")
		f.room("tea", parley.Public, ann)
		name := "Coffee for all"
		_, err := f.ChangeRoom(f.Context(), "tea", ann.ID, parley.RoomChange{Name: &name})
		f.wantCode("ChangeRoom", err, "")
		find := func(user parley.User, prefix string) int {
			list, err := f.FindRooms(f.Context(), user.ID, prefix, 10)
			f.wantCode("FindRooms", err, "")
			return len(list)
		}
		want(f, "by the name before", find(ben, "tea"), 0)
		want(f, "by the new name", find(ben, "coffee"), 1)
		want(f, "by a word of it", find(ben, "all"), 1)
		f.archive("tea", ann, true)
		want(f, "archived, to others", find(ben, "coffee"), 0)
		want(f, "archived, to a member", find(ann, "coffee"), 1)
		f.archive("tea", ann, false)
		want(f, "brought back", find(ben, "coffee"), 1)
	}},

	{"an archived room is read and joined, and nothing is said in it", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.member("ben", "tea")
		f.say(text("tea", ann, "a"), text("tea", ben, "a"))
		f.archive("tea", ann, true)
		for _, d := range []parley.Draft{
			text("tea", ann, "b"), text("tea", ben, "b"), about("tea", ann, "c", parley.KindEdit, 1),
			about("tea", ann, "d", parley.KindDelete, 1), about("tea", ben, "e", parley.KindReaction, 1),
		} {
			f.wantCode("Append", f.append(d)[0].Err, parley.CodeConflict)
		}
		want(f, "a resend", f.append(text("tea", ben, "a"))[0], parley.Appended{Seq: 2, Time: now})
		cat := f.guest("cat")
		want(f, "archived", f.join("tea", cat).Archived, true)
		f.wantCode("who is no member", f.append(text("tea", f.guest("dan"), "a"))[0].Err, parley.CodeNotJoined)
		f.wantRead("tea", ben, 2)
		want(f, "messages", len(f.log("tea")), 2)
		f.archive("tea", ann, false)
		want(f, "seq after it was brought back", f.say(text("tea", ben, "b")), 3)
	}},
	{"an admin of the room or of the installation deletes any message, and changes none", func(f *fixture) {
		ann, ben, root := f.member("ann", "tea"), f.member("ben", "tea", "zoo"), f.admin("root")
		f.join("tea", root)
		cat := f.member("cat", "tea")
		f.fill("tea", ben, 4)
		f.wantCode("an edit by the room's", f.append(about("tea", ann, "1", parley.KindEdit, 1))[0].Err, parley.CodeNotFound)
		f.wantCode("a delete by a member", f.append(about("tea", cat, "2", parley.KindDelete, 1))[0].Err, parley.CodeNotFound)
		f.say(about("tea", ann, "3", parley.KindDelete, 1), about("tea", root, "4", parley.KindDelete, 2))
		f.wantCode("SetRoomRole", f.SetRoomRole(f.Context(), "tea", ann.ID, cat.ID, parley.Admin), "")
		f.say(about("tea", cat, "5", parley.KindDelete, 3))
		f.wantCode("SetRoomRole", f.SetRoomRole(f.Context(), "tea", ann.ID, cat.ID, parley.Ordinary), "")
		f.wantCode("a delete by who was an admin", f.append(about("tea", cat, "6", parley.KindDelete, 4))[0].Err, parley.CodeNotFound)
		var left []string
		for _, m := range f.log("tea")[:4] {
			left = append(left, map[bool]string{true: "deleted", false: "there"}[m.Deleted])
		}
		want(f, "messages", strings.Join(left, " "), "deleted deleted deleted there")
		f.say(text("zoo", ben, "a"))
		f.wantCode("where they are no member", f.append(about("zoo", root, "7", parley.KindDelete, 1))[0].Err, parley.CodeNotJoined)
	}},
	{"who is taken out of a room while they publish says nothing after", func(f *fixture) {
		ann := f.member("ann", "tea")
		users := []parley.User{f.member("ben", "tea"), f.member("cat", "tea"), f.member("dan", "tea")}
		together(2*len(users), func(i int) {
			u := users[i/2]
			if i%2 == 1 {
				removed, err := f.RemoveMember(f.Context(), "tea", ann.ID, u.ID)
				f.wantCode("RemoveMember", err, "")
				want(f, "removed", removed, true)
				f.wantCode("Append after that", f.append(text("tea", u, "after"))[0].Err, parley.CodeNotJoined)
				return
			}
			for n := range 50 {
				if r := f.append(text("tea", u, string(rune('a'+n))))[0]; r.Err != nil {
					f.wantCode("Append", r.Err, parley.CodeNotJoined)
					return
				}
			}
		})
		f.contiguous("tea")
	}},
	{"many who make a room of one id at once: one does", func(f *fixture) {
		users := []parley.User{f.guest("ann"), f.guest("ben"), f.guest("cat"), f.guest("dan")}
		together(len(users), func(i int) {
			err := f.CreateRoom(f.Context(), parley.Room{ID: "tea", Name: "tea", Kind: parley.Private}, users[i].ID, now)
			if err != nil {
				f.wantCode("CreateRoom", err, parley.CodeConflict)
			}
		})
		made := 0
		for _, u := range users {
			rooms, err := f.MemberOf(f.Context(), u.ID)
			f.wantCode("MemberOf", err, "")
			made += len(rooms)
		}
		want(f, "makers", made, 1)
	}},
}
