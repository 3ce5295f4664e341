package server

import (
	"encoding/json"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/socketio"
)

const (
	// maxMessage is the longest message, or argument of a Socket.IO event: a body
	// as long as may be, and room for what is around it.
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

var (
	notText  = parley.Ending{Code: parley.CloseUnsupported, Reason: "send text; binary messages are not for this framing"}
	tooBig   = parley.Ending{Code: parley.CloseTooBig, Reason: fmt.Sprintf("a message has at most %d bytes", maxMessage)}
	noHello  = parley.Ending{Code: parley.CloseNoHello, Reason: "no hello in time", RetryAfter: time.Second}
	lostBeat = parley.Ending{Code: parley.CloseHeartbeat, Reason: "heartbeat lost", RetryAfter: time.Second}
	faulty   = parley.Ending{Code: parley.CloseInternal, Reason: "a fault of the server's", RetryAfter: time.Second}

	errLongHello = parley.Errorf(parley.CodeTooLarge, "before hello a message has at most %d bytes; say hello in less", maxHello)
)

// A conn is what the connections of both gateways have in common. Its requests
// are handled one after the other.
type conn struct {
	server  *Server
	session chat.Session
	visitor *visitor
	out     outbox

	before, next *conn // in the server's list; guarded by its mu
}

// begin comes before all else.
func (c *conn) begin(s *Server, carrier carrier, visitor *visitor, came *chat.Caller) {
	c.server, c.visitor, c.out.carrier = s, visitor, carrier
	c.session.Begin(s.chat, &c.out, came)
}

// finish gives up what a connection that has ended held.
func (c *conn) finish() {
	c.out.abandon()
	c.session.Close()
	c.server.admission.leave(c.visitor)
	c.server.remove(c)
}

// do has a request done, or answered with what was wrong in decoding it. One that
// panics costs this connection alone.
func (c *conn) do(req *chat.Request, err error, reply chat.Reply) {
	defer func() {
		if p := recover(); p != nil {
			c.server.log.Error("a request panicked", "panic", p, "stack", string(debug.Stack()))
			c.out.end(faulty)
		}
	}()
	if err != nil && (c.session.Greeted() || req.Type == "hello") {
		reply(nil, err)
		return
	}
	c.session.Handle(c.server.reading, req, reply)
}

// answer puts the answer to a request: an error always, an ack where the request
// had a ref or wants one.
func (c *conn) answer(ref json.RawMessage, asked *socketio.Event, ack any, err error) {
	if err != nil {
		c.reply(parley.EventError, ref, asked, chat.ErrorOf(err))
		if ending, ok := c.session.Refused(err); ok {
			c.out.end(ending)
		}
	} else if ref != nil || asked != nil {
		c.reply("ack", ref, asked, ack)
	}
}

func (c *conn) reply(typ string, ref json.RawMessage, asked *socketio.Event, fields any) {
	c.out.put(message{json: encodeAnswer(typ, ref, fields), typ: typ, asked: asked}, answer)
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
