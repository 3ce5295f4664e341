package socketio

import (
	"bufio"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

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
