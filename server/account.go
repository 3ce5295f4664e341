package server

import (
	"net/http"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
)

// The calls about who one is.

// mine is an account as its owner sees it.
type mine struct {
	parley.Account
	Password bool `json:"password"`
}

func mineOf(a parley.Account) mine { return mine{a, a.HasPassword} }

func (s *Server) getConfig(c *call) (any, error) {
	type provider struct {
		Name string `json:"name"`
	}
	// Other nodes may have seen to it.
	setup := false
	if s.signIns.Accounts {
		has, err := s.chat.HasAdmin(c.Context())
		if err != nil {
			return nil, err
		}
		setup = !has
	}
	answer := struct {
		Guests   bool      `json:"guests"`
		Accounts bool      `json:"accounts"`
		Setup    bool      `json:"setup"`
		OIDC     *provider `json:"oidc,omitempty"`
		User     *mine     `json:"user,omitempty"`
	}{Guests: s.chat.Guests(), Accounts: s.signIns.Accounts, Setup: setup}
	if s.signIns.OIDC != nil {
		answer.OIDC = &provider{s.signIns.OIDC.name}
	}
	// One whom the cookie does not believe any more is nobody.
	switch caller, found, err := s.identify(c.Request); {
	case found:
		me := mineOf(caller.Account)
		answer.User = &me
	case parley.ErrorCode(err) != parley.CodeUnauthorized && err != nil:
		return nil, err
	}
	return answer, nil
}

// signedIn gives the browser a fresh session: never one that it brought, which
// somebody else may have given it.
func (s *Server) signedIn(c *call, a parley.Account) (any, error) {
	session, err := s.chat.StartSession(c.Context(), a.ID)
	if err != nil {
		return nil, err
	}
	s.setSession(c.w, c.Request, session)
	return mineOf(a), nil
}

func (s *Server) setup(c *call) (any, error) {
	var in struct {
		Token          parley.SessionToken
		Name, Password string
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	a, err := s.chat.SetUp(c.Context(), in.Token, in.Name, in.Password)
	if err != nil {
		return nil, err
	}
	return s.signedIn(c, a)
}

func (s *Server) signIn(c *call) (any, error) {
	var in struct{ Name, Password string }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	a, err := s.chat.SignIn(c.Context(), s.clientAddr(c.Request).String(), in.Name, in.Password)
	if err != nil {
		return nil, err
	}
	return s.signedIn(c, a)
}

func (s *Server) ticket(c *call) (any, error) {
	var in struct{ Ticket parley.SessionToken }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	t, by, of, err := s.chat.Ticket(c.Context(), in.Ticket)
	if err != nil {
		return nil, err
	}
	answer := struct {
		Kind    string       `json:"kind"`
		By      parley.User  `json:"by"`
		User    *parley.User `json:"user,omitempty"`
		Expires parley.Time  `json:"expires"`
	}{"invite", by, nil, parley.Time{Time: t.Expires}}
	if t.Reset != "" {
		answer.Kind, answer.User = "reset", &of
	}
	return answer, nil
}

func (s *Server) signUp(c *call) (any, error) {
	var in struct {
		Ticket         parley.SessionToken
		Name, Password string
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	a, err := s.chat.SignUp(c.Context(), &in.Ticket, in.Name, in.Password)
	if err != nil {
		return nil, err
	}
	return s.signedIn(c, a)
}

func (s *Server) resetPassword(c *call) (any, error) {
	var in struct {
		Ticket   parley.SessionToken
		Password string
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	a, err := s.chat.ResetPassword(c.Context(), in.Ticket, in.Password)
	if err != nil {
		return nil, err
	}
	return s.signedIn(c, a)
}

func (s *Server) signOut(c *call) (any, error) {
	var in struct{ Everywhere bool }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	if s.hasCookie(c.Request) {
		s.setSession(c.w, c.Request, "")
	}
	return done(s.chat.SignOut(c.Context(), c.caller, in.Everywhere))
}

func (s *Server) me(c *call) (any, error) { return mineOf(c.caller.Account), nil }

func (s *Server) changePassword(c *call) (any, error) {
	var in struct{ Old, New string }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	return done(s.chat.ChangePassword(c.Context(), c.caller, s.clientAddr(c.Request).String(), in.Old, in.New))
}

// The calls about people.

func (s *Server) people(c *call) (any, error) {
	limit, err := c.limit()
	if err != nil {
		return nil, err
	}
	people, err := s.chat.People(c.Context(), c.FormValue("q"), limit)
	return struct {
		People []chat.Person `json:"people"`
	}{people}, err
}

func (s *Server) setRole(c *call) (any, error) {
	var in struct{ Role parley.Role }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	return s.chat.SetRole(c.Context(), c.caller, c.PathValue("id"), in.Role)
}

func (s *Server) removePerson(c *call) (any, error) {
	return done(s.chat.Remove(c.Context(), c.caller, c.PathValue("id")))
}

// origin returns where people reach the server, without a path.
func (s *Server) origin(r *http.Request) string {
	if p := s.guard.publicURL; p != nil {
		return p.Scheme + "://" + p.Host
	}
	if s.secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// link returns where a ticket is used. The secret stands behind #, which
// browsers send to nobody.
func (s *Server) link(r *http.Request, kind string, secret parley.SessionToken) string {
	return s.origin(r) + "/#" + kind + "=" + string(secret)
}

func (s *Server) makeReset(c *call) (any, error) {
	secret, t, err := s.chat.Reset(c.Context(), c.caller, c.PathValue("id"))
	return struct {
		Link    string      `json:"link"`
		Expires parley.Time `json:"expires"`
	}{s.link(c.Request, "reset", secret), parley.Time{Time: t.Expires}}, err
}

// An inviteAnswer is an invite as an admin sees it.
type inviteAnswer struct {
	ID      string      `json:"id"`
	By      string      `json:"by"`
	Uses    int         `json:"uses"`
	Expires parley.Time `json:"expires"`
	Link    string      `json:"link,omitempty"` // when it was just made
}

func inviteOf(t parley.Ticket) inviteAnswer {
	return inviteAnswer{ID: t.ID, By: t.By, Uses: t.Uses, Expires: parley.Time{Time: t.Expires}}
}

func (s *Server) invites(c *call) (any, error) {
	tickets, err := s.chat.Invites(c.Context(), c.caller)
	all := make([]inviteAnswer, len(tickets))
	for i, t := range tickets {
		all[i] = inviteOf(t)
	}
	return struct {
		Invites []inviteAnswer `json:"invites"`
	}{all}, err
}

func (s *Server) invite(c *call) (any, error) {
	var in struct{ Uses, Days int }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	secret, t, err := s.chat.Invite(c.Context(), c.caller, in.Uses, in.Days)
	answer := inviteOf(t)
	answer.Link = s.link(c.Request, "invite", secret)
	return answer, err
}

func (s *Server) uninvite(c *call) (any, error) {
	return done(s.chat.Uninvite(c.Context(), c.caller, c.PathValue("id")))
}
