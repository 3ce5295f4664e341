package websocket

import (
	"context"
	"fmt"
	"iter"
)

// A Message is one message, whole.
type Message struct {
	Type MessageType
	Data []byte
}

// Messages returns the messages that come, for use with range:
//
//	for msg, err := range c.Messages(ctx) {
//		if err != nil {
//			return err
//		}
//		handle(msg)
//	}
//
// The loop ends without an error when the peer closes with StatusNormalClosure or StatusGoingAway, and with one, as the
// last thing it yields, in any other case: also when ctx ends, which leaves the connection good. Breaking out of the loop
// does, too.
func (c *Conn) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for {
			typ, data, err := c.Read(ctx)
			if err != nil {
				if !isNormal(CloseStatus(err)) {
					yield(Message{}, err)
				}
				return
			}
			if !yield(Message{typ, data}, nil) {
				return
			}
		}
	}
}

// isNormal reports whether code is how a peer says that nothing is wrong.
func isNormal(code StatusCode) bool {
	return code == StatusNormalClosure || code == StatusGoingAway
}

// CloseRead is for connections on which no message is expected: it reads in a goroutine of its own, so that pings are
// answered and the peer's close is noticed, until the connection is closed or ctx ends. A message from the peer closes
// the connection with StatusPolicyViolation.
//
// The returned context, a child of ctx, ends with that goroutine; its context.Cause tells why. Further calls return the same
// context.
func (c *Conn) CloseRead(ctx context.Context) context.Context {
	b := c.blocking.Load()
	if b == nil {
		ctx, cancel := context.WithCancelCause(ctx)
		cancel(ErrHandled)
		return ctx
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if b.closeRead != nil {
		return b.closeRead
	}
	child, cancel := context.WithCancelCause(ctx)
	b.closeRead = child
	go func() {
		typ, _, err := c.Reader(ctx)
		if err == nil {
			err = fmt.Errorf("websocket: closed with %d: the peer sent a message (%v) where none is expected", StatusPolicyViolation, typ)
			c.Close(StatusPolicyViolation, "no message is expected here")
		}
		cancel(err)
	}()
	return child
}
