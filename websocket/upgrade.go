package websocket

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"time"
)

// UpgradeOptions are the options of Upgrade and Serve. nil and the zero value mean the defaults.
type UpgradeOptions struct {
	AcceptOptions

	// OnRequest, if set, is called with each request that is a right handshake, before it is answered. If it returns an error,
	// the client is refused: with the status and text of Refuse, or else with 500 and no word of what the error says.
	OnRequest func(r *UpgradeRequest) error

	// HandshakeTimeout is how long a client may take for its request, from the beginning of the connection, over TLS with
	// its handshake; and, where somebody waits for it, to take the answer. 0 means 5 s.
	HandshakeTimeout time.Duration
}

func (o *UpgradeOptions) timeout() time.Duration {
	if o.HandshakeTimeout <= 0 {
		return handshakeTimeout
	}
	return o.HandshakeTimeout
}

// Refuse returns an error for OnRequest to return: the client is answered with an HTTP status, 300 to 599, and a line of text.
// Fields that belong to the answer, such as WWW-Authenticate, go into UpgradeRequest.AnswerHeader.
func Refuse(status int, text string) error {
	if status < 300 || status > 599 {
		return fmt.Errorf("websocket: %d is no status to refuse a handshake with: use one of 300 to 599", status)
	}
	return &refusal{status, errors.New(text)}
}

// Upgrade reads a client's handshake from a network connection on which nothing has been read, answers it, and returns the
// WebSocket connection (RFC 6455 section 4.2). It needs no net/http, and holds requests against the same rules as Accept. It
// refuses what is no handshake with a text that says so: pages, health checks and the like are net/http's to serve.
//
//	l, err := net.Listen("tcp", "127.0.0.1:9001")
//	...
//	for {
//		nc, err := l.Accept()
//		...
//		go func() {
//			c, err := websocket.Upgrade(nc, nil)
//			if err != nil {
//				return // the client has been answered, and nc is closed
//			}
//			defer c.CloseNow()
//			...
//		}()
//	}
//
// A request may have 16 KiB and 64 header fields; HandshakeTimeout bounds how long it may take. When Upgrade returns an error,
// which may be some seconds after that, the client has been answered, as far as there was anything to answer, and nc is
// closed. For many connections, Serve does it without a goroutine for each.
func Upgrade(nc net.Conn, opts *UpgradeOptions) (*Conn, error) {
	if opts == nil {
		opts = new(UpgradeOptions)
	}
	c, _, err := opts.upgrade(nc)
	return c, err
}

func (o *UpgradeOptions) upgrade(nc net.Conn) (*Conn, *UpgradeRequest, error) {
	lost := func(err error) (*Conn, *UpgradeRequest, error) {
		nc.Close()
		return nil, nil, fmt.Errorf("websocket: the connection was lost during the handshake: %w", err)
	}
	if err := nc.SetDeadline(time.Now().Add(o.timeout())); err != nil {
		return lost(err)
	}
	buf := readBuffers.Get().(*[]byte)
	defer readBuffers.Put(buf)
	in, end, err := readHead(nc, (*buf)[:0])
	var r *UpgradeRequest
	var a agreement
	switch {
	case err == nil:
		r, a, err = o.settle(string(in[:end]), nc)
	case errors.Is(err, os.ErrDeadlineExceeded) && len(in) > 0:
		err = errSlowRequest
	case !errors.As(err, new(*refusal)):
		return lost(err)
	}
	if err != nil {
		var extra http.Header
		if r != nil {
			extra = r.answer
		}
		turnAway(nc, appendRefusal(nil, err, extra))
		return nil, nil, fmt.Errorf("websocket: handshake refused: %w", err)
	}
	if err := nc.SetDeadline(time.Now().Add(o.timeout())); err != nil { // OnRequest may have taken its time
		return lost(err)
	}
	c := o.newConn(nc, &a, in[end:])
	answer := writeBuffers.Get().(*[]byte)
	*answer = appendResponse(*answer, r.answer, &a)
	_, err = nc.Write(*answer)
	giveBack(answer)
	if err == nil {
		err = nc.SetDeadline(time.Time{})
	}
	if err != nil {
		c.CloseNow()
		return nil, nil, fmt.Errorf("websocket: writing the handshake's answer: %w", err)
	}
	return c, r, nil
}

var errSlowRequest = refuseWith(http.StatusRequestTimeout, "the request took too long")

// readHead reads until in has a request's head, which ends at end, or something speaks against it.
func readHead(nc net.Conn, in []byte) (_ []byte, end int, err error) {
	for {
		seen := len(in)
		in = slices.Grow(in, 1)
		n, readErr := nc.Read(in[seen:cap(in)])
		in = in[:seen+n]
		if end, err = headEnd(in, seen); end > 0 || err != nil {
			return in, end, err
		}
		if readErr == io.EOF {
			readErr = io.ErrUnexpectedEOF
		}
		if readErr != nil {
			return in, 0, readErr
		}
	}
}

// settle decides about a request's head. Its error is what the client is refused for; there may be a request then.
func (o *UpgradeOptions) settle(head string, nc net.Conn) (*UpgradeRequest, agreement, error) {
	r := &UpgradeRequest{head: head, nc: nc}
	var of offer
	if err := r.parse(&of); err != nil {
		return nil, agreement{}, err
	}
	_, of.secure = nc.(connectionStater)
	agreed, err := o.agree(&of)
	if err == nil && o.OnRequest != nil {
		err = o.OnRequest(r)
	}
	if err != nil {
		return r, agreement{}, err
	}
	return r, agreed, nil
}

// turnAway sends an answer that ends the connection. If it were closed at once, with something left to be received, TCP would
// take the answer back (RFC 9112 section 9.6).
func turnAway(nc net.Conn, answer []byte) {
	defer nc.Close()
	if nc.SetDeadline(time.Now().Add(closeTimeout)) != nil {
		return
	}
	if _, err := nc.Write(answer); err != nil {
		return
	}
	if half, ok := nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		io.Copy(io.Discard, nc)
	}
}
