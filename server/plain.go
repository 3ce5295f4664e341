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
	// closeTime is how long a connection that is ended may take over its bye.
	closeTime = 5 * time.Second
)

// servePlain is the plain gateway.
func (s *Server) servePlain(w http.ResponseWriter, r *http.Request) {
	refused := s.guard.checkOrigin(r)
	if refused == nil {
		refused = checkCredentials(r)
	}
	if refused != nil {
		refused.write(w)
		return
	}
	release, refused := s.admission.admit(clientAddr(r))
	if refused != nil {
		refused.write(w)
		return
	}
	defer release()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:       []string{PlainProtocol},
		InsecureSkipVerify: true, // the guard has checked the Origin, by our own rules
		KeepaliveInterval:  s.chat.Heartbeat().Interval,
		KeepaliveTimeout:   s.chat.Heartbeat().Timeout,
	})
	if err != nil {
		return // Accept has answered
	}
	c := &plainConn{server: s, conn: conn, out: newOutbox()}
	c.reading, c.stopReading = context.WithCancel(context.Background())
	defer c.stopReading()
	if !s.add(c) {
		c.out.end(restarting(1))
	}
	defer s.remove(c)
	c.run()
}

// A plainConn is a connection of the plain gateway: one goroutine reads and
// handles, one writes.
type plainConn struct {
	server  *Server
	conn    *websocket.Conn
	session *chat.Session
	out     *outbox

	reading     context.Context
	stopReading context.CancelFunc
}

func (c *plainConn) run() {
	c.conn.SetReadLimit(-1) // messages are read in parts and counted here
	c.session = c.server.chat.Connect(c.out)
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		c.write()
	}()
	defer func() { // also where a request panicked, which costs this connection alone
		if p := recover(); p != nil {
			c.server.log.Error("a request panicked", "panic", p, "stack", string(debug.Stack()))
			c.out.end(parley.Ending{Code: parley.CloseInternal, Reason: "a fault of the server's", RetryAfter: time.Second})
		}
		c.session.Close()
		<-wrote
		c.conn.CloseNow()
	}()
	c.read()
}

// read handles one message after the other until the connection is at its end.
func (c *plainConn) read() {
	greeting, cancel := context.WithTimeout(c.reading, helloTime)
	defer cancel()
	for {
		ctx, limit := c.reading, maxMessage
		if !c.session.Greeted() {
			ctx, limit = greeting, maxHello
		}
		err := c.out.waitQuiet(ctx)
		if err == nil {
			err = c.readMessage(ctx, limit)
		}
		switch {
		case err == nil:
			continue
		case c.reading.Err() != nil: // whoever stopped the reading ends the connection
		case ctx.Err() != nil:
			c.out.end(parley.Ending{Code: parley.CloseNoHello, Reason: "no hello in time", RetryAfter: time.Second})
		default:
			c.lost(err)
		}
		return
	}
}

// errEnded says that the connection is being ended, with a bye.
var errEnded = errors.New("server: the connection is being ended")

// readMessage reads and handles one message, of which it holds up to limit bytes.
func (c *plainConn) readMessage(ctx context.Context, limit int) error {
	typ, r, err := c.conn.Reader(ctx)
	if err != nil {
		return err
	}
	if typ != websocket.MessageText {
		return c.end(parley.Ending{Code: parley.CloseUnsupported, Reason: "send text; binary messages are not for this framing"})
	}
	var buf bytes.Buffer
	if _, err := io.Copy(&buf, io.LimitReader(r, int64(limit)+1)); err != nil {
		return err
	}
	if buf.Len() <= limit {
		c.handle(buf.Bytes())
		return nil
	}
	// Too long to be handled; whether it is also too long to be borne, its rest
	// tells.
	rest, err := io.Copy(io.Discard, io.LimitReader(r, int64(maxMessage-limit)))
	if err != nil {
		return err
	}
	if limit+1+int(rest) > maxMessage {
		return c.end(parley.Ending{Code: parley.CloseTooBig, Reason: fmt.Sprintf("a message has at most %d bytes", maxMessage)})
	}
	c.answer(refOfPrefix(buf.Bytes()), nil, parley.Errorf(parley.CodeTooLarge, "before hello a message has at most %d bytes; say hello in less", maxHello))
	return nil
}

func (c *plainConn) end(e parley.Ending) error {
	c.out.end(e)
	return errEnded
}

// lost looks at why reading failed.
func (c *plainConn) lost(err error) {
	switch {
	case errors.Is(err, errEnded):
	case errors.Is(err, websocket.ErrKeepaliveTimeout):
		c.out.end(parley.Ending{Code: parley.CloseHeartbeat, Reason: "heartbeat lost", RetryAfter: time.Second})
	default: // the peer closed, broke the protocol, or is gone
		c.out.abandon()
	}
}

// handle decodes one message and has it done.
func (c *plainConn) handle(data []byte) {
	ref, req, err := decode(data)
	if err != nil && (c.session.Greeted() || req.Type == "hello") {
		c.answer(ref, nil, err)
		return
	}
	c.session.Handle(c.reading, req, func(ack any, err error) { c.answer(ref, ack, err) })
}

// answer queues the answer to a request: an error always, an ack where the
// request had a ref.
func (c *plainConn) answer(ref json.RawMessage, ack any, err error) {
	if err != nil {
		c.out.put(encodeAnswer(parley.EventError, ref, chat.ErrorOf(err)), answer)
		if ending, ok := c.session.Refused(err); ok {
			c.out.end(ending)
			c.stopReading()
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

// write writes what is queued until the connection ends, and ends it.
func (c *plainConn) write() {
	for {
		next, ending, ok := c.out.take()
		if !ok {
			return
		}
		if ending != nil {
			c.bye(*ending)
			return
		}
		// What leaves late is written to its end all the same, so that the
		// reader can be told why it is cut off.
		ctx, cancel := context.WithTimeout(context.Background(), allowance(next)+closeTime)
		err := c.conn.Write(ctx, websocket.MessageText, next.json)
		cancel()
		if err != nil {
			c.stopReading()
			c.out.abandon()
			return
		}
		c.out.written(next)
	}
}

// bye ends the connection from our side.
func (c *plainConn) bye(e parley.Ending) {
	c.stopReading()
	c.server.log.Info("a connection is ended", "code", e.Code, "reason", e.Reason)
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if c.conn.Write(ctx, websocket.MessageText, parley.ByeEvent(e).JSON) == nil {
		c.conn.Close(websocket.StatusCode(e.Code), e.Reason)
	}
	c.out.abandon()
}
