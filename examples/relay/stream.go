package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

const (
	chunkSize = 16 << 10
	maxBehind = 64 // chunks that a receiver may be behind: at most 1 MiB
)

// A stream is a binary message on its way to everyone who was there when it began.
type stream struct {
	began time.Time
	lanes []*lane
}

// A lane is a stream's way to one receiver.
type lane struct {
	to     *client
	own    bool // to is the sender
	chunks chan []byte
	held   time.Duration // how long the others have waited for this one

	begun  atomic.Bool // earlier messages are through
	broken atomic.Bool // the sender was lost; set before chunks is closed
}

// relay forwards the binary message that c has begun to send.
func (r *room) relay(c *client, body io.Reader) error {
	s := r.open(c)
	var buf [chunkSize]byte
	for {
		n, err := body.Read(buf[:])
		if n > 0 {
			s.send(bytes.Clone(buf[:n]))
		}
		switch err {
		case nil:
			continue
		case io.EOF:
			s.end(false)
			return nil
		}
		s.end(true)
		return err
	}
}

// open queues a stream for everyone, with the sender's name at its head.
func (r *room) open(from *client) *stream {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ensureNamed(from)
	name := cut(from.name)
	head := append([]byte{byte(len(name))}, name...)
	s := &stream{began: time.Now()}
	for c := range r.clients {
		l := &lane{to: c, own: c == from, chunks: make(chan []byte, maxBehind)}
		l.chunks <- head
		s.lanes = append(s.lanes, l)
		c.enqueue(outgoing{stream: l})
	}
	return s
}

// cut shortens a name to what one byte can count, at a character.
func cut(name string) string {
	if len(name) <= 255 {
		return name
	}
	end := 255
	for name[end]&0xc0 == 0x80 { // in the middle of a character
		end--
	}
	return name[:end]
}

// send gives a chunk to every receiver, first to those that have room for it, and then waits for the others.
//
// To wait is to pace the sender, and thereby everyone. That is right while all are about as fast; but a receiver that keeps
// others idle for patience and half of the time is dropped, so that it cannot slow them down to less than half.
func (s *stream) send(chunk []byte) {
	s.lanes = slices.DeleteFunc(s.lanes, (*lane).isOver)
	var late []*lane
	for _, l := range s.lanes {
		select {
		case l.chunks <- chunk:
		default:
			late = append(late, l)
		}
	}
	if len(late) == 0 {
		return
	}
	start := time.Now()
	for _, l := range late {
		select {
		case l.chunks <- chunk:
		case <-l.to.gone:
		}
	}
	idle := slices.ContainsFunc(s.lanes, func(l *lane) bool {
		return len(l.chunks) == 0 && !l.own && !slices.Contains(late, l)
	})
	for _, l := range late {
		if !idle || !l.begun.Load() {
			continue
		}
		l.held += time.Since(start)
		if l.held > patience+time.Since(s.began)/2 {
			l.to.drop(websocket.StatusTryAgainLater, "too slow")
		}
	}
}

// end ends the message; if its sender was lost, for those who have its beginning with 1011.
func (s *stream) end(lost bool) {
	for _, l := range s.lanes {
		l.broken.Store(lost)
		close(l.chunks)
	}
}

// isOver reports whether there is nobody any more to take the stream.
func (l *lane) isOver() bool {
	select {
	case <-l.to.gone:
		return true
	default:
		return false
	}
}

var errLost = errors.New("the sender was lost in the middle of a message")

// run sends the stream to its receiver.
func (l *lane) run() error {
	if l.broken.Load() {
		return nil // and the receiver has seen nothing of it
	}
	l.begun.Store(true)
	message, err := l.to.conn.Writer(context.Background(), websocket.MessageBinary)
	for err == nil {
		select {
		case <-l.to.gone:
			return net.ErrClosed
		case chunk, ok := <-l.chunks:
			switch {
			case ok:
				err = l.to.inTime(func() error { _, err := message.Write(chunk); return err })
			case l.broken.Load():
				l.to.drop(websocket.StatusInternalError, errLost.Error())
				return errLost
			default:
				return l.to.inTime(message.Close)
			}
		}
	}
	return err
}
