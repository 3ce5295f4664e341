package websocket

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// maxHead is the most bytes that a request may have that we read ourselves: its first line and its header.
	maxHead = 16 << 10
	// maxFields is the most header fields of it.
	maxFields = 64
)

// An UpgradeRequest is a client's request for a connection, as Upgrade and Serve read it. It may be kept.
type UpgradeRequest struct {
	// Path is the path that is asked for, decoded, such as "/rooms/blue".
	Path string

	// RawQuery is what follows the path behind a question mark, as it came: url.ParseQuery decodes it.
	RawQuery string

	// Host is the name, and the port if it is not the usual one, under which the client knows the server.
	Host string

	head   string // all of it, with the empty line at its end
	answer http.Header
	nc     net.Conn
}

// Header returns the value of the header field called name, whatever the case of that: of the first one, if there are more,
// and "" if there is none.
func (r *UpgradeRequest) Header(name string) string {
	_, rest, _ := strings.Cut(r.head, "\r\n")
	for rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\r\n")
		if is, value, _ := strings.Cut(line, ":"); strings.EqualFold(is, name) {
			return strings.Trim(value, " \t")
		}
	}
	return ""
}

// AnswerHeader returns the header of the answer, whether that agrees or refuses, to be added to. It is good until OnRequest
// returns. Fields that are the protocol's own are ours to set.
func (r *UpgradeRequest) AnswerHeader() http.Header {
	if r.answer == nil {
		r.answer = make(http.Header)
	}
	return r.answer
}

// RemoteAddr returns the client's address, or that of a proxy in between.
func (r *UpgradeRequest) RemoteAddr() net.Addr { return r.nc.RemoteAddr() }

// HTTP returns the request in the form that package net/http has for it, for what works on that: cookies, signatures, or
// the certificate of a client. It is made anew by each call.
func (r *UpgradeRequest) HTTP() *http.Request {
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(r.head)))
	if err != nil { // by a net/http that takes less than ours does, and than the one that we are tested with
		req = &http.Request{Method: http.MethodGet, URL: &url.URL{Path: r.Path, RawQuery: r.RawQuery}, Header: http.Header{}, Host: r.Host}
	}
	req.RemoteAddr = r.RemoteAddr().String()
	if secure, ok := r.nc.(connectionStater); ok {
		state := secure.ConnectionState()
		req.TLS = &state
	}
	return req
}

// A connectionStater is a *tls.Conn, or what stands for one.
type connectionStater interface{ ConnectionState() tls.ConnectionState }

// headEnd looks for the end of a request's head in b, of which the first seen bytes are known not to have it. It returns 0 if
// that has not come, and a *refusal if it cannot come.
func headEnd(b []byte, seen int) (end int, err error) {
	if seen == 0 && len(b) > 0 && !tokenBytes[b[0]] {
		return 0, refuseWith(http.StatusBadRequest, "what comes is no HTTP request: this address speaks it without TLS")
	}
	most := b[:min(len(b), maxHead)]
	for i := seen; ; {
		n := bytes.IndexByte(most[i:], '\n')
		if n < 0 {
			break
		}
		i += n + 1
		switch {
		case i < 2 || most[i-2] != '\r':
			// RFC 9112 section 2.2 lets one take it for the end of a line; then who is in between may see another request.
			return 0, refuseWith(http.StatusBadRequest, "a line of the request does not end in CR LF")
		case i > 2 && most[i-3] == '\n':
			return i, nil
		}
	}
	if len(most) == maxHead {
		return 0, refuseWith(http.StatusRequestHeaderFieldsTooLarge, "the request's header has more than %d bytes", maxHead)
	}
	return 0, nil
}

