package websocket

import (
	"context"
	"errors"
)

// A Handler is called with what arrives on a connection that was given to Conn.Handle. One Handler may serve any number of
// connections.
//
// For one connection, calls come one after the other, and OnClose is the last. They may block: that keeps back what comes after
// on that connection, and nothing on others.
type Handler interface {
	// OnMessage is called with each message. data is good until OnMessage returns: copy what is to be kept.
	//
	// What is sent meanwhile on the same connection leaves when OnMessage returns, together with what is sent for messages
	// that came in the same packet; or after some milliseconds, if it does not return by then.
	OnMessage(c *Conn, typ MessageType, data []byte)

	// OnClose is called once, when the connection has ended. err is what a read would have returned: CloseStatus gets the
	// peer's code out of it.
	//
	// One end can still be shaped: if err is ErrKeepaliveTimeout, the connection can be closed with a code of one's own
	// choice from within OnClose. Otherwise it is closed with StatusInternalError.
	OnClose(c *Conn, err error)
}

// ErrHandled is returned by reads of a connection that was given to Handle.
var ErrHandled = errors.New("websocket: this connection's messages go to its Handler")

// Handle gives the connection over to h, and returns: this is the event mode. From now on h is called with what comes, and
// reads return ErrHandled. All else works as before, from any goroutine, also from within h, but for this:
//
//   - Close does not wait for the peer's answer; OnClose tells when it is over.
//   - Write returns when the message has been sent or queued; it waits only if more than 1 MiB is queued.
//   - Ping must not be called from within h: the answer could not be read meanwhile.
//
// On Linux, over plain TCP, and over TLS where the server listens with NewListener, an idle connection that was given over has
// no goroutine and no buffer of ours: it costs some hundred bytes, and what crypto/tls keeps. The network connection under
// it is taken over, so that a net.Conn kept from before is of no use any more. Elsewhere one goroutine reads for h.
//
// Handle fails, and changes nothing, if somebody is reading, or the connection is closed or about to be. Of a message that
// Reader has handed out in part, h gets the rest.
func (c *Conn) Handle(h Handler) error {
	if err := c.beginRead(context.Background()); err != nil {
		return err
	}
	if err := c.take(context.Background(), frameToken); err != nil {
		c.endRead()
		return err
	}
	defer c.giveBack(frameToken)
	if err := c.sendable(); err != nil {
		c.endRead()
		return err
	}
	// readToken is kept for good.
	c.handled.Store(true)
	if c.rd != nil {
		c.rd.reader = nil
	}
	if !c.park(h) {
		go c.readFor(h)
	}
	return nil
}

// readFor reads for h, where there is no better way than a goroutine.
func (c *Conn) readFor(h Handler) {
	ctx := context.Background()
	for {
		typ, data, err := c.readMessage(ctx)
		switch {
		case err == nil:
			c.rd.release()
			h.OnMessage(c, typ, data)
		case c.isClosed():
			c.endRead()
			h.OnClose(c, c.closedErr())
			return
		default: // ErrKeepaliveTimeout: nothing else ends a read of an open connection
			h.OnClose(c, err)
			c.keepaliveGiveUp()
			c.discard(ctx)
			return
		}
	}
}

// discard reads until the connection is closed.
func (c *Conn) discard(ctx context.Context) {
	for !c.isClosed() {
		c.nextEvent(ctx)
	}
	c.endRead()
}
