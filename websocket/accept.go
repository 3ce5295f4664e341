package websocket

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
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
	// What takes much stack is in functions of its own: that of net/http's goroutine has room for any of them, but not for all, and
	// would have to grow.
	o := opts
	if o == nil {
		o = new(AcceptOptions)
	}
	a, err := o.agreeOn(r)
	if err != nil {
		refuse(w, err)
		return nil, fmt.Errorf("websocket: handshake refused: %w", err)
	}
	c, err := o.hijack(w, &a)
	if err != nil {
		return nil, err
	}
	if err := c.answer(w.Header(), &a); err != nil {
		return nil, err
	}
	return c, nil
}

//go:noinline
func (o *AcceptOptions) agreeOn(r *http.Request) (agreement, error) {
	var of offer
	of.read(r)
	return o.agree(&of)
}

// hijack takes the connection over from net/http.
func (o *AcceptOptions) hijack(w http.ResponseWriter, a *agreement) (*Conn, error) {
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
	c := o.newConn(nc, a, early)
	drop(rw)
	return c, nil
}

// newConn makes what has been agreed on of a connection.
//
//go:noinline
func (o *AcceptOptions) newConn(nc net.Conn, a *agreement, early []byte) *Conn {
	cfg := o.connConfig(a.subprotocol, early, a.compression)
	return newConn(nc, &cfg)
}

// answer sends the server's side of the handshake. If that fails, the connection is closed.
func (c *Conn) answer(extra http.Header, a *agreement) error {
	buf := writeBuffers.Get().(*[]byte)
	*buf = appendResponse(*buf, extra, a)
	err := c.writeHandshake(*buf)
	giveBack(buf)
	if err != nil {
		c.CloseNow()
		return fmt.Errorf("websocket: writing the handshake's answer: %w", err)
	}
	return nil
}

// refuse answers a request that is not a right handshake.
func refuse(w http.ResponseWriter, why error) {
	status, text := refusalOf(why)
	setRefusal(w.Header(), status)
	http.Error(w, text, status)
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
