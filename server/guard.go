package server

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxFields is how many header fields a request may have.
const maxFields = 64

// A refusal is an HTTP answer other than what was asked for.
type refusal struct {
	status     int
	message    string // tells a person what to do
	retryAfter time.Duration
}

func (e *refusal) write(w http.ResponseWriter) {
	if e.retryAfter > 0 {
		seconds := (e.retryAfter + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	http.Error(w, e.message, e.status)
}

// A guard refuses requests that a browser was talked into.
type guard struct {
	publicURL *url.URL
	allowed   []*url.URL // origins
}

// checkRequest refuses what no request may have.
func (g *guard) checkRequest(r *http.Request) *refusal {
	fields := 0
	for _, values := range r.Header {
		fields += len(values)
	}
	if fields > maxFields {
		return &refusal{status: http.StatusRequestHeaderFieldsTooLarge, message: "too many header fields; at most 64 are read"}
	}
	if !g.hostAllowed(r.Host) {
		return &refusal{status: http.StatusMisdirectedRequest, message: "this server does not answer to that Host; start it with --public-url to have it do so"}
	}
	return nil
}

// hostAllowed reports whether a request for this host can be meant for us. A
// page that rebinds its own name to our address (DNS rebinding) sends that name;
// an address or localhost cannot be rebound.
func (g *guard) hostAllowed(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	return g.publicURL != nil && strings.EqualFold(host, g.publicURL.Hostname())
}

// checkOrigin refuses a WebSocket that a page of another origin opens: the
// same-origin policy does not cover WebSocket (RFC 6455 section 10.2). Programs
// other than browsers send no Origin.
func (g *guard) checkOrigin(r *http.Request) *refusal {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return nil
	}
	foreign := &refusal{status: http.StatusForbidden, message: "pages of this origin may not connect here; start the server with --public-url or --allow-origin to allow them"}
	if len(origins) > 1 {
		return foreign
	}
	origin, err := url.Parse(origins[0])
	if err != nil || origin.Host == "" || origin.Path != "" || origin.User != nil || origin.RawQuery != "" || origin.Fragment != "" {
		return foreign
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	if sameOrigin(origin, &url.URL{Scheme: scheme, Host: r.Host}) || g.publicURL != nil && sameOrigin(origin, g.publicURL) {
		return nil
	}
	if slices.ContainsFunc(g.allowed, func(allowed *url.URL) bool { return sameOrigin(origin, allowed) }) {
		return nil
	}
	return foreign
}

// sameOrigin compares scheme, host and port (RFC 6454 section 5).
func sameOrigin(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	switch strings.ToLower(u.Scheme) {
	case "http":
		return "80"
	case "https":
		return "443"
	}
	return ""
}
