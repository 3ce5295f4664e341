package server

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
)

// maxAPIBody is the longest body of a call, in bytes.
const maxAPIBody = 64 << 10

// A call is a request of the HTTP API (docs/api.md).
type call struct {
	*http.Request
	w      http.ResponseWriter
	caller chat.Caller // whose it is, in calls that need somebody
}

// routeAPI adds the HTTP API to the routes.
func (s *Server) routeAPI() {
	anybody := map[string]func(*call) (any, error){
		"GET /api/config":  s.getConfig,
		"POST /api/setup":  s.setup,
		"POST /api/signin": s.signIn,
		"POST /api/ticket": s.ticket,
		"POST /api/signup": s.signUp,
		"POST /api/reset":  s.resetPassword,
	}
	somebody := map[string]func(*call) (any, error){
		"POST /api/signout":     s.signOut,
		"GET /api/me":           s.me,
		"POST /api/me/password": s.changePassword,

		"GET /api/people":                       s.people,
		"POST /api/people/{id}/role":            s.setRole,
		"POST /api/people/{id}/reset":           s.makeReset,
		"DELETE /api/people/{id}":               s.removePerson,
		"GET /api/invites":                      s.invites,
		"POST /api/invites":                     s.invite,
		"DELETE /api/invites/{id}":              s.uninvite,
		"GET /api/rooms":                        s.findRooms,
		"POST /api/rooms":                       s.createRoom,
		"PATCH /api/rooms/{id}":                 s.changeRoom,
		"GET /api/rooms/{id}/members":           s.members,
		"PUT /api/rooms/{id}/members/{user}":    s.addMember,
		"DELETE /api/rooms/{id}/members/{user}": s.removeMember,
		"GET /api/search":                       s.search,
	}
	for pattern, do := range anybody {
		s.mux.Handle(pattern, s.api(false, do))
	}
	for pattern, do := range somebody {
		s.mux.Handle(pattern, s.api(true, do))
	}
	s.mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, parley.Errorf(parley.CodeNotFound, "there is no %s %s; docs/api.md has what there is", r.Method, r.URL.Path))
	})
	if s.signIns.OIDC != nil {
		s.mux.HandleFunc("GET /api/oidc/start", s.oidcStart)
		s.mux.HandleFunc("GET /api/oidc/callback", s.oidcCallback)
	}
}

// api serves one call; needs says whether somebody has to be signed in.
func (s *Server) api(needs bool, do func(*call) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		c := &call{Request: r, w: w}
		answer, err := s.answer(c, needs, do)
		if err != nil {
			if e := parley.AsError(err); e.Code == parley.CodeInternal {
				s.log.Error("a call failed", "call", r.Pattern, "user", c.caller.ID, "error", err)
			}
			writeError(w, err)
			return
		}
		header.Set("Content-Type", "application/json")
		w.Write(parley.EncodeJSON(answer))
	})
}

func (s *Server) answer(c *call, needs bool, do func(*call) (any, error)) (any, error) {
	if err := s.checkForgery(c.Request); err != nil {
		return nil, err
	}
	addr := s.clientAddr(c.Request)
	rated := "address " + addr.String()
	if needs {
		caller, found, err := s.identify(c.Request)
		switch {
		case err != nil:
			return nil, err
		case !found:
			return nil, parley.Errorf(parley.CodeUnauthorized, "sign in first")
		}
		c.caller, rated = caller, "user "+caller.ID
	}
	if !needs && addr.IsLoopback() {
		return do(c)
	}
	if wait := s.calls.take(rated); wait > 0 {
		return nil, &parley.Error{Code: parley.CodeRateLimited, RetryAfter: wait, Message: "you ask too fast; wait a little, then go on"}
	}
	return do(c)
}

// checkForgery refuses a call that changes something and that a page of another
// origin may have caused: forms of others can send neither this content type nor
// these methods, and browsers say in Origin who sends.
func (s *Server) checkForgery(r *http.Request) error {
	if refused := s.guard.checkOrigin(r); refused != nil {
		return parley.Errorf(parley.CodeNotFound, "%s", refused.message)
	}
	if r.Method == http.MethodGet {
		return nil
	}
	if len(r.Header.Values("Origin")) == 0 && s.hasCookie(r) {
		return parley.Errorf(parley.CodeInvalid, "a call with a cookie needs an Origin header; programs use Authorization: Bearer")
	}
	if r.Method != http.MethodDelete {
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			return parley.Errorf(parley.CodeInvalid, "send JSON, with Content-Type: application/json")
		}
	}
	return nil
}

// read decodes the body of a call.
func (c *call) read(to any) error {
	data, err := io.ReadAll(http.MaxBytesReader(c.w, c.Body, maxAPIBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return parley.Errorf(parley.CodeTooLarge, "a body has at most %d bytes", maxAPIBody)
	}
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) && wrong.Field != "" {
		return parley.Errorf(parley.CodeInvalid, "%s must not be a %s", wrong.Field, wrong.Value)
	}
	if err != nil {
		return parley.Errorf(parley.CodeInvalid, "send one JSON object")
	}
	return nil
}

// number reads a parameter of the query; "" is 0.
func (c *call) number(name string) (int64, error) {
	text := c.FormValue(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, parley.Errorf(parley.CodeInvalid, "%s must be a whole number", name)
	}
	return n, nil
}

func (c *call) limit() (int, error) {
	n, err := c.number("limit")
	return int(min(n, math.MaxInt32)), err
}

// statuses are what HTTP has for the codes of the protocol.
var statuses = map[parley.Code]int{
	parley.CodeInvalid:      http.StatusBadRequest,
	parley.CodeUnauthorized: http.StatusUnauthorized,
	parley.CodeNotJoined:    http.StatusForbidden,
	parley.CodeNotFound:     http.StatusNotFound,
	parley.CodeConflict:     http.StatusConflict,
	parley.CodeTooLarge:     http.StatusRequestEntityTooLarge,
	parley.CodeRateLimited:  http.StatusTooManyRequests,
	parley.CodeUnavailable:  http.StatusServiceUnavailable,
}

func writeError(w http.ResponseWriter, err error) {
	message := chat.ErrorOf(err)
	status, ok := statuses[message.Code]
	if !ok {
		status = http.StatusInternalServerError
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	if message.RetryAfter > 0 {
		seconds := (time.Duration(message.RetryAfter)*time.Millisecond + time.Second - 1) / time.Second
		header.Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	w.WriteHeader(status)
	w.Write(parley.EncodeJSON(message))
}

// done is the answer of what needs none.
func done(err error) (any, error) { return struct{}{}, err }
