// Package extension reads and writes Sec-WebSocket-Extensions header fields (RFC 6455 section 9.1) and negotiates
// permessage-deflate (RFC 7692 section 7.1) for both roles. It does no I/O.
package extension

import (
	"errors"
	"strings"
)

// An Extension is one element of a Sec-WebSocket-Extensions header field: an offer of a client, or what a server agreed to.
type Extension struct {
	Name   string
	Params []Param
}

// A Param is one parameter of an Extension.
type Param struct {
	Name string
	// Value is without the quotes it may have come in. It is "" if there was none, and also for `name=` and `name=""`, which
	// are not right for any extension: HasValue tells them apart.
	Value    string
	HasValue bool
}

// Both counts are far beyond what is used; they bound what a header makes us allocate.
const (
	maxExtensions = 64
	maxParams     = 64
)

var (
	errMalformed = errors.New("the Sec-WebSocket-Extensions field is malformed: " +
		`it must be a list such as "permessage-deflate; client_max_window_bits=10"`)
	errTooMany = errors.New("the Sec-WebSocket-Extensions field lists too many extensions or parameters: at most 64 of each")
)

// Parse reads the values of all header fields named Sec-WebSocket-Extensions, in their order; several fields mean the same
// as one field with a longer list. Empty elements of a list are skipped, as RFC 9110 section 5.6.1.2 asks of recipients. The
// time taken is linear in the length of the fields.
//
// An error says that a field does not follow the grammar. The handshake must then be failed (RFC 6455 section 9.1).
func Parse(fields []string) ([]Extension, error) {
	var list []Extension
	for _, f := range fields {
		s := scanner{rest: f}
		for {
			s.space()
			if s.take(',') {
				continue
			}
			if s.rest == "" {
				break
			}
			if len(list) == maxExtensions {
				return nil, errTooMany
			}
			ext, err := s.extension()
			if err != nil {
				return nil, err
			}
			list = append(list, ext)
			if s.rest != "" && !s.take(',') {
				return nil, errMalformed
			}
		}
	}
	return list, nil
}

// A scanner reads a header field from its front, each byte once.
type scanner struct{ rest string }

// extension reads a name and its parameters, and the white space behind them.
func (s *scanner) extension() (Extension, error) {
	ext := Extension{Name: s.token()}
	if ext.Name == "" {
		return ext, errMalformed
	}
	for s.space(); s.take(';'); s.space() {
		s.space()
		p := Param{Name: s.token()}
		if p.Name == "" {
			return ext, errMalformed
		}
		if len(ext.Params) == maxParams {
			return ext, errTooMany
		}
		s.space()
		if p.HasValue = s.take('='); p.HasValue {
			s.space()
			ok := true
			if strings.HasPrefix(s.rest, `"`) {
				p.Value, ok = s.quoted()
			} else {
				p.Value = s.token()
			}
			if !ok {
				return ext, errMalformed
			}
		}
		ext.Params = append(ext.Params, p)
	}
	return ext, nil
}

// space skips optional white space. RFC 6455 is written in the grammar of RFC 2616, which allows it between any two words.
func (s *scanner) space() { s.rest = strings.TrimLeft(s.rest, " \t") }

func (s *scanner) take(c byte) bool {
	if s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// token reads a token (RFC 9110 section 5.6.2). It returns "" if there is none.
func (s *scanner) token() string {
	n := 0
	for n < len(s.rest) && isTokenByte(s.rest[n]) {
		n++
	}
	t := s.rest[:n]
	s.rest = s.rest[n:]
	return t
}

// quoted reads a quoted string and returns what it stands for. What stands in the quotes must be a token
// (RFC 6455 section 9.1), or nothing: see Param.Value.
func (s *scanner) quoted() (value string, ok bool) {
	var unescaped []byte // used once there is a backslash
	in := s.rest[1:]
	for i := 0; i < len(in); i++ {
		c := in[i]
		switch {
		case c == '"':
			s.rest = in[i+1:]
			if unescaped != nil {
				return string(unescaped), true
			}
			return in[:i], true
		case c == '\\':
			if unescaped == nil {
				unescaped = append([]byte{}, in[:i]...)
			}
			if i++; i == len(in) {
				return "", false
			}
			c = in[i]
		}
		if !isTokenByte(c) {
			return "", false
		}
		if unescaped != nil {
			unescaped = append(unescaped, c)
		}
	}
	return "", false
}

func isTokenByte(c byte) bool {
	switch {
	case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		return true
	default:
		return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
	}
}

// String returns e as it stands in a header field. Names and values must be tokens.
func (e Extension) String() string {
	var b strings.Builder
	b.WriteString(e.Name)
	for _, p := range e.Params {
		b.WriteString("; ")
		b.WriteString(p.Name)
		if p.HasValue {
			b.WriteByte('=')
			b.WriteString(p.Value)
		}
	}
	return b.String()
}
