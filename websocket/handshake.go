package websocket

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// An offer is what of a client's request the protocol has a say in. Of header fields, it has the value of each that came.
type offer struct {
	method, proto string
	recent        bool // proto is HTTP/1.1, or a later HTTP/1
	body          bool // the request has one
	secure        bool // it came over TLS
	host          string

	connection, upgrade, version, key, protocols, extensions, origin []string
}

// read is for a request that net/http has read.
func (of *offer) read(r *http.Request) {
	*of = offer{
		method:     r.Method,
		proto:      r.Proto,
		recent:     r.ProtoMajor == 1 && r.ProtoMinor >= 1,
		body:       r.ContentLength != 0 || len(r.TransferEncoding) > 0,
		secure:     r.TLS != nil,
		host:       r.Host,
		connection: r.Header["Connection"],
		upgrade:    r.Header["Upgrade"],
		version:    r.Header["Sec-Websocket-Version"],
		key:        r.Header["Sec-Websocket-Key"],
		protocols:  r.Header["Sec-Websocket-Protocol"],
		extensions: r.Header["Sec-Websocket-Extensions"],
		origin:     r.Header["Origin"],
	}
}

// An agreement is what comes of an offer.
type agreement struct {
	subprotocol string       // "" is none
	extensions  string       // the answer's Sec-WebSocket-Extensions, if any
	compression *compression // nil: none
	key         string       // the client's
}

// agree holds an offer against the RFCs and the options. Its error is a *refusal.
func (o *AcceptOptions) agree(of *offer) (agreement, error) {
	offered, err := of.check()
	if err != nil {
		return agreement{}, err
	}
	if !o.InsecureSkipVerify {
		if err := of.checkOrigin(o.OriginPatterns); err != nil {
			return agreement{}, &refusal{http.StatusForbidden, err}
		}
	}
	a := agreement{key: of.key[0]}
	if a.compression, a.extensions, err = o.compression().accept(of.extensions); err != nil {
		return agreement{}, err
	}
	for _, p := range o.Subprotocols {
		if slices.Contains(offered, p) {
			a.subprotocol = p
			break
		}
	}
	return a, nil
}

// A refusal is why a handshake is refused. Its text is for the client, too.
type refusal struct {
	status int
	error
}

func (r *refusal) Unwrap() error { return r.error }

func refuseWith(status int, format string, args ...any) error {
	return &refusal{status, fmt.Errorf(format, args...)}
}

// refusalOf returns what the client is told. What other errors say is not for its eyes.
func refusalOf(why error) (status int, text string) {
	if r, ok := errors.AsType[*refusal](why); ok {
		return r.status, r.Error()
	}
	return http.StatusInternalServerError, "the server has failed"
}

// setRefusal sets the header fields that belong to the status of a refusal.
func setRefusal(h http.Header, status int) {
	switch status {
	case http.StatusUpgradeRequired: // RFC 9110 section 15.5.22; RFC 6455 section 4.2.2
		h.Set("Connection", "Upgrade")
		h.Set("Upgrade", "websocket")
		h.Set("Sec-WebSocket-Version", "13")
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodGet)
	}
}

