package websocket

import (
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"strings"
)

// acceptKey computes Sec-WebSocket-Accept from Sec-WebSocket-Key (RFC 6455 section 4.2.2, item 5.4).
func acceptKey(key string) string {
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	sum := sha1.Sum([]byte(key + guid))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// tokens calls f with each element of the comma-separated lists in the header's fields called name (which must be in
// canonical form), until f returns false. Empty elements are skipped, as RFC 9110 section 5.6.1.2 asks of recipients.
func tokens(h http.Header, name string, f func(string) bool) {
	for _, line := range h[name] {
		for elem := range strings.SplitSeq(line, ",") {
			if elem = strings.Trim(elem, " \t"); elem != "" && !f(elem) {
				return
			}
		}
	}
}

// hasToken reports whether the lists called name contain want, whatever its case.
func hasToken(h http.Header, name, want string) bool {
	found := false
	tokens(h, name, func(s string) bool {
		found = strings.EqualFold(s, want)
		return !found
	})
	return found
}

// isToken reports whether s is a token of RFC 9110 section 5.6.2, as the names of subprotocols must be.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}
