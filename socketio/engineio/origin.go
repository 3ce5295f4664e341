package engineio

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// checkOrigin reports whether the page that sent the request, if it was one, may; and tells its browser so. It is asked about
// every request, of either transport: the browsers' own rules (CORS) hold for polling alone, and for reading only.
func (s *Server) checkOrigin(w http.ResponseWriter, r *http.Request) bool {
	lines := r.Header["Origin"]
	if len(lines) == 0 {
		return true
	}
	w.Header().Add("Vary", "Origin")
	if len(lines) > 1 {
		return false
	}
	origin := lines[0]
	if !s.mayConnect(r, origin) {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin) // never "*", which does not go with credentials
	if s.opts.Credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	return true
}

func (s *Server) mayConnect(r *http.Request, origin string) bool {
	if s.opts.CheckOrigin != nil {
		return s.opts.CheckOrigin(r)
	}
	if s.opts.AnyOrigin {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return false
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	if strings.EqualFold(u.Scheme, scheme) && sameHost(scheme, u.Host, r.Host) {
		return true
	}
	host, full := strings.ToLower(u.Host), strings.ToLower(u.Scheme+"://"+u.Host)
	for _, p := range s.opts.OriginPatterns {
		name := host
		if strings.Contains(p, "://") {
			name = full
		}
		if ok, err := path.Match(strings.ToLower(p), name); ok && err == nil {
			return true
		}
	}
	return false
}

// sameHost compares hosts with their ports, the scheme's own port being implied.
func sameHost(scheme, a, b string) bool {
	port := ":80"
	if scheme == "https" {
		port = ":443"
	}
	return strings.EqualFold(strings.TrimSuffix(a, port), strings.TrimSuffix(b, port))
}

// preflight answers a browser that asks what a page may send.
func preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE") // all but two only for the page to hear that they are bad
	if wanted := r.Header.Values("Access-Control-Request-Headers"); len(wanted) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(wanted, ", "))
		h.Add("Vary", "Access-Control-Request-Headers")
	}
	h.Set("Access-Control-Max-Age", "600")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusNoContent)
}
