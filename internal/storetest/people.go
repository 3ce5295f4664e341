package storetest

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4a326f83/parley"
)

// admin makes the first admin.
func (f *fixture) admin(name string) parley.User {
	f.Helper()
	u := parley.User{ID: parley.NewUserID(), Name: name}
	f.wantCode("CreateAccount of the first admin", f.CreateAccount(f.Context(), u, "secret of "+name, nil, now), "")
	return u
}

// account makes a person with a password, who has come by a ticket and is in the
// rooms.
func (f *fixture) account(name string, rooms ...string) parley.User {
	f.Helper()
	u := parley.User{ID: parley.NewUserID(), Name: name}
	ticket := f.ticket(parley.Ticket{}).Hash
	f.wantCode("CreateAccount", f.CreateAccount(f.Context(), u, "secret of "+name, &ticket, now), "")
	for _, room := range rooms {
		f.join(room, u)
	}
	return u
}

// external makes a person whom another system vouches for.
func (f *fixture) external(name string) parley.User {
	f.Helper()
	a, err := f.ExternalUser(f.Context(), "https://id.example", "subject of "+name, parley.User{ID: parley.NewUserID(), Name: name}, now)
	f.wantCode("ExternalUser", err, "")
	return a.User
}

// person is Account, which must not fail.
func (f *fixture) person(u parley.User) parley.Account {
	f.Helper()
	a, err := f.Account(f.Context(), u.ID)
	f.wantCode("Account", err, "")
	return a
}

// remove removes a user.
func (f *fixture) remove(u parley.User) {
	f.Helper()
	f.wantCode("RemoveUser", f.RemoveUser(f.Context(), u.ID, now), "")
}

// names spells the names of people: "ann, ben".
func names[T any](list []T, name func(T) string) string {
	var all []string
	for _, x := range list {
		all = append(all, name(x))
	}
	return strings.Join(all, ", ")
}

// oneAdminStays ends that the only two admins are admins, both at once.
func (f *fixture) oneAdminStays(end func(parley.User) error) {
	f.Helper()
	admins := []parley.User{f.admin("ann"), f.account("ben")}
	f.wantCode("SetRole", f.SetRole(f.Context(), admins[1].ID, parley.Admin), "")
	var ended atomic.Int64
	together(2, func(i int) {
		if err := end(admins[i]); err == nil {
			ended.Add(1)
		} else {
			f.wantCode("ending", err, parley.CodeConflict)
		}
	})
	want(f, "who ended", ended.Load(), 1)
	left := 0
	for _, u := range admins {
		if f.person(u).Role == parley.Admin {
			left++
		}
	}
	want(f, "who is left", left, 1)
}

