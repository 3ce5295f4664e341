package main

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

const (
	maxText    = 64 << 10         // bytes of a text message; longer ones close their sender with 1009
	maxPending = 64               // messages that wait for a receiver; more hold up their senders
	maxPause   = 30 * time.Second // of a sender, in the middle of a message
	patience   = 5 * time.Second  // with a receiver
)

// A client is a connection. One goroutine reads from it, another one writes what is queued for it.
type client struct {
	conn  *websocket.Conn // set after the handshake, before anything is sent
	queue chan outgoing
	gone  chan struct{} // closed when nothing more is to be queued
	once  sync.Once
	name  string // "" until it has joined; for the goroutine that reads
}

// outgoing is a message for a client: a text, or a stream that may still be arriving.
type outgoing struct {
	text   []byte
	stream *lane
}

func newClient() *client {
	return &client{queue: make(chan outgoing, maxPending), gone: make(chan struct{})}
}

// enqueue waits until there is room for the message, or nobody to take it.
func (c *client) enqueue(m outgoing) {
	select {
	case c.queue <- m:
	case <-c.gone:
	}
}

func (c *client) leave() { c.once.Do(func() { close(c.gone) }) }

// drop ends the connection, without waiting for it.
func (c *client) drop(code websocket.StatusCode, reason string) {
	c.leave()
	go c.conn.Close(code, reason)
}

// write sends what is queued until the client is gone.
func (c *client) write() {
	for {
		select {
		case <-c.gone:
			return
		case m := <-c.queue:
			if c.deliver(m) != nil {
				c.leave() // the connection is closed, or being closed
				return
			}
		}
	}
}

func (c *client) deliver(m outgoing) error {
	if m.stream != nil {
		return m.stream.run()
	}
	return c.inTime(func() error { return c.conn.Write(context.Background(), websocket.MessageText, m.text) })
}

// inTime drops the client if it does not take in time what write sends.
func (c *client) inTime(write func() error) error {
	slow := time.AfterFunc(patience, func() { c.drop(websocket.StatusTryAgainLater, "too slow") })
	defer slow.Stop()
	return write()
}

// nextMessage waits for a message.
func (c *client) nextMessage() (websocket.MessageType, io.Reader, error) {
	typ, body, err := c.conn.Reader(context.Background())
	return typ, &steadyReader{body, c}, err
}

// A steadyReader closes the connection if the message's next bytes take too long.
type steadyReader struct {
	body io.Reader
	c    *client
}

func (r *steadyReader) Read(p []byte) (int, error) {
	late := time.AfterFunc(maxPause, func() { r.c.drop(websocket.StatusPolicyViolation, "paused too long within a message") })
	defer late.Stop()
	return r.body.Read(p)
}

// readText returns a text message, or closes the connection if it is too long.
func (c *client) readText(body io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(body, maxText+1))
	if err == nil && len(text) > maxText {
		err = errors.New("text too long")
		c.conn.Close(websocket.StatusMessageTooBig, "a text may have 64 KiB")
	}
	return text, err
}
