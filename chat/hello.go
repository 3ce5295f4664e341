package chat

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/seed-4a326f83/parley"
)

// hello settles who the connection is.
func (s *Session) hello(ctx context.Context, req *Request, reply Reply) {
	if s.hub != nil {
		reply(nil, parley.Errorf(parley.CodeConflict, "hello was said already; open another connection to be somebody else"))
		return
	}
	user, token, err := s.identify(ctx, req)
	if err != nil {
		reply(nil, err)
		return
	}
	account, err := s.chat.acquire(user.ID)
	if err != nil {
		reply(nil, err)
		return
	}
	// First connected, then read: a membership that begins in between is told.
	connection := s.chat.hub.Connect(s.id, user, s.out)
	rooms, err := s.chat.store.Rooms(ctx, user.ID)
	if err != nil {
		connection.Close()
		s.chat.release(user.ID, account)
		reply(nil, err)
		return
	}
	for _, r := range rooms {
		connection.Watch(r.Room)
	}
	s.user, s.account, s.hub = user, account, connection
	reply(HelloAck{
		User:      user,
		Session:   token,
		Heartbeat: heartbeatAck{s.chat.heartbeat.Interval.Milliseconds(), s.chat.heartbeat.Timeout.Milliseconds()},
		Limits:    limitsAck{parley.MaxBody, s.chat.limits.PublishRate, s.chat.limits.PublishBurst},
	}, nil)
}

func (s *Session) identify(ctx context.Context, req *Request) (parley.User, parley.SessionToken, error) {
	said := 0
	for _, field := range []string{req.Name, req.Token, req.Session} {
		if field != "" {
			said++
		}
	}
	switch {
	case said > 1:
		return parley.User{}, "", parley.Errorf(parley.CodeInvalid, "say one of name, token and session, not several")
	case req.Session != "":
		token := parley.SessionToken(req.Session)
		user, err := s.chat.store.UserBySession(ctx, token.Hash(), s.chat.now())
		if parley.ErrorCode(err) == parley.CodeUnauthorized {
			err = badCredentials("this session is not known here; say hello with a name")
		}
		return user, token, err
	case req.Token != "":
		return parley.User{}, "", badCredentials("this server takes no tokens; say hello with a name")
	}
	name, err := cleanName(req.Name)
	if err != nil {
		return parley.User{}, "", err
	}
	token := parley.NewSessionToken()
	user, err := s.chat.store.CreateGuest(ctx, parley.User{ID: parley.NewUserID(), Name: name}, token.Hash(), s.chat.now())
	return user, token, err
}

// badCredentials refuses a hello and ends the connection: credentials that are
// not believed now will not be later, and guessing must cost a handshake.
func badCredentials(message string) error {
	return &endingError{
		cause:  parley.Errorf(parley.CodeUnauthorized, "%s", message),
		ending: parley.Ending{Code: parley.CloseCredentials, Reason: "bad credentials"},
	}
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
	if strings.IndexFunc(name, disruptive) >= 0 {
		return "", parley.Errorf(parley.CodeInvalid, "a name has no control characters; leave them out")
	}
	return name, nil
}

// visible reports whether a rune shows: a name of joiners alone would not.
func visible(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }

// disruptive reports whether a rune is a control character, or reorders or
// breaks the text that the name stands in (bidirectional controls, separators).
func disruptive(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}