// parse reads the head, and what the protocol has a say in to of. It accepts nothing that net/http would not, or would
// read in another way (RFC 9112 sections 3 and 5). Its error is a *refusal.
func (r *UpgradeRequest) parse(of *offer) error {
	line, rest, _ := strings.Cut(r.head, "\r\n")
	var target string
	var words bool
	if of.method, line, words = strings.Cut(line, " "); words {
		target, of.proto, words = strings.Cut(line, " ")
	}
	if !words || !isToken(of.method) || !isVersion(of.proto) {
		return refuseWith(http.StatusBadRequest, `the request does not begin with a line such as "GET / HTTP/1.1"`)
	}
	of.recent = strings.HasPrefix(of.proto, "HTTP/1.") && of.proto != "HTTP/1.0"

	var host, length, coding []string
	first := make([]string, 0, 10) // memory for the first of each
	for n := 0; rest != "\r\n"; n++ {
		if n == maxFields {
			return refuseWith(http.StatusRequestHeaderFieldsTooLarge, "the request has more than %d header fields", maxFields)
		}
		line, rest, _ = strings.Cut(rest, "\r\n")
		name, value, ok := strings.Cut(line, ":")
		if !ok || !isToken(name) { // which a line that continues the one before is not, either
			return refuseWith(http.StatusBadRequest, "the request has a header field that is malformed")
		}
		if value = strings.Trim(value, " \t"); !isFieldValue(value) {
			return refuseWith(http.StatusBadRequest, "the request's header field %s holds a control character", name)
		}
		var to *[]string
		switch len(name) {
		case len("Host"):
			to = field(name, "Host", &host)
		case len("Origin"):
			to = field(name, "Origin", &of.origin)
		case len("Upgrade"):
			to = field(name, "Upgrade", &of.upgrade)
		case len("Connection"):
			to = field(name, "Connection", &of.connection)
		case len("Content-Length"):
			to = field(name, "Content-Length", &length)
		case len("Sec-WebSocket-Key"):
			if to = field(name, "Sec-WebSocket-Key", &of.key); to == nil {
				to = field(name, "Transfer-Encoding", &coding)
			}
		case len("Sec-WebSocket-Version"):
			to = field(name, "Sec-WebSocket-Version", &of.version)
		case len("Sec-WebSocket-Protocol"):
			to = field(name, "Sec-WebSocket-Protocol", &of.protocols)
		case len("Sec-WebSocket-Extensions"):
			to = field(name, "Sec-WebSocket-Extensions", &of.extensions)
		}
		switch {
		case to == nil:
		case *to == nil && len(first) < cap(first):
			first = append(first, value)
			*to = first[len(first)-1 : len(first) : len(first)]
		default:
			*to = append(*to, value)
		}
	}
	if len(host) != 1 || !isHost(host[0]) { // RFC 9112 section 3.2
		return refuseWith(http.StatusBadRequest, "the request needs one Host field, with the server's name")
	}
	r.Host = host[0]
	of.body = len(coding) > 0 || len(length) > 1 || len(length) == 1 && length[0] != "0"
	if err := r.setTarget(target); err != nil {
		return err
	}
	of.host = r.Host
	return nil
}

// field returns values if name is that of the field called want.
func field(name, want string, values *[]string) *[]string {
	if strings.EqualFold(name, want) {
		return values
	}
	return nil
}

// setTarget reads the request's target (RFC 9112 section 3.2; RFC 6455 section 4.2.1, item 1).
func (r *UpgradeRequest) setTarget(target string) error {
	plain := strings.HasPrefix(target, "/")
	path, query, _ := strings.Cut(target, "?")
	for i := range len(target) {
		switch c := target[i]; {
		case c <= ' ' || c >= 0x7F || c == '#':
			return refuseWith(http.StatusBadRequest, "the request's target %.100q holds what must be percent-encoded there", target)
		case c == '%' && i < len(path):
			plain = false
		}
	}
	if plain {
		r.Path, r.RawQuery = path, query
		return nil
	}
	u, err := url.ParseRequestURI(target)
	if err != nil || u.Path == "*" || u.Opaque != "" || u.User != nil {
		return refuseWith(http.StatusBadRequest, "the request's target %.100q is neither a path nor an http URL", target)
	}
	if u.Scheme != "" { // RFC 9112 section 3.2.2: its host goes before that of the Host field
		if u.Scheme != "http" && u.Scheme != "https" || !isHost(u.Host) {
			return refuseWith(http.StatusBadRequest, "the request's target %.100q is neither a path nor an http URL", target)
		}
		r.Host = u.Host
	}
	r.Path, r.RawQuery = u.Path, u.RawQuery
	return nil
}

// isVersion reports whether s is an HTTP version (RFC 9112 section 2.3).
func isVersion(s string) bool {
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	return len(s) == len("HTTP/1.1") && strings.HasPrefix(s, "HTTP/") && digit(s[5]) && s[6] == '.' && digit(s[7])
}

// isFieldValue reports whether s may be the value of a header field (RFC 9110 section 5.5).
func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7F {
			return false
		}
	}
	return true
}

// isHost reports whether s may be a host, with or without a port (RFC 3986 section 3.2.2).
func isHost(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != ':' && c != '[' && c != ']' && (!tokenBytes[c] || strings.IndexByte("#^`|", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// appendRefusal appends the answer to a request that is refused, which ends the connection.
func appendRefusal(dst []byte, why error, extra http.Header) []byte {
	status, text := refusalOf(why)
	h := extra.Clone()
	if h == nil {
		h = make(http.Header)
	}
	for name := range ourFields {
		h.Del(name)
	}
	setRefusal(h, status)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", fmt.Sprint(len(text)+1))
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	h.Add("Connection", "close")
	b := bytes.NewBuffer(dst)
	fmt.Fprintf(b, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	h.Write(b) // to a bytes.Buffer: cannot fail
	fmt.Fprintf(b, "\r\n%s\n", text)
	return b.Bytes()
}
