package chat

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/seed-4a326f83/parley"
)

// hello settles who the connection is.
func (s *Session) hello(ctx context.Context, req *Request, reply Reply) {
	if s.greeted {
		reply(nil, parley.Errorf(parley.CodeConflict, "hello was said already; open another connection to be somebody else"))
		return
	}
	user, token, err := s.identify(ctx, req)
	if err != nil {
		reply(nil, err)
		return
	}
	// First connected, then read: a membership that begins in between is told.
	id := s.chat.node + strconv.FormatUint(s.chat.sessions.Add(1), 36)
	count := s.chat.hub.Connect(&s.hub, id, user)
	if most := s.chat.limits.Connections; most > 0 && count > most {
		s.hub.Close()
		reply(nil, &endingError{
			cause:  parley.Errorf(parley.CodeUnavailable, "you have %d connections open, which is the most; close one, then come again", most),
			ending: parley.Ending{Code: parley.CloseConnections, Reason: "too many connections of yours", RetryAfter: 10 * time.Second},
		})
		return
	}
	rooms, err := s.chat.store.MemberOf(ctx, user.ID)
	if err != nil {
		s.hub.Close()
		reply(nil, err)
		return
	}
	s.hub.Watch(rooms)
	s.greeted = true
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
