package chat

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/hub"
)

// A Session is one connection. A gateway calls Handle for one request after the
// other, from one goroutine at a time, and Close at the end.
type Session struct {
	chat *Chat

	// Set by hello and not changed after.
	hub hub.Session

	vouched *vouched // nil for most

	taken [ofConnections]bucket // guarded by chat.mu
	flood *flood                // nil: never

	greeted bool // hello was believed
	guest   bool // and said a name alone

	mu     sync.Mutex  // Refused is called by the committer too
	errors *errorCount // nil: none
}

// vouched is what there is to know of a connection for which somebody else than
// hello, or a token, vouches.
type vouched struct {
	came   *Caller     // whom the request that opened it came from, until hello
	expiry *time.Timer // of a token
}

// Connect begins a session; what it is told goes to out. came is who the request
// that opened the connection was believed to come from, or nil: then hello says
// who.
func (c *Chat) Connect(out hub.Subscriber, came *Caller) *Session {
	s := new(Session)
	s.Begin(c, out, came)
	return s
}

// Begin is [Chat.Connect] for a session that is a part of a gateway's
// connection, as saves memory. It comes before all else.
func (s *Session) Begin(c *Chat, out hub.Subscriber, came *Caller) {
	s.chat = c
	s.hub.To(out)
	if came != nil {
		s.vouched = &vouched{came: came}
	}
}

// Close ends the session. Answers to what is being committed still come.
func (s *Session) Close() {
	if s.vouched != nil && s.vouched.expiry != nil {
		s.vouched.expiry.Stop()
	}
	if s.greeted {
		s.hub.Close()
		if user := s.hub.User().ID; !s.chat.hub.Online(user) { // else they are here still
			s.chat.seen.note(user, s.chat.now())
		}
		s.greeted = false
	}
}

// Greeted reports whether hello was said and believed.
func (s *Session) Greeted() bool { return s.greeted }

// A Reply is called once with the answer to a request: an ack, or an error. It
// may be called after Handle has returned, by another goroutine, and must not
// block.
type Reply func(ack any, err error)

// Handle does what a request says and has reply called.
func (s *Session) Handle(ctx context.Context, req *Request, reply Reply) {
	if !s.greeted && req.Type != "hello" {
		reply(nil, parley.Errorf(parley.CodeUnauthorized, "say hello first"))
		return
	}
	switch req.Type {
	case "hello":
		s.hello(ctx, req, reply)
	case "rooms":
		s.rooms(ctx, reply)
	case "join":
		s.join(ctx, req, reply)
	case "leave":
		s.leave(ctx, req, reply)
	case "publish":
		s.publishMessage(req, reply)
	case "signal":
		s.sendSignal(ctx, req, reply)
	case "history":
		s.history(ctx, req, reply)
	case "presence":
		s.presence(ctx, req, reply)
	case "direct":
		s.direct(ctx, req, reply)
	case "read":
		s.read(ctx, req, reply)
	case "ping":
		reply(Done{}, nil)
	default:
		reply(nil, parley.Errorf(parley.CodeUnknownType, "there is no word %q in this protocol", clip(req.Type)))
	}
}

// clip shortens what a client sent, for telling it back.
func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "..."
	}
	return s
}

// An endingError is an error after which the connection is ended.
type endingError struct {
	cause  *parley.Error
	ending parley.Ending
}

func (e *endingError) Error() string { return e.cause.Error() }
func (e *endingError) Unwrap() error { return e.cause }

// Refused notes that the connection was answered with err, and returns how to
// end it where that was once too often. Gateways call it for every error they
// answer, their own included.
func (s *Session) Refused(err error) (parley.Ending, bool) {
	if err == nil {
		return parley.Ending{}, false
	}
	e := parley.AsError(err)
	if e.Code == parley.CodeInternal {
		s.chat.log.Error("a request failed", "user", s.hub.User().ID, "error", err)
	}
	if ending, ok := errors.AsType[*endingError](err); ok {
		return ending.ending, true
	}
	if e.Code == parley.CodeRateLimited || e.Code == parley.CodeUnavailable || e.Code == parley.CodeInternal {
		return parley.Ending{}, false // not the client's mistake, or counted elsewhere
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.errors == nil {
		s.errors = new(errorCount)
	}
	if s.errors.tooMany(s.chat.now()) {
		return parley.Ending{Code: parley.ClosePolicy, Reason: "too many errors"}, true
	}
	return parley.Ending{}, false
}

const (
	maxErrors = 50
	errorTime = 10 * time.Second
)

// errorCount is when the last errors were.
type errorCount []time.Time

// tooMany notes an error and reports whether it is the last of maxErrors within
// errorTime.
func (c *errorCount) tooMany(now time.Time) bool {
	old := func(t time.Time) bool { return now.Sub(t) > errorTime }
	*c = append(slices.DeleteFunc(*c, old), now)
	return len(*c) >= maxErrors
}