// check holds an offer against RFC 6455 section 4.2.1 and returns the subprotocols in it. Its error is a *refusal.
func (of *offer) check() (subprotocols []string, err error) {
	switch {
	case of.method != http.MethodGet:
		return nil, refuseWith(http.StatusMethodNotAllowed, "a WebSocket handshake is a GET request, not %s", of.method)
	case !of.recent:
		return nil, refuseWith(http.StatusHTTPVersionNotSupported, "a WebSocket handshake needs HTTP/1.1 here, not %s", of.proto)
	case of.body:
		// Its bytes would be taken for frames.
		return nil, refuseWith(http.StatusBadRequest, "a WebSocket handshake has no body")
	case !hasToken(of.connection, "upgrade"):
		return nil, refuseWith(http.StatusUpgradeRequired, `this address speaks WebSocket: the request needs "Connection: Upgrade"`)
	case !hasToken(of.upgrade, "websocket"):
		return nil, refuseWith(http.StatusUpgradeRequired, `this address speaks WebSocket: the request needs "Upgrade: websocket"`)
	case len(of.version) > 1:
		return nil, refuseWith(http.StatusBadRequest, "the request has more than one Sec-WebSocket-Version")
	case len(of.version) == 0 || strings.Trim(of.version[0], " \t") != "13":
		return nil, refuseWith(http.StatusUpgradeRequired, "the request needs Sec-WebSocket-Version: 13")
	case len(of.key) != 1:
		return nil, refuseWith(http.StatusBadRequest, "the request has %d Sec-WebSocket-Key fields, it needs one", len(of.key))
	case !isKey(of.key[0]):
		return nil, refuseWith(http.StatusBadRequest, "the request's Sec-WebSocket-Key is not 16 bytes in base64")
	}
	tokens(of.protocols, func(s string) bool {
		switch { // section 4.1, item 10
		case !isToken(s):
			err = refuseWith(http.StatusBadRequest, "the subprotocol %q is not a token", s)
		case slices.Contains(subprotocols, s):
			err = refuseWith(http.StatusBadRequest, "the subprotocol %q is offered twice", s)
		case len(subprotocols) == maxOffered:
			err = refuseWith(http.StatusBadRequest, "more than %d subprotocols are offered", maxOffered)
		}
		subprotocols = append(subprotocols, s)
		return err == nil
	})
	return subprotocols, err
}

// maxOffered bounds the subprotocols a client may offer, so that looking for doubles stays cheap.
const maxOffered = 64

// appendResponse appends the server's side of the handshake (RFC 6455 section 4.2.2), with the fields that the handler set.
func appendResponse(dst []byte, extra http.Header, a *agreement) []byte {
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	dst = appendAcceptKey(dst, a.key)
	dst = append(dst, "\r\n"...)
	if a.subprotocol != "" {
		dst = append(dst, "Sec-WebSocket-Protocol: "...)
		dst = append(dst, a.subprotocol...)
		dst = append(dst, "\r\n"...)
	}
	if a.extensions != "" {
		dst = append(dst, "Sec-WebSocket-Extensions: "...)
		dst = append(dst, a.extensions...)
		dst = append(dst, "\r\n"...)
	}
	if len(extra) > 0 {
		var b bytes.Buffer
		extra.WriteSubset(&b, ourFields) // to a bytes.Buffer: cannot fail
		dst = append(dst, b.Bytes()...)
	}
	return append(dst, "\r\n"...)
}

// ourFields are for us to set, or have no place in an answer without a body.
var ourFields = map[string]bool{
	"Connection":               true,
	"Content-Length":           true,
	"Sec-Websocket-Accept":     true,
	"Sec-Websocket-Extensions": true,
	"Sec-Websocket-Protocol":   true,
	"Transfer-Encoding":        true,
	"Upgrade":                  true,
}

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

// tokens calls f with each element of the comma-separated lists in fields, until f returns false. Empty elements are skipped, as
// RFC 9110 section 5.6.1.2 asks of recipients.
func tokens(fields []string, f func(string) bool) {
	for _, line := range fields {
		for elem := range strings.SplitSeq(line, ",") {
			if elem = strings.Trim(elem, " \t"); elem != "" && !f(elem) {
				return
			}
		}
	}
}

// hasToken reports whether the lists in fields contain want, whatever its case.
func hasToken(fields []string, want string) bool {
	for _, rest := range fields {
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

// isToken reports whether s is a token of RFC 9110 section 5.6.2, as the names of header fields and of subprotocols must be.
func isToken(s string) bool {
	for i := range len(s) {
		if !tokenBytes[s[i]] {
			return false
		}
	}
	return s != ""
}

var tokenBytes = func() (is [256]bool) {
	for _, c := range "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		is[c] = true
	}
	return is
}()
