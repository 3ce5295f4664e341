package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/websocket"
)

// PlainProtocol is the subprotocol of the plain gateway: one JSON object a text
// message.
const PlainProtocol = "parley.v1.json"

const (
	// maxMessage is the longest message on the plain framing: a body as long as
	// may be, and room for what is around it.
	maxMessage = 72 << 10
	// maxHello is the longest message before hello was believed.
	maxHello  = 8 << 10
	helloTime = 5 * time.Second
	// maxReceived is how long a message may be that is refused with a bye; a
	// longer one is refused by its first bytes.
	maxReceived = 128 << 10
	// closeTime is how long a connection that is ended may take over its bye.
	closeTime = 5 * time.Second
)

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
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
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
	c := &plainConn{server: s, conn: conn, visitor: visitor}
	c.out.carrier = c
	c.session.Begin(s.chat, &c.out, came)
	if !s.add(c) {
		c.out.end(restarting(1))
	}
	if c.greet() && conn.Handle(c) == nil {
		return
	}
	c.awaitEnd()
	c.finish()
}

// A plainConn is a connection of the plain gateway. Its requests are handled one
// after the other; it implements [websocket.Handler].
type plainConn struct {
	server  *Server
	conn    *websocket.Conn
	session chat.Session
	visitor *visitor
	out     outbox

	before, next *plainConn // in the server's list; guarded by its mu
}

// greet reads and handles messages until hello was said and believed. If it was
// not, the connection is being ended.
func (c *plainConn) greet() bool {
	c.conn.SetReadLimit(-1) // messages are read in parts and counted here
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
			c.out.end(parley.Ending{Code: parley.CloseNoHello, Reason: "no hello in time", RetryAfter: time.Second})
		case !errors.Is(err, errEnded): // the peer closed, broke the protocol, or is gone
			c.drop()
		}
		return false
	}
	c.conn.SetReadLimit(maxReceived)
	return true
}

// errEnded says that the connection is being ended, with a bye.
var errEnded = errors.New("server: the connection is being ended")

// readHello reads and handles one message, of which it holds up to maxHello
// bytes.
func (c *plainConn) readHello(ctx context.Context) error {
	typ, r, err := c.conn.Reader(ctx)
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
	c.answer(refOfPrefix(buf.Bytes()), nil, parley.Errorf(parley.CodeTooLarge, "before hello a message has at most %d bytes; say hello in less", maxHello))
	return nil
}

// refuse ends the connection because of a message, whose rest is thrown away.
func (c *plainConn) refuse(e parley.Ending, rest io.Reader) error {
	c.out.end(e)
	io.Copy(io.Discard, rest)
	return errEnded
}

var (
	notText = parley.Ending{Code: parley.CloseUnsupported, Reason: "send text; binary messages are not for this framing"}
	tooBig  = parley.Ending{Code: parley.CloseTooBig, Reason: fmt.Sprintf("a message has at most %d bytes", maxMessage)}
)

// awaitEnd waits until a connection that is not handled is at its end.
func (c *plainConn) awaitEnd() {
	for {
		_, r, err := c.conn.Reader(context.Background())
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
		e := parley.Ending{Code: parley.CloseHeartbeat, Reason: "heartbeat lost", RetryAfter: time.Second}
		c.send(parley.ByeEvent(e).JSON)
		c.server.noteEnd(e)
		c.conn.Close(websocket.StatusCode(e.Code), e.Reason)
	}
	c.finish()
}

// finish gives up what a connection that has ended held.
func (c *plainConn) finish() {
	c.out.abandon()
	c.session.Close()
	c.server.admission.leave(c.visitor)
	c.server.remove(c)
}

// handle decodes one message and has it done. A request that panics costs this
// connection alone.
func (c *plainConn) handle(data []byte) {
	defer func() {
		if p := recover(); p != nil {
			c.server.log.Error("a request panicked", "panic", p, "stack", string(debug.Stack()))
			c.out.end(parley.Ending{Code: parley.CloseInternal, Reason: "a fault of the server's", RetryAfter: time.Second})
		}
	}()
	ref, req, err := decode(data)
	if err != nil && (c.session.Greeted() || req.Type == "hello") {
		c.answer(ref, nil, err)
		return
	}
	c.session.Handle(c.server.reading, req, func(ack any, err error) { c.answer(ref, ack, err) })
}

// answer sends the answer to a request: an error always, an ack where the
// request had a ref.
func (c *plainConn) answer(ref json.RawMessage, ack any, err error) {
	if err != nil {
		c.out.put(encodeAnswer(parley.EventError, ref, chat.ErrorOf(err)), answer)
		if ending, ok := c.session.Refused(err); ok {
			c.out.end(ending)
		}
	} else if ref != nil {
		c.out.put(encodeAnswer("ack", ref, ack), answer)
	}
}

// encodeAnswer writes {"type":typ,"ref":ref, and the fields of the struct.
func encodeAnswer(typ string, ref json.RawMessage, fields any) []byte {
	body := parley.EncodeJSON(fields)
	b := make([]byte, 0, len(body)+len(ref)+32)
	b = append(b, `{"type":"`...)
	b = append(b, typ...)
	b = append(b, '"')
	if ref != nil {
		b = append(b, `,"ref":`...)
		b = append(b, ref...)
	}
	if len(body) > len("{}") {
		b = append(b, ',')
	}
	return append(b, body[1:]...)
}

// send implements carrier. An error has ended the connection: OnClose tells.
func (c *plainConn) send(json []byte) { c.conn.Send(websocket.MessageText, json) }

func (c *plainConn) queued() int { return c.conn.Queued() }

// bye ends the connection from our side.
func (c *plainConn) bye(e parley.Ending) {
	c.server.noteEnd(e)
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if c.conn.Write(ctx, websocket.MessageText, parley.ByeEvent(e).JSON) != nil {
		c.drop()
		return
	}
	c.conn.Close(websocket.StatusCode(e.Code), e.Reason)
}

func (c *plainConn) drop() {
	c.out.abandon()
	c.conn.CloseNow()
}
