package websocket

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/seed-4a326f83/parley/websocket/internal/poll"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// AcceptOptions are the options of Accept. nil and the zero value mean the defaults.
type AcceptOptions struct {
	// Subprotocols are the subprotocols that the server speaks, the preferred first. The first of them that the client offers
	// is agreed on; none is if there is no such one: look at Conn.Subprotocol. Names are compared exactly.
	Subprotocols []string

	// InsecureSkipVerify lets pages of any origin connect. Whoever is signed in by cookies can then be made to act by any
	// page they visit.
	InsecureSkipVerify bool

	// OriginPatterns are the origins that may connect besides the server's own, which is the scheme, host and port of the
	// request. Each is matched without regard to case by path.Match: against the origin's host and port
	// ("*.example.com"), or against scheme, host and port if it holds "://" ("https://example.com:8443"). A server
	// behind a proxy that ends TLS must name its public origin here: it sees plain HTTP itself.
	OriginPatterns []string

	// OnPingReceived, if set, is called for each ping, from within the read that found it. If it returns false, no pong is
	// sent. It must not block, nor keep payload.
	OnPingReceived func(ctx context.Context, payload []byte) bool

	// OnPongReceived, if set, is called for each pong, from within the read that found it. It must not block, nor keep
	// payload.
	OnPongReceived func(ctx context.Context, payload []byte)

	// KeepaliveInterval is how long the peer may be silent before it is pinged. 0 means 25 s; negative: no keepalive.
	KeepaliveInterval time.Duration

	// KeepaliveTimeout is how long after that the peer is taken for lost if nothing comes from it: see
	// ErrKeepaliveTimeout. Only time during which a read waits counts. 0 means 10 s.
	KeepaliveTimeout time.Duration

	// MaxFragments is the most frames a message may come in; a peer that sends more is closed with
	// StatusPolicyViolation. 0 means 1,024; negative: any number.
	MaxFragments int

	// SendLimit is how many bytes may wait to be sent to a peer that takes too little: beyond it, Send does what SlowPeer
	// says, and in event mode Write waits. 0 means 1 MiB. A single message may be larger.
	SendLimit int

	// SlowPeer says what Send does when there is no room under SendLimit. The default is SlowPeerClose.
	SlowPeer SlowPeerPolicy

	// CompressionMode says whether messages may be compressed. The default is CompressionDisabled.
	CompressionMode CompressionMode

	// CompressionThreshold is the size in bytes from which on messages are compressed; for a Writer, that of its first Write.
	// 0 means 128 with context takeover, 512 without. Compressed and Uncompressed choose for a single message.
	CompressionThreshold int

	// CompressionWindowBits limits how far back compressed messages may refer, in either direction, to 1<<CompressionWindowBits
	// bytes: 8 to 15. It bounds what a connection remembers. 0 means 15. A peer may ask for less, which it gets.
	CompressionWindowBits int
}

func (o *AcceptOptions) compression() compressionOptions {
	return compressionOptions{o.CompressionMode, o.CompressionThreshold, o.CompressionWindowBits}
}

// handshakeTimeout bounds the writing of the server's side of the handshake.
const handshakeTimeout = 5 * time.Second

// Accept upgrades an HTTP/1.1 request to a WebSocket connection (RFC 6455 section 4.2). It refuses what is not a right
// handshake, and requests from pages of other origins; it answers the client in every case. When it returns an error, the
// handler has only to return.
//
// Header fields set on w go out with the answer. The request and its body must not be used after Accept succeeded; its
// context is cancelled when the handler returns.
func Accept(w http.ResponseWriter, r *http.Request, opts *AcceptOptions) (*Conn, error) {
	o := opts
	if o == nil {
		o = new(AcceptOptions)
	}
	offered, status, err := checkRequest(r)
	if err == nil && !o.InsecureSkipVerify {
		status, err = http.StatusForbidden, checkOrigin(r, o.OriginPatterns)
	}
	var agreed *compression
	extensions := ""
	if err == nil {
		agreed, extensions, status, err = o.compression().accept(r.Header)
	}
	if err != nil {
		refuse(w, status, err)
		return nil, fmt.Errorf("websocket: handshake refused: %w", err)
	}
	subprotocol := ""
	for _, p := range o.Subprotocols {
		if slices.Contains(offered, p) {
			subprotocol = p
			break
		}
	}

	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		err = fmt.Errorf("this server cannot hand over the connection (is some middleware hiding http.Hijacker?): %w", err)
		http.Error(w, err.Error(), http.StatusNotImplemented)
		return nil, fmt.Errorf("websocket: handshake failed: %w", err)
	}
	// The server's own timeouts may still be set on the connection.
	if err := nc.SetDeadline(time.Time{}); err != nil {
		nc.Close()
		return nil, fmt.Errorf("websocket: the connection was lost during the handshake: %w", err)
	}
	// Frames that came right behind the request are in the server's buffer, and nowhere else.
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	c := newConn(nc, o.connConfig(subprotocol, early, agreed))
	drop(rw)
	buf := writeBuffers.Get().(*[]byte)
	*buf = appendResponse(*buf, w.Header(), r.Header["Sec-Websocket-Key"][0], subprotocol, extensions)
	err = c.writeHandshake(*buf)
	giveBack(buf)
	if err != nil {
		c.CloseNow()
		return nil, fmt.Errorf("websocket: writing the handshake's answer: %w", err)
	}
	return c, nil
}

// refuse answers a request that is not a right handshake.
func refuse(w http.ResponseWriter, status int, err error) {
	switch status {
	case http.StatusUpgradeRequired: // RFC 9110 section 15.5.22; RFC 6455 section 4.2.2
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Sec-WebSocket-Version", "13")
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodGet)
	}
	http.Error(w, err.Error(), status)
}

