package server

import (
	"net/http"
	"strings"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
)

const (
	// sessionCookie carries a session over plain HTTP, and with the prefix,
	// which has browsers accept it from this host over TLS alone, over HTTPS.
	sessionCookie = "parley"
	securePrefix  = "__Host-"
	// tokenProtocol is how a browser sends a token along with an upgrade.
	tokenProtocol = "parley.token."
)

// secure reports whether people reach the server over TLS, perhaps by way of a
// proxy.
func (s *Server) secure(r *http.Request) bool {
	return r.TLS != nil || s.guard.publicURL != nil && s.guard.publicURL.Scheme == "https"
}

func (s *Server) cookieName(r *http.Request) string {
	if s.secure(r) {
		return securePrefix + sessionCookie
	}
	return sessionCookie
}

func (s *Server) hasCookie(r *http.Request) bool {
	_, err := r.Cookie(s.cookieName(r))
	return err == nil
}

// setSession gives the browser a session, or takes it away where it is "".
func (s *Server) setSession(w http.ResponseWriter, r *http.Request, session parley.SessionToken) {
	age := int(parley.SessionLife / time.Second)
	if session == "" {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(r), Value: string(session), Path: "/", MaxAge: age,
		HttpOnly: true, Secure: s.secure(r), SameSite: http.SameSiteLaxMode,
	})
}

// identify returns who a request comes from, where it says so. What it says and
// is not believed is an error of [parley.CodeUnauthorized].
func (s *Server) identify(r *http.Request) (caller chat.Caller, found bool, err error) {
	credential := credentialOf(r)
	if credential == "" {
		cookie, err := r.Cookie(s.cookieName(r))
		if err != nil || cookie.Value == "" {
			return chat.Caller{}, false, nil
		}
		credential = cookie.Value
	}
	caller, err = s.chat.Identify(r.Context(), credential)
	return caller, err == nil, err
}

// credentialOf returns what a program or a page sent to be believed, other than
// a cookie: a Bearer token (RFC 6750 section 2.1), or one that a browser, which
// cannot set that header on a WebSocket, sent as a second subprotocol.
func credentialOf(r *http.Request) string {
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for protocol := range strings.SplitSeq(line, ",") {
			if token, ok := strings.CutPrefix(strings.TrimSpace(protocol), tokenProtocol); ok {
				return token
			}
		}
	}
	return ""
}

// checkUpgrade refuses an upgrade that another origin's page caused, or that says
// who it comes from and is not believed, before any 101; and returns who it comes
// from, where it says so.
func (s *Server) checkUpgrade(r *http.Request) (*chat.Caller, *refusal) {
	if refused := s.guard.checkOrigin(r); refused != nil {
		return nil, refused
	}
	if s.cookieAlone(r) {
		return nil, cookieAlone
	}
	came, refused := s.comesFrom(r)
	if came == nil && refused == nil && !s.chat.Guests() {
		return nil, &refusal{status: http.StatusUnauthorized, message: "sign in first: this server lets no guests in"}
	}
	return came, refused
}

// cookieAlone reports whether a request would be believed for a cookie that any
// page may have had a browser send.
func (s *Server) cookieAlone(r *http.Request) bool {
	return len(r.Header.Values("Origin")) == 0 && s.hasCookie(r) && credentialOf(r) == ""
}

var cookieAlone = &refusal{status: http.StatusForbidden, message: "an upgrade with a cookie needs an Origin; programs use Authorization: Bearer"}

// comesFrom returns who a request comes from that begins a connection, or nil
// where it does not say. An old cookie says nothing.
func (s *Server) comesFrom(r *http.Request) (*chat.Caller, *refusal) {
	caller, found, err := s.identify(r)
	switch {
	case found:
		return &caller, nil
	case err != nil && parley.ErrorCode(err) != parley.CodeUnauthorized:
		e := parley.AsError(err)
		return nil, &refusal{status: http.StatusServiceUnavailable, message: e.Message, retryAfter: e.RetryAfter}
	case err != nil && credentialOf(r) != "":
		return nil, &refusal{status: http.StatusUnauthorized, message: parley.AsError(err).Message}
	}
	return nil, nil
}
