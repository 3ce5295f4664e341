package storetest

import (
	"time"

	"github.com/seed-4a326f83/parley"
)

// session makes a session of the user's.
func (f *fixture) session(u parley.User) parley.SessionHash {
	f.Helper()
	hash := parley.NewSessionToken().Hash()
	f.wantCode("CreateSession", f.CreateSession(f.Context(), u.ID, hash, now), "")
	return hash
}

// wantSession fails the test unless the session is good, or has ended.
func (f *fixture) wantSession(what string, session parley.SessionHash, good bool) {
	f.Helper()
	code := parley.CodeUnauthorized
	if good {
		code = ""
	}
	_, err := f.UserBySession(f.Context(), session, now)
	f.wantCode(what, err, code)
}

var sessionTests = []contract{
	{"CreateSession makes a session of a user who is there", func(f *fixture) {
		ann := f.account("ann")
		first, second := f.session(ann), f.session(ann)
		for _, hash := range []parley.SessionHash{first, second} {
			a, err := f.UserBySession(f.Context(), hash, now)
			f.wantCode("UserBySession", err, "")
			want(f, "account", a, f.person(ann))
		}
		f.wantCode("nobody's", f.CreateSession(f.Context(), parley.NewUserID(), parley.NewSessionToken().Hash(), now), parley.CodeUnauthorized)
	}},
	{"UserBySession refuses a session that was not used for SessionLife", func(f *fixture) {
		session := f.session(f.account("ann"))
		at := now
		for range 3 { // used now and then, it lives on
			at = at.Add(parley.SessionLife)
			_, err := f.UserBySession(f.Context(), session, at)
			f.wantCode("after SessionLife", err, "")
		}
		for range 2 {
			_, err := f.UserBySession(f.Context(), session, at.Add(parley.SessionLife+time.Hour))
			f.wantCode("an hour later", err, parley.CodeUnauthorized)
		}
	}},
	{"CreateSession leaves the sessions that are good", func(f *fixture) {
		ann := f.account("ann")
		old := f.session(ann)
		later := now.Add(parley.SessionLife)
		f.wantCode("CreateSession", f.CreateSession(f.Context(), ann.ID, parley.NewSessionToken().Hash(), later), "")
		_, err := f.UserBySession(f.Context(), old, later)
		f.wantCode("the old one", err, "")
	}},
	{"EndSession ends one session, or does nothing", func(f *fixture) {
		ann := f.account("ann")
		first, second := f.session(ann), f.session(ann)
		for range 2 {
			f.wantCode("EndSession", f.EndSession(f.Context(), first), "")
			f.wantSession("the one", first, false)
			f.wantSession("the other", second, true)
		}
	}},
	{"EndSessions ends all sessions of a user but one", func(f *fixture) {
		ann, ben := f.account("ann"), f.guest("ben")
		first, second, bens := f.session(ann), f.session(ann), f.session(ben)
		f.wantCode("EndSessions", f.EndSessions(f.Context(), ann.ID, &second), "")
		f.wantSession("the one", first, false)
		f.wantSession("the one that was kept", second, true)
		f.wantCode("EndSessions", f.EndSessions(f.Context(), ann.ID, &bens), "")
		f.wantSession("keeping somebody else's", second, false)
		f.wantSession("somebody else's", bens, true)
		f.wantCode("EndSessions", f.EndSessions(f.Context(), ben.ID, nil), "")
		f.wantSession("all", bens, false)
		f.wantCode("EndSessions of nobody", f.EndSessions(f.Context(), parley.NewUserID(), nil), "")
	}},
}
