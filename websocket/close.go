package websocket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"unicode/utf8"

	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// errClosing is what writes return between the two halves of a close handshake.
var errClosing = fmt.Errorf("websocket: the connection is being closed: %w", net.ErrClosed)

// maxReason is the longest reason that fits a control frame beside its code (RFC 6455 section 5.5).
const maxReason = proto.MaxControlPayload - 2

// Close performs the close handshake (RFC 6455 section 7.1.2): it sends a close frame, which takes at most 5 s, waits at most
// 5 s for the peer's, throwing away messages that come before it, and closes the network connection. It returns nil
// if the peer answered. A client waits for the server to close the network connection first, at most 5 s more. A read that is under way ends when that is done.
//
// code must be one that may be sent, or StatusNoStatusRcvd for a close frame without a code; reason must be UTF-8 of at most
// 123 bytes. If not, the connection is closed with StatusInternalError, and the error says what was wrong.
//
// If the connection is closed already, or another call is closing it, Close returns at once an error that matches
// net.ErrClosed.
func (c *Conn) Close(code StatusCode, reason string) error {
	invalid := checkClose(code, reason)
	if invalid != nil {
		code, reason = StatusInternalError, ""
	}
	if !c.closing.CompareAndSwap(false, true) {
		if c.isClosed() {
			return c.closedErr()
		}
		return errClosing
	}
	switch p := c.parked.Load(); {
	case p != nil:
		p.close(code, reason)
		return invalid
	case c.handled.Load(): // the goroutine that reads sees how it ends
		err := c.beginClose(code, reason)
		if err == nil {
			go c.awaitClose()
		}
		return errors.Join(invalid, err)
	}
	err := c.beginClose(code, reason)
	if err == nil {
		err = c.awaitClose()
	}
	return errors.Join(invalid, err)
}

func checkClose(code StatusCode, reason string) error {
	switch {
	case code == StatusNoStatusRcvd && reason != "":
		return errors.New("websocket: a close frame without a code cannot have a reason")
	case code != StatusNoStatusRcvd && !proto.ValidCode(int(code)):
		return fmt.Errorf("websocket: %d may not be sent as a status code: use 1000 to 1014 as registered, or 3000 to 4999", int(code))
	case len(reason) > maxReason:
		return fmt.Errorf("websocket: the close reason has %d bytes, at most %d fit", len(reason), maxReason)
	case !utf8.ValidString(reason):
		return errors.New("websocket: the close reason is not UTF-8")
	}
	return nil
}

// beginClose is the first half of the close handshake: it sends our close frame. awaitClose is to follow, but after an error.
func (c *Conn) beginClose(code StatusCode, reason string) error {
	c.stopKeepalive()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	err := c.sendClose(ctx, code, reason)
	cancel()
	if err != nil {
		c.abort(net.ErrClosed)
		if CloseStatus(c.closedErr()) != -1 {
			return nil // the peer's close frame crossed ours
		}
		return fmt.Errorf("websocket: the close frame could not be sent: %w", err)
	}
	return nil
}

// awaitClose is the second half: it waits for the peer's close frame.
func (c *Conn) awaitClose() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if c.tryTake(readToken) { // nobody reads: do it here
		for err := error(nil); err == nil; {
			_, err = c.nextEvent(ctx)
		}
		c.endRead()
	} else {
		c.wait(ctx)
	}
	if !c.isClosed() {
		c.abort(net.ErrClosed)
		return errors.New("websocket: the peer did not answer the close frame in time")
	}
	if CloseStatus(c.closedErr()) == -1 {
		return fmt.Errorf("websocket: the peer did not answer the close frame: %w", c.cause)
	}
	return nil
}

// sendClose sends a close frame, after the frame that is being sent if there is one. If one has been sent already, that is
// enough.
func (c *Conn) sendClose(ctx context.Context, code StatusCode, reason string) error {
	if err := c.take(ctx, frameToken); err != nil {
		return err
	}
	defer c.giveBack(frameToken)
	if c.closeSent {
		return nil
	}
	h := c.header(proto.Close, true)
	err := c.send(ctx, &h, proto.AppendClose(nil, uint16(code), reason))
	c.closeSent = true
	return err
}

