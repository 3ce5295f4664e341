package socketio

import (
	"bufio"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/seed-4a326f83/parley/socketio/engineio"
)

// maxHandshake is the most bytes that the URI and the fields of the request may have that a connection begins with, as they are
// kept as long as it lasts: twice what Node takes.
const maxHandshake = 32 << 10

var headerTooLarge = &engineio.Refusal{
	Status: http.StatusRequestHeaderFieldsTooLarge, Code: engineio.BadRequest, Message: "The request's header is too large; it may be the cookies",
}

// handshakeSize returns how much of maxHandshake a request takes.
func handshakeSize(r *http.Request) int {
	n := len(r.RequestURI)
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v)
		}
	}
	return n
}

// Header returns the fields of the HTTP request that the connection began with. They are the caller's.
func (h *Handshake) Header() http.Header {
	fields, err := textproto.NewReader(bufio.NewReader(strings.NewReader(h.header + "\r\n"))).ReadMIMEHeader()
	if err != nil {
		return http.Header{} // it was one
	}
	return http.Header(fields)
}

// Query returns the parameters of that request.
func (h *Handshake) Query() url.Values {
	u, err := url.ParseRequestURI(h.URI)
	if err != nil {
		return url.Values{} // it was one
	}
	return u.Query()
}
