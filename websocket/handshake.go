package websocket

import (
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"strings"
)

// strictBase64 takes nothing but what it would encode itself.
var strictBase64 = base64.StdEncoding.Strict()

// isKey reports whether s may be a Sec-WebSocket-Key: 16 bytes in base64.
func isKey(s string) bool {
	var raw [18]byte
	if len(s) != base64.StdEncoding.EncodedLen(16) {
		return false
	}
	n, err := strictBase64.Decode(raw[:], []byte(s))
	return err == nil && n == 16
}

// appendAcceptKey appends the Sec-WebSocket-Accept that belongs to a Sec-WebSocket-Key (RFC 6455 section 4.2.2, item 5.4).
func appendAcceptKey(dst []byte, key string) []byte {
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	var in [64]byte
	sum := sha1.Sum(append(append(in[:0], key...), guid...))
	return base64.StdEncoding.AppendEncode(dst, sum[:])
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
	for _, rest := range h[name] {
		for rest != "" {
			var elem string
			elem, rest, _ = strings.Cut(rest, ",")
			if strings.EqualFold(strings.Trim(elem, " \t"), want) {
				return true
			}
		}
	}
	return false
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
