package websocket

import (
	"fmt"
	"net/url"
	"path"
	"strings"
)

// checkOrigin refuses browsers that were sent here by a page of another site (RFC 6455 section 10.2). Requests without
// an Origin pass: they do not come from a page.
func (of *offer) checkOrigin(patterns []string) error {
	lines := of.origin
	if len(lines) == 0 {
		return nil
	}
	if len(lines) > 1 {
		return fmt.Errorf("the request has %d Origin fields, one is allowed", len(lines))
	}
	origin := lines[0]
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return fmt.Errorf("the Origin %q is not of the form scheme://host", origin)
	}
	scheme := "http"
	if of.secure {
		scheme = "https"
	}
	if strings.EqualFold(u.Scheme, scheme) && sameHost(scheme, u.Host, of.host) {
		return nil
	}
	host, full := strings.ToLower(u.Host), strings.ToLower(u.Scheme+"://"+u.Host)
	for _, p := range patterns {
		name := host
		if strings.Contains(p, "://") {
			name = full
		}
		ok, err := path.Match(strings.ToLower(p), name)
		if err != nil {
			return fmt.Errorf("the server's origin pattern %q is malformed: %w", p, err)
		}
		if ok {
			return nil
		}
	}
	return fmt.Errorf("the Origin %q is not allowed here: the server (%s://%s) must name it in OriginPatterns", origin, scheme, of.host)
}

// sameHost compares hosts with their ports, the scheme's own port being implied.
func sameHost(scheme, a, b string) bool {
	port := ":80"
	if scheme == "https" {
		port = ":443"
	}
	return strings.EqualFold(strings.TrimSuffix(a, port), strings.TrimSuffix(b, port))
}
