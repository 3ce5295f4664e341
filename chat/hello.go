package chat

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/seed-4a326f83/parley"
)

// hello settles who the connection is. Said again with a token, it renews one
// that is about to expire.
func (s *Session) hello(ctx context.Context, req *Request, reply Reply) {
	caller, token, err := s.identify(ctx, req)
	if err == nil && s.greeted {
		err = s.renew(caller)
	} else if err == nil {
		err = s.enter(ctx, caller)
	}
	if err != nil {
		reply(nil, err)
		return
	}
	reply(HelloAck{
		User:      caller.User,
		Session:   token,
		Heartbeat: heartbeatAck{s.chat.heartbeat.Interval.Milliseconds(), s.chat.heartbeat.Timeout.Milliseconds()},
		Limits:    limitsAck{parley.MaxBody, s.chat.limits.PublishRate, s.chat.limits.PublishBurst},
	}, nil)
}

// enter connects the caller.
func (s *Session) enter(ctx context.Context, caller Caller) error {
	// First connected, then read: a membership that begins in between is told,
	// and who is put out in between is found to be.
	id := s.chat.node + strconv.FormatUint(s.chat.sessions.Add(1), 36)
	count := s.chat.hub.Connect(&s.hub, id, caller.User)
	s.hub.CameWith(caller.Session)
	if most := s.chat.limits.Connections; most > 0 && count > most {
		s.hub.Close()
		return &endingError{
			cause:  parley.Errorf(parley.CodeUnavailable, "you have %d connections open, which is the most; close one, then come again", most),
			ending: parley.Ending{Code: parley.CloseConnections, Reason: "too many connections of yours", RetryAfter: 10 * time.Second},
		}
	}
	rooms, err := s.chat.store.MemberOf(ctx, caller.ID)
	if err == nil {
		err = s.chat.stillIn(ctx, caller)
	}
	if err != nil {
		s.hub.Close()
		return err
	}
	s.hub.Watch(rooms)
	s.guest, s.greeted = caller.Role == parley.Guest, true
	s.expire(caller.Expires)
	return nil
}

// renew goes on with a fresh token of the same person.
func (s *Session) renew(caller Caller) error {
	if caller.ID != s.hub.User().ID {
		return parley.Errorf(parley.CodeConflict, "this connection is somebody else's; open another connection to be another one")
	}
	s.expire(caller.Expires)
	return nil
}

// expire has the connection ended when its token does.
func (s *Session) expire(at time.Time) {
	if s.vouched != nil && s.vouched.expiry != nil {
		s.vouched.expiry.Stop()
	}
	s.vouched = nil
	if !at.IsZero() {
		s.vouched = &vouched{expiry: time.AfterFunc(at.Sub(s.chat.now()), func() { s.hub.End(expired) })}
	}
}

var expired = parley.Ending{Code: parley.CloseExpired, Reason: "the token has expired; sign in again"}

// identify returns who says hello, and the session that a new guest is given,
// or the one that was given here.
func (s *Session) identify(ctx context.Context, req *Request) (Caller, parley.SessionToken, error) {
	said := 0
	for _, field := range []string{req.Name, req.Token, req.Session} {
		if field != "" {
			said++
		}
	}
	switch {
	case said > 1:
		return Caller{}, "", parley.Errorf(parley.CodeInvalid, "say one of name, token and session, not several")
	case req.Session != "":
		caller, err := s.chat.Identify(ctx, req.Session)
		return caller, parley.SessionToken(req.Session), disbelieved(err)
	case req.Token != "":
		caller, err := s.chat.Identify(ctx, req.Token)
		return caller, "", disbelieved(err)
	case s.greeted:
		return Caller{}, "", parley.Errorf(parley.CodeConflict, "hello was said already; open another connection to be somebody else")
	case s.vouched != nil && req.Name != "":
		return Caller{}, "", parley.Errorf(parley.CodeInvalid, "you are signed in as %s; say hello without a name", s.vouched.came.Name)
	case s.vouched != nil:
		return *s.vouched.came, "", nil
	case !s.chat.guests:
		return Caller{}, "", disbelieved(parley.Errorf(parley.CodeUnauthorized, "guests cannot come in here; sign in"))
	}
	return s.newGuest(ctx, req.Name)
}

func (s *Session) newGuest(ctx context.Context, name string) (Caller, parley.SessionToken, error) {
	name, err := cleanName(name)
	if err != nil {
		return Caller{}, "", err
	}
	token := parley.NewSessionToken()
	hash := token.Hash()
	user, err := s.chat.store.CreateGuest(ctx, parley.User{ID: parley.NewUserID(), Name: name}, hash, s.chat.now())
	return Caller{Account: parley.Account{User: user, Role: parley.Guest}, Session: &hash}, token, err
}

// disbelieved has a hello end the connection where its credentials were not
// believed: they will not be later, and guessing must cost a handshake.
func disbelieved(err error) error {
	e := parley.AsError(err)
	switch {
	case e == nil || e.Code != parley.CodeUnauthorized:
		return err
	case errors.Is(err, parley.ErrExpired):
		return &endingError{cause: e, ending: expired}
	}
	return &endingError{cause: e, ending: parley.Ending{Code: parley.CloseCredentials, Reason: "bad credentials"}}
}

// cleanName returns the name in Unicode normal form C, without space around it.
func cleanName(name string) (string, error) {
	name = strings.TrimSpace(norm.NFC.String(name))
	if strings.IndexFunc(name, visible) < 0 {
		return "", parley.Errorf(parley.CodeInvalid, "a name has 1 to %d characters; say hello with a name", parley.MaxUserName)
	}
	if n := utf8.RuneCountInString(name); n > parley.MaxUserName {
		return "", parley.Errorf(parley.CodeInvalid, "a name has at most %d characters, yours has %d", parley.MaxUserName, n)
	}
	if strings.IndexFunc(name, disruptive) >= 0 || strayJoiner(name) {
		return "", parley.Errorf(parley.CodeInvalid, "a name has no control characters and none that cannot be seen; leave them out")
	}
	return name, nil
}

// strayJoiner reports whether a joiner stands where it joins nothing and only
// makes two names look alike: beside ASCII, at an end, or beside another.
func strayJoiner(name string) bool {
	before := rune('a') // as good as an end
	joining := false
	for _, r := range name {
		if joiner(r) && (before < utf8.RuneSelf || joiner(before) && r != '\u200d') || joining && r < utf8.RuneSelf {
			return true
		}
		before, joining = r, r == '\u200c' || r == '\u200d'
	}
	return joining
}

// visible reports whether a rune shows: a name of others alone would not.
func visible(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !joiner(r) }

// joiner reports whether a rune shows nothing, but belongs in emoji and in the
// words of some scripts.
func joiner(r rune) bool {
	return r == '\u200c' || r == '\u200d' || unicode.Is(unicode.Variation_Selector, r)
}

// disruptive reports whether a rune is a control character, breaks or reorders
// the text that the name stands in (separators, bidirectional controls), or
// shows nothing.
func disruptive(r rune) bool {
	return !joiner(r) && (unicode.IsControl(r) ||
		unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point))
}
