package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/websocket"
)

// PlainProtocol is the subprotocol of the plain gateway: one JSON object a text
// message.
const PlainProtocol = "parley.v1.json"

// servePlain is the plain gateway. It returns once hello was said: from then on
// the connection is handled in event mode, where it has no goroutine while
// nothing happens.
func (s *Server) servePlain(w http.ResponseWriter, r *http.Request) {
	came, refused := s.checkUpgrade(r)
	if refused != nil {
		refused.write(w)
		return
	}
	visitor, refused := s.admission.admit(s.clientAddr(r))
	if refused != nil {
		refused.write(w)
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:       []string{PlainProtocol},
		InsecureSkipVerify: true, // the guard has checked the Origin, by our own rules
		KeepaliveInterval:  s.chat.Heartbeat().Interval,
		KeepaliveTimeout:   s.chat.Heartbeat().Timeout,
		// The outbox has bounds of its own, and ends connections with a bye.
		SendLimit: 64 << 20,
		SlowPeer:  websocket.SlowPeerDrop,
	})
	if err != nil {
		s.admission.leave(visitor)
		return // Accept has answered
	}
	c := &plainConn{ws: ws}
	c.begin(s, c, visitor, came)
	if !s.add(&c.conn) {
		c.out.end(restarting(1))
	}
	if c.greet() && ws.Handle(c) == nil {
		return
	}
	c.awaitEnd()
	c.finish()
}

// A plainConn is a connection of the plain gateway. Its requests are handled one
// after the other; it implements [websocket.Handler].
type plainConn struct {
	conn
	ws *websocket.Conn
}

// greet reads and handles messages until hello was said and believed. If it was
// not, the connection is being ended.
func (c *plainConn) greet() bool {
	c.ws.SetReadLimit(-1) // messages are read in parts and counted here
	ctx, cancel := context.WithTimeout(c.server.reading, helloTime)
	defer cancel()
	for !c.session.Greeted() {
		err := c.out.waitQuiet(ctx)
		if err == nil && c.out.over() {
			return false
		}
		if err == nil {
			err = c.readHello(ctx)
		}
		switch {
		case err == nil:
			continue
		case c.server.reading.Err() != nil: // whoever stopped the reading ends the connection
		case ctx.Err() != nil:
			c.out.end(noHello)
		case !errors.Is(err, errEnded): // the peer closed, broke the protocol, or is gone
			c.drop()
		}
		return false
	}
	c.ws.SetReadLimit(maxReceived)
	return true
}

// errEnded says that the connection is being ended, with a bye.
var errEnded = errors.New("server: the connection is being ended")

// readHello reads and handles one message, of which it holds up to maxHello
// bytes.
func (c *plainConn) readHello(ctx context.Context) error {
	typ, r, err := c.ws.Reader(ctx)
	if err != nil {
		return err
	}
	if typ != websocket.MessageText {
		return c.refuse(notText, r)
	}
	var buf bytes.Buffer
	if _, err := io.Copy(&buf, io.LimitReader(r, maxHello+1)); err != nil {
		return err
	}
	if buf.Len() <= maxHello {
		c.handle(buf.Bytes())
		return nil
	}
	// Too long to be handled; whether it is also too long to be borne, its rest
	// tells.
	rest, err := io.Copy(io.Discard, io.LimitReader(r, maxMessage-maxHello))
	if err != nil {
		return err
	}
	if maxHello+1+rest > maxMessage {
		return c.refuse(tooBig, r)
	}
	c.answer(refOfPrefix(buf.Bytes()), nil, nil, errLongHello)
	return nil
}

// refuse ends the connection because of a message, whose rest is thrown away.
func (c *plainConn) refuse(e parley.Ending, rest io.Reader) error {
	c.out.end(e)
	io.Copy(io.Discard, rest)
	return errEnded
}

// awaitEnd waits until a connection that is not handled is at its end.
func (c *plainConn) awaitEnd() {
	for {
		_, r, err := c.ws.Reader(context.Background())
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err != nil {
			c.drop()
			return
		}
	}
}

// OnMessage implements [websocket.Handler]. It holds its connection up while
// much waits to be sent to it.
func (c *plainConn) OnMessage(_ *websocket.Conn, typ websocket.MessageType, data []byte) {
	c.out.waitQuiet(c.server.reading)
	switch {
	case c.out.over() || c.server.reading.Err() != nil:
	case typ != websocket.MessageText:
		c.out.end(notText)
	case len(data) > maxMessage:
		c.out.end(tooBig)
	default:
		c.handle(data)
	}
}

// OnClose implements [websocket.Handler].
func (c *plainConn) OnClose(_ *websocket.Conn, err error) {
	c.out.abandon()
	if err == websocket.ErrKeepaliveTimeout { // and nothing else: it is still open
		c.send(message{json: parley.ByeEvent(lostBeat).JSON})
		c.server.noteEnd(lostBeat)
		c.ws.Close(websocket.StatusCode(lostBeat.Code), lostBeat.Reason)
	}
	c.finish()
}

// handle decodes one message and has it done.
func (c *plainConn) handle(data []byte) {
	ref, req, err := decode(data)
	c.do(req, err, func(ack any, err error) { c.answer(ref, nil, ack, err) })
}

// send implements carrier. An error has ended the connection: OnClose tells.
func (c *plainConn) send(m message) { c.ws.Send(websocket.MessageText, m.json) }

func (c *plainConn) queued() int { return c.ws.Queued() }

// bye ends the connection from our side.
func (c *plainConn) bye(e parley.Ending) {
	c.server.noteEnd(e)
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if c.ws.Write(ctx, websocket.MessageText, parley.ByeEvent(e).JSON) != nil {
		c.drop()
		return
	}
	c.ws.Close(websocket.StatusCode(e.Code), e.Reason)
}

func (c *plainConn) drop() {
	c.out.abandon()
	c.ws.CloseNow()
}