var peopleTests = []contract{
	{"CreateAccount without a ticket makes the first admin, once", func(f *fixture) {
		f.guest("gus")
		ann := f.admin("ann")
		want(f, "account", f.person(ann), parley.Account{User: ann, Role: parley.Admin, Seen: now, HasPassword: true})
		err := f.CreateAccount(f.Context(), parley.User{ID: parley.NewUserID(), Name: "ben"}, "x", nil, now)
		f.wantCode("a second one", err, parley.CodeConflict)
	}},
	{"CreateAccount with a ticket makes a person and uses the ticket once", func(f *fixture) {
		invite := f.ticket(parley.Ticket{Uses: 2})
		for i, code := range []parley.Code{"", "", parley.CodeNotFound} {
			u := parley.User{ID: parley.NewUserID(), Name: fmt.Sprint("ann-", i)}
			f.wantCode("CreateAccount", f.CreateAccount(f.Context(), u, "secret", &invite.Hash, now), code)
			if code == "" {
				want(f, "account", f.person(u), parley.Account{User: u, Seen: now, HasPassword: true})
			}
		}
	}},
	{"CreateAccount refuses a ticket that is not good", func(f *fixture) {
		ann := f.account("ann")
		over, reset := f.ticket(parley.Ticket{Expires: now}), f.ticket(parley.Ticket{Reset: ann.ID})
		unknown := parley.NewSessionToken().Hash()
		for what, hash := range map[string]parley.SessionHash{"expired": over.Hash, "for a password": reset.Hash, "unknown": unknown} {
			err := f.CreateAccount(f.Context(), parley.User{ID: parley.NewUserID(), Name: "ben"}, "x", &hash, now)
			f.wantCode(what, err, parley.CodeNotFound)
		}
		_, err := f.Ticket(f.Context(), reset.Hash, now)
		f.wantCode("the ticket for a password", err, "")
	}},
	{"CreateAccount refuses a name in use and keeps the ticket", func(f *fixture) {
		f.guest("Ann")
		f.remove(f.account("ben"))
		invite := f.ticket(parley.Ticket{})
		for _, name := range []string{"Ann", "aNN", "Ben"} {
			err := f.CreateAccount(f.Context(), parley.User{ID: parley.NewUserID(), Name: name}, "x", &invite.Hash, now)
			f.wantCode(name, err, parley.CodeConflict)
		}
		f.wantCode("as the first admin", f.CreateAccount(f.Context(), parley.User{ID: parley.NewUserID(), Name: "ann"}, "x", nil, now), parley.CodeConflict)
		f.wantCode("a free one", f.CreateAccount(f.Context(), parley.User{ID: parley.NewUserID(), Name: "Ann 2"}, "x", &invite.Hash, now), "")
		want(f, "the next guest of that name", f.guest("ann").Name, "ann 3")
	}},
	{"a guest is a Guest", func(f *fixture) {
		gus := f.guest("gus")
		want(f, "account", f.person(gus), parley.Account{User: gus, Role: parley.Guest, Seen: now})
	}},
	{"ExternalUser is one user, whom another system knows as subject", func(f *fixture) {
		asked := parley.User{ID: parley.NewUserID(), Name: "ann"}
		first, err := f.ExternalUser(f.Context(), "a", "1", asked, now)
		f.wantCode("ExternalUser", err, "")
		want(f, "account", first, parley.Account{User: asked, Seen: now})
		for _, again := range []struct{ issuer, subject, name string }{{"a", "1", "ann"}, {"a", "2", "ann 2"}, {"b", "1", "ann 3"}, {"A", "1", "ann 4"}} {
			u, err := f.ExternalUser(f.Context(), again.issuer, again.subject, parley.User{ID: parley.NewUserID(), Name: "ann"}, now.Add(time.Hour))
			f.wantCode("ExternalUser", err, "")
			want(f, "name", u.Name, again.name)
			want(f, "the same user", u.ID == first.ID, again.name == "ann")
		}
		f.remove(asked)
		_, err = f.ExternalUser(f.Context(), "a", "1", parley.User{ID: parley.NewUserID(), Name: "ann"}, now)
		f.wantCode("who was removed", err, parley.CodeUnauthorized)
	}},

	{"Account finds everybody who was ever there", func(f *fixture) {
		ann := f.account("ann")
		f.remove(ann)
		want(f, "who was removed", f.person(ann), parley.Account{User: ann, Seen: now, Removed: true})
		_, err := f.Account(f.Context(), parley.NewUserID())
		f.wantCode("nobody", err, parley.CodeNotFound)
	}},
	{"Password finds a person by name, without regard to case", func(f *fixture) {
		ann := f.account("Ann")
		for _, name := range []string{"Ann", "ann", "ANN"} {
			a, password, err := f.Password(f.Context(), name)
			f.wantCode("Password", err, "")
			want(f, "account", a, f.person(ann))
			want(f, "password", password, "secret of Ann")
		}
	}},
	{"Password refuses who is not there and who has none, alike", func(f *fixture) {
		f.guest("gus")
		f.external("eve")
		f.remove(f.account("ben"))
		var said []string
		for _, name := range []string{"nobody", "gus", "eve", "ben"} {
			_, _, err := f.Password(f.Context(), name)
			f.wantCode(name, err, parley.CodeUnauthorized)
			said = append(said, parley.AsError(err).Error())
		}
		for _, s := range said {
			want(f, "what is said", s, said[0])
		}
	}},
	{"SetPassword replaces it and ends the other sessions", func(f *fixture) {
		ann, ben := f.account("ann"), f.account("ben")
		here, there, bens := f.session(ann), f.session(ann), f.session(ben)
		reset := f.ticket(parley.Ticket{Reset: ann.ID})
		f.wantCode("SetPassword", f.SetPassword(f.Context(), ann.ID, "new", &here), "")
		_, password, err := f.Password(f.Context(), "ann")
		f.wantCode("Password", err, "")
		want(f, "password", password, "new")
		f.wantSession("the session that was kept", here, true)
		f.wantSession("another", there, false)
		f.wantSession("somebody else's", bens, true)
		_, err = f.Ticket(f.Context(), reset.Hash, now)
		f.wantCode("the ticket that would reset it", err, parley.CodeNotFound)

		f.wantCode("SetPassword", f.SetPassword(f.Context(), ann.ID, "newer", nil), "")
		f.wantSession("the last session", here, false)
	}},
	{"SetPassword is for those who can have one", func(f *fixture) {
		gus, ben, eve := f.guest("gus"), f.account("ben"), f.external("eve")
		f.remove(ben)
		f.wantCode("a guest's", f.SetPassword(f.Context(), gus.ID, "x", nil), parley.CodeInvalid)
		f.wantCode("a removed one's", f.SetPassword(f.Context(), ben.ID, "x", nil), parley.CodeNotFound)
		f.wantCode("nobody's", f.SetPassword(f.Context(), parley.NewUserID(), "x", nil), parley.CodeNotFound)
		f.wantCode("one's of another system", f.SetPassword(f.Context(), eve.ID, "x", nil), "")
		want(f, "has a password", f.person(eve).HasPassword, true)
	}},
	{"ResetPassword is SetPassword for whoever has the ticket", func(f *fixture) {
		ann := f.account("ann")
		session := f.session(ann)
		first, second := f.ticket(parley.Ticket{Reset: ann.ID}), f.ticket(parley.Ticket{Reset: ann.ID, Uses: 5})
		u, err := f.ResetPassword(f.Context(), first.Hash, "new", now)
		f.wantCode("ResetPassword", err, "")
		want(f, "user", u, ann)
		_, password, err := f.Password(f.Context(), "ann")
		f.wantCode("Password", err, "")
		want(f, "password", password, "new")
		f.wantSession("the session before", session, false)
		for _, t := range []parley.Ticket{first, second} {
			_, err := f.ResetPassword(f.Context(), t.Hash, "newer", now)
			f.wantCode("ResetPassword once more", err, parley.CodeNotFound)
		}
	}},
	{"ResetPassword refuses a ticket that is not good", func(f *fixture) {
		ann := f.account("ann")
		invite, over := f.ticket(parley.Ticket{}), f.ticket(parley.Ticket{Reset: ann.ID, Expires: now})
		for what, hash := range map[string]parley.SessionHash{"an invite": invite.Hash, "expired": over.Hash, "unknown": parley.NewSessionToken().Hash()} {
			_, err := f.ResetPassword(f.Context(), hash, "new", now)
			f.wantCode(what, err, parley.CodeNotFound)
		}
		_, err := f.Ticket(f.Context(), invite.Hash, now)
		f.wantCode("the invite", err, "")
	}},

	{"SetRole makes an admin, and ordinary again", func(f *fixture) {
		ann, ben := f.admin("ann"), f.account("ben")
		for _, role := range []parley.Role{parley.Admin, parley.Admin, parley.Ordinary, parley.Ordinary} {
			f.wantCode("SetRole", f.SetRole(f.Context(), ben.ID, role), "")
			want(f, "role", f.person(ben).Role, role)
		}
		f.wantCode("the last admin", f.SetRole(f.Context(), ann.ID, parley.Ordinary), parley.CodeConflict)
		f.wantCode("the last admin an admin", f.SetRole(f.Context(), ann.ID, parley.Admin), "")
		f.wantCode("a second admin", f.SetRole(f.Context(), ben.ID, parley.Admin), "")
		f.wantCode("the first one", f.SetRole(f.Context(), ann.ID, parley.Ordinary), "")
		want(f, "role", f.person(ann).Role, parley.Ordinary)
	}},
	{"SetRole refuses guests and who is not there", func(f *fixture) {
		gus, ben := f.guest("gus"), f.account("ben")
		f.wantCode("an unknown role", f.SetRole(f.Context(), ben.ID, parley.Guest), parley.CodeInvalid)
		f.remove(ben)
		f.wantCode("a guest", f.SetRole(f.Context(), gus.ID, parley.Admin), parley.CodeInvalid)
		f.wantCode("who was removed", f.SetRole(f.Context(), ben.ID, parley.Admin), parley.CodeNotFound)
		f.wantCode("nobody", f.SetRole(f.Context(), parley.NewUserID(), parley.Admin), parley.CodeNotFound)
	}},
	{"SetRole ends the tickets of who is an admin no more", func(f *fixture) {
		f.admin("ann")
		ben := f.account("ben")
		f.wantCode("SetRole", f.SetRole(f.Context(), ben.ID, parley.Admin), "")
		made, other := f.ticket(parley.Ticket{By: ben.ID}), f.ticket(parley.Ticket{})
		f.wantCode("SetRole", f.SetRole(f.Context(), ben.ID, parley.Ordinary), "")
		_, err := f.Ticket(f.Context(), made.Hash, now)
		f.wantCode("theirs", err, parley.CodeNotFound)
		_, err = f.Ticket(f.Context(), other.Hash, now)
		f.wantCode("another", err, "")
	}},

	{"RemoveUser ends sessions, memberships, password and tickets", func(f *fixture) {
		ann, ben := f.account("ann", "tea", parley.Lobby), f.account("ben", "tea")
		f.direct(ann, ben)
		session := f.session(ann)
		by, reset := f.ticket(parley.Ticket{By: ann.ID}), f.ticket(parley.Ticket{Reset: ann.ID})
		f.say(text("tea", ann, "a"))
		for range 2 {
			f.remove(ann)
			f.wantSession("the session", session, false)
			rooms, err := f.Rooms(f.Context(), ann.ID)
			f.wantCode("Rooms", err, "")
			want(f, "rooms", len(rooms), 0)
		}
		for _, t := range []parley.Ticket{by, reset} {
			_, err := f.Ticket(f.Context(), t.Hash, now)
			f.wantCode("a ticket", err, parley.CodeNotFound)
		}
		f.wantCode("CreateSession", f.CreateSession(f.Context(), ann.ID, parley.NewSessionToken().Hash(), now), parley.CodeUnauthorized)
		_, _, err := f.Join(f.Context(), parley.Lobby, ann.ID, true, now)
		f.wantCode("Join", err, parley.CodeUnauthorized)
		err = f.CreateRoom(f.Context(), parley.Room{ID: "zoo", Name: "zoo", Kind: parley.Public}, ann.ID, now)
		f.wantCode("CreateRoom", err, parley.CodeUnauthorized)
		_, _, err = f.DirectRoom(f.Context(), ann.ID, ben.ID, parley.NewRoomID(), now)
		f.wantCode("DirectRoom", err, parley.CodeUnauthorized)
		got := f.append(text("tea", ann, "b"), text("tea", ann, "a"))
		f.wantCode("Append", got[0].Err, parley.CodeNotJoined)
		want(f, "a resend", got[1], parley.Appended{Seq: 1, Time: now})
		f.wantCode("removing nobody", f.RemoveUser(f.Context(), parley.NewUserID(), now), parley.CodeNotFound)
	}},
	{"RemoveUser leaves what they said, under their name, which stays taken", func(f *fixture) {
		ann, ben := f.account("ann", "tea"), f.account("ben", "tea")
		room := f.direct(ann, ben).ID
		f.say(text("tea", ann, "a"), text(room, ann, "b"), about("tea", ann, "c", parley.KindReaction, 1))
		f.remove(ann)
		log := f.log("tea")
		want(f, "from", log[0].From, ann)
		want(f, "who reacted", log[0].Reactions[0].Users[0], ann)
		want(f, "the next of that name", f.guest("Ann").Name, "Ann 2")
		m := f.membership(room, ben)
		want(f, "the direct room's name to the other", m.Name, "ann")
		want(f, "what is unread there", m.Unread, 1)
		_, _, err := f.DirectRoom(f.Context(), ben.ID, ann.ID, parley.NewRoomID(), now)
		f.wantCode("DirectRoom with who was removed", err, parley.CodeNotFound)
	}},
	{"RemoveUser refuses the last admin", func(f *fixture) {
		ann, ben := f.admin("ann"), f.account("ben")
		f.wantCode("RemoveUser", f.RemoveUser(f.Context(), ann.ID, now), parley.CodeConflict)
		f.wantCode("SetRole", f.SetRole(f.Context(), ben.ID, parley.Admin), "")
		f.remove(ann)
		want(f, "role", f.person(ann).Role, parley.Ordinary)
		f.wantCode("RemoveUser", f.RemoveUser(f.Context(), ben.ID, now), parley.CodeConflict)
		err := f.CreateAccount(f.Context(), parley.User{ID: parley.NewUserID(), Name: "cat"}, "x", nil, now)
		f.wantCode("a first admin", err, parley.CodeConflict)
	}},

	{"FindPeople finds by the beginning of a name, then of a later word", func(f *fixture) {
		for _, name := range []string{"Lee", "ann", "Bruce Lee", "José", "Ann Lee", "leeloo", "o'leery", "山田 太郎", "a-lee"} {
			f.guest(name)
		}
		f.remove(f.account("lee the removed"))
		for prefix, found := range map[string]string{
			"lee": "Lee, leeloo, Bruce Lee, Ann Lee, a-lee, o'leery", "LEE": "Lee, leeloo, Bruce Lee, Ann Lee, a-lee, o'leery",
			"ann": "ann, Ann Lee", "ann l": "Ann Lee", "jose": "José", "josé": "José", "ee": "", "%": "", "_": "", "lee the": "",
			"太": "山田 太郎", "山田": "山田 太郎", "郎": "山田 太郎",
		} {
			list, err := f.FindPeople(f.Context(), prefix, 10)
			f.wantCode("FindPeople", err, "")
			want(f, "people of "+prefix, names(list, func(a parley.Account) string { return a.Name }), found)
		}
		for limit, found := range map[int]string{0: "", 1: "Lee", 3: "Lee, leeloo, Bruce Lee"} {
			list, err := f.FindPeople(f.Context(), "lee", limit)
			f.wantCode("FindPeople", err, "")
			want(f, "people", names(list, func(a parley.Account) string { return a.Name }), found)
		}
		all, err := f.FindPeople(f.Context(), "", 4)
		f.wantCode("FindPeople", err, "")
		want(f, "everybody", names(all, func(a parley.Account) string { return a.Name }), "a-lee, ann, Ann Lee, Bruce Lee")
		want(f, "role", all[0].Role, parley.Guest)
		want(f, "seen", all[0].Seen, now)
	}},
	{"SetSeen notes the latest moment", func(f *fixture) {
		ann, ben := f.guest("ann"), f.guest("ben")
		for _, step := range []struct{ at, seen time.Time }{{now.Add(time.Hour), now.Add(time.Hour)}, {now, now.Add(time.Hour)}, {now.Add(2 * time.Hour), now.Add(2 * time.Hour)}} {
			f.wantCode("SetSeen", f.SetSeen(f.Context(), map[string]time.Time{ann.ID: step.at, parley.NewUserID(): step.at}), "")
			want(f, "seen", f.person(ann).Seen, step.seen)
		}
		want(f, "seen", f.person(ben).Seen, now)
		f.wantCode("SetSeen of nobody", f.SetSeen(f.Context(), nil), "")
	}},

	{"two who come by one ticket at once: one gets in", func(f *fixture) {
		const people, uses = 8, 3
		invite := f.ticket(parley.Ticket{Uses: uses})
		var in atomic.Int64
		together(people, func(i int) {
			err := f.CreateAccount(f.Context(), parley.User{ID: parley.NewUserID(), Name: fmt.Sprint("ann-", i)}, "x", &invite.Hash, now)
			switch parley.ErrorCode(err) {
			case "":
				in.Add(1)
			case parley.CodeNotFound:
			default:
				f.Errorf("CreateAccount: %v", err)
			}
		})
		want(f, "in", in.Load(), uses)
	}},
	{"two who take one name at once: one gets it", func(f *fixture) {
		var got atomic.Int64
		together(6, func(i int) {
			invite := f.ticket(parley.Ticket{}).Hash
			err := f.CreateAccount(f.Context(), parley.User{ID: parley.NewUserID(), Name: []string{"ann", "ANN"}[i%2]}, "x", &invite, now)
			if err == nil {
				got.Add(1)
			} else {
				f.wantCode("CreateAccount", err, parley.CodeConflict)
			}
		})
		want(f, "who got it", got.Load(), 1)
	}},
	{"two who become the first admin at once: one does", func(f *fixture) {
		var made atomic.Int64
		together(6, func(i int) {
			err := f.CreateAccount(f.Context(), parley.User{ID: parley.NewUserID(), Name: fmt.Sprint("ann-", i)}, "x", nil, now)
			if err == nil {
				made.Add(1)
			} else {
				f.wantCode("CreateAccount", err, parley.CodeConflict)
			}
		})
		want(f, "admins", made.Load(), 1)
	}},
	{"the last two admins resign at once: one stays", func(f *fixture) {
		f.oneAdminStays(func(u parley.User) error { return f.SetRole(f.Context(), u.ID, parley.Ordinary) })
	}},
	{"the last two admins are removed at once: one stays", func(f *fixture) {
		f.oneAdminStays(func(u parley.User) error { return f.RemoveUser(f.Context(), u.ID, now) })
	}},
	{"many who come from another system at once are one", func(f *fixture) {
		var ids sync.Map
		together(8, func(int) {
			a, err := f.ExternalUser(f.Context(), "a", "1", parley.User{ID: parley.NewUserID(), Name: "ann"}, now)
			f.wantCode("ExternalUser", err, "")
			want(f, "name", a.Name, "ann")
			ids.Store(a.ID, true)
		})
		users := 0
		ids.Range(func(any, any) bool { users++; return true })
		want(f, "users", users, 1)
	}},
	{"who is removed while they publish has said what was taken, and nothing after", func(f *fixture) {
		const people = 4
		users := make([]parley.User, people)
		for i := range users {
			users[i] = f.account(fmt.Sprint("ann-", i), "tea")
		}
		var taken atomic.Int64
		together(2*people, func(i int) {
			u := users[i/2]
			if i%2 == 1 {
				f.remove(u)
				r := f.append(text("tea", u, "after"))[0]
				f.wantCode("Append after RemoveUser", r.Err, parley.CodeNotJoined)
				return
			}
			for n := range 50 {
				r := f.append(text("tea", u, fmt.Sprint(n)))[0]
				if r.Err != nil {
					f.wantCode("Append", r.Err, parley.CodeNotJoined)
					return
				}
				taken.Add(1)
			}
		})
		want(f, "messages", int64(len(f.contiguous("tea"))), taken.Load())
	}},
}