// drop empties what Hijack hands over: the server's own structures go on pointing to it for as long as the handler runs, and
// its buffers, of 4 KiB each, would stay with them.
func drop(rw *bufio.ReadWriter) {
	*rw.Reader = bufio.Reader{}
	if rw.Writer != nil {
		*rw.Writer = bufio.Writer{}
	}
}

// writeHandshake writes the server's side of the handshake.
func (c *Conn) writeHandshake(answer []byte) error {
	if b := c.blocking.Load(); b.sock.raw != nil {
		n, err := b.sock.write(answer, nil, false) // there is room: nothing has been sent yet, or all of it was taken
		if err != poll.ErrAgain {
			return err
		}
		answer = answer[n:]
	}
	if err := c.nc.SetWriteDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return err
	}
	if _, err := c.nc.Write(answer); err != nil {
		return err
	}
	return c.nc.SetWriteDeadline(time.Time{})
}

func (o *AcceptOptions) connConfig(subprotocol string, early []byte, agreed *compression) connConfig {
	return connConfig{
		role:              proto.Server,
		subprotocol:       subprotocol,
		early:             early,
		settings:          settings{o.OnPingReceived, o.OnPongReceived, o.SendLimit, o.SlowPeer},
		keepaliveInterval: o.KeepaliveInterval,
		keepaliveTimeout:  o.KeepaliveTimeout,
		maxFragments:      o.MaxFragments,
		compression:       agreed,
	}
}

// checkRequest holds the request against RFC 6455 section 4.2.1 and returns the subprotocols it offers, or what is wrong and
// the HTTP status that says so.
func checkRequest(r *http.Request) (offered []string, status int, err error) {
	switch {
	case r.Method != http.MethodGet:
		return nil, http.StatusMethodNotAllowed, fmt.Errorf("a WebSocket handshake is a GET request, not %s", r.Method)
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return nil, http.StatusHTTPVersionNotSupported, fmt.Errorf("a WebSocket handshake needs HTTP/1.1 here, not %s", r.Proto)
	case r.ContentLength != 0 || len(r.TransferEncoding) > 0:
		// Its bytes would be taken for frames.
		return nil, http.StatusBadRequest, errors.New("a WebSocket handshake has no body")
	case !hasToken(r.Header, "Connection", "upgrade"):
		return nil, http.StatusUpgradeRequired, errors.New(`this address speaks WebSocket: the request needs "Connection: Upgrade"`)
	case !hasToken(r.Header, "Upgrade", "websocket"):
		return nil, http.StatusUpgradeRequired, errors.New(`this address speaks WebSocket: the request needs "Upgrade: websocket"`)
	}
	version := r.Header["Sec-Websocket-Version"]
	switch {
	case len(version) > 1:
		return nil, http.StatusBadRequest, errors.New("the request has more than one Sec-WebSocket-Version")
	case len(version) == 0 || strings.Trim(version[0], " \t") != "13":
		return nil, http.StatusUpgradeRequired, errors.New("the request needs Sec-WebSocket-Version: 13")
	}
	key := r.Header["Sec-Websocket-Key"]
	if len(key) != 1 {
		return nil, http.StatusBadRequest, fmt.Errorf("the request has %d Sec-WebSocket-Key fields, it needs one", len(key))
	}
	if !isKey(key[0]) {
		return nil, http.StatusBadRequest, errors.New("the request's Sec-WebSocket-Key is not 16 bytes in base64")
	}
	tokens(r.Header, "Sec-Websocket-Protocol", func(s string) bool {
		switch { // section 4.1, item 10
		case !isToken(s):
			err = fmt.Errorf("the subprotocol %q is not a token", s)
		case slices.Contains(offered, s):
			err = fmt.Errorf("the subprotocol %q is offered twice", s)
		case len(offered) == maxOffered:
			err = fmt.Errorf("more than %d subprotocols are offered", maxOffered)
		}
		offered = append(offered, s)
		return err == nil
	})
	if err != nil {
		return nil, http.StatusBadRequest, err
	}
	return offered, 0, nil
}

// maxOffered bounds the subprotocols a client may offer, so that looking for doubles stays cheap.
const maxOffered = 64

// appendResponse appends the server's side of the handshake (RFC 6455 section 4.2.2), with the fields that the handler set.
func appendResponse(dst []byte, extra http.Header, key, subprotocol, extensions string) []byte {
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	dst = appendAcceptKey(dst, key)
	dst = append(dst, "\r\n"...)
	if subprotocol != "" {
		dst = append(dst, "Sec-WebSocket-Protocol: "...)
		dst = append(dst, subprotocol...)
		dst = append(dst, "\r\n"...)
	}
	if extensions != "" {
		dst = append(dst, "Sec-WebSocket-Extensions: "...)
		dst = append(dst, extensions...)
		dst = append(dst, "\r\n"...)
	}
	if len(extra) > 0 {
		var b bytes.Buffer
		extra.WriteSubset(&b, ourFields) // to a bytes.Buffer: cannot fail
		dst = append(dst, b.Bytes()...)
	}
	return append(dst, "\r\n"...)
}

// ourFields are for Accept to set, or have no place in an answer without a body.
var ourFields = map[string]bool{
	"Connection":               true,
	"Content-Length":           true,
	"Sec-Websocket-Accept":     true,
	"Sec-Websocket-Extensions": true,
	"Sec-Websocket-Protocol":   true,
	"Transfer-Encoding":        true,
	"Upgrade":                  true,
}