// peerClosed answers the peer's close frame, with the code that it gave (RFC 6455 section 5.5.1), and closes the network
// connection: a client when the server has done so, for which it waits as long as ctx allows, and at most 5 s (section 7.1.1).
// The cause is noted.
func (c *Conn) peerClosed(ctx context.Context, code StatusCode) error {
	c.closing.Store(true)
	if p := c.parked.Load(); p != nil {
		return p.peerClosed(code)
	}
	c.stopKeepalive()
	if c.role == proto.Client {
		c.answerClose(code)
		c.awaitEnd(ctx)
	} else if !c.answerCloseNow(code) {
		c.answerClose(code)
	}
	c.teardown(net.ErrClosed)
	return c.closedErr()
}

// answerClose sends a close frame when that can be done.
func (c *Conn) answerClose(code StatusCode) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if c.sendClose(ctx, code, "") != nil {
		c.abort(net.ErrClosed)
	}
}

// answerCloseNow sends a close frame at once, as nearly always can be, in one packet with the end of the stream: that needs no
// timer, and little stack. If it reports false, nothing has been sent.
func (c *Conn) answerCloseNow(code StatusCode) (done bool) {
	b := c.blocking.Load()
	if b.sock.raw == nil || !b.sock.drained() {
		// There may be more to be read: the kernel then ends the connection with a reset, which would overtake what has not left.
		return false
	}
	if !c.tryTake(frameToken) {
		return false
	}
	if q := b.replies.Load(); c.sendable() == nil && (q == nil || q.empty()) {
		buf := writeBuffers.Get().(*[]byte)
		c.appendClose(buf, code)
		n, err := b.sock.writeLast(*buf)
		if done = n > 0; done {
			c.closeSent = true
			if n < len(*buf) || err != nil {
				c.abort(net.ErrClosed) // it would have taken more, had it listened
			}
		}
		giveBack(buf)
	}
	c.giveBack(frameToken)
	return done
}

// appendClose appends a close frame without a reason.
func (c *Conn) appendClose(dst *[]byte, code StatusCode) {
	var payload [2]byte
	*dst = proto.AppendFrame(*dst, c.header(proto.Close, true), proto.AppendClose(payload[:0], uint16(code), ""))
}

// fail closes the connection because of what the peer sent (RFC 6455 section 7.1.7), and returns the error of the read that
// found it. The reason that the peer gets is of the machine's fixed texts.
func (c *Conn) fail(ctx context.Context, bad *proto.Error) error {
	err := fmt.Errorf("websocket: closed with %d because of what the peer sent: %w", bad.Code, bad)
	if bad == proto.ErrTooBig {
		err = fmt.Errorf("websocket: closed with %d: %w of %d bytes", bad.Code, ErrMessageTooBig, c.readLimit.Load())
	}
	c.because(err)
	c.closing.Store(true)
	c.stopKeepalive()
	c.rd.kept, c.rd.piece = nil, nil // for nobody, and a peer that is slow to go must not hold it here
	if c.compression != nil {
		c.compression.in.Release()
	}
	if p := c.parked.Load(); p != nil {
		return p.fail(bad)
	}
	sendCtx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if c.sendClose(sendCtx, StatusCode(bad.Code), bad.Reason) != nil {
		c.abort(err)
		return c.closedErr()
	}
	c.linger(ctx)
	c.teardown(err)
	return c.closedErr()
}

// linger ends our direction and then waits until the peer has ended its own. To close at once, while there is something to
// receive, would make TCP take back the close frame that is on its way (RFC 6455 section 7.1.1, RFC 9112 section 9.6).
func (c *Conn) linger(ctx context.Context) {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.awaitEnd(ctx)
}

// awaitEnd waits until the peer has ended its direction, throwing away what comes, for as long as ctx allows and at most 5 s.
func (c *Conn) awaitEnd(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	for c.fill(ctx) == nil {
		c.rd.in = nil
	}
}
