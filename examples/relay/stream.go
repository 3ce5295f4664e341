package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

const (
	chunkSize    = 16 << 10
	maxBehind    = 64        // chunks that a receiver may be behind: at most 1 MiB
	fragmentSize = 128 << 10 // about; of those that are sent
)

// A stream is a binary message on its way to everyone who was there when it began.
type stream struct {
	began time.Time
	lanes []*lane
}

// A lane is a stream's way to one receiver.
type lane struct {
	to     *client
	began  time.Time
	own    bool // to is the sender
	chunks chan []byte
	held   time.Duration // how long the others have waited for this one
	idle   stopwatch     // runs while it has nothing to send

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
		l := &lane{to: c, began: s.began, own: c == from, chunks: make(chan []byte, maxBehind)}
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
	for _, l := range late {
		before := s.idle(l)
		select {
		case l.chunks <- chunk:
		case <-l.to.gone:
		}
		if !l.begun.Load() {
			continue
		}
		var kept time.Duration // the longest that it has kept another one waiting
		for i, idle := range s.idle(l) {
			kept = max(kept, idle-before[i])
		}
		l.held += kept
		if l.held > patience+time.Since(s.began)/2 {
			l.to.drop(websocket.StatusTryAgainLater, "too slow")
		}
	}
}

// idle is for how long each receiver but except has had nothing to do. The sender itself does not count.
func (s *stream) idle(except *lane) []time.Duration {
	var idle []time.Duration
	for _, l := range s.lanes {
		if l != except && !l.own {
			idle = append(idle, l.idle.total())
		}
	}
	return idle
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

// asItIs is how streams are sent: pictures are compressed already.
const asItIs = websocket.MessageBinary | websocket.Uncompressed

var errLost = errors.New("the sender was lost in the middle of a message")

// run sends the stream to its receiver.
func (l *lane) run() error {
	l.begun.Store(true)
	var message io.WriteCloser // nil until something of it must be sent
	for buf, more := l.gather(nil); ; buf, more = l.gather(buf[:0]) {
		switch {
		case l.isOver():
			return net.ErrClosed
		case l.broken.Load() && message == nil:
			return nil // the receiver has seen nothing of it
		case l.broken.Load():
			l.to.drop(websocket.StatusInternalError, errLost.Error())
			return errLost
		}
		err := l.to.inTime(func() (err error) {
			if message == nil && !more { // all of it: a message of one frame
				return l.to.conn.Write(context.Background(), asItIs, buf)
			}
			if message == nil {
				message, err = l.to.conn.Writer(context.Background(), asItIs)
			}
			if err == nil {
				_, err = message.Write(buf)
			}
			if err == nil && !more {
				err = message.Close()
			}
			return err
		})
		if err != nil || !more {
			return err
		}
	}
}

// gather appends to buf what is to be sent next, and reports whether there may be more.
//
// Clients bound how many fragments a message may have (this library 1,024, npm's ws 16,384), so fragments are made as large as
// may be, and the longer a message takes, the longer they may take, too: a trickle of some minutes makes hundreds.
func (l *lane) gather(buf []byte) (_ []byte, more bool) {
	l.idle.start()
	defer l.idle.stop()
	var late <-chan time.Time
	for len(buf) < fragmentSize {
		select {
		case chunk, ok := <-l.chunks:
			if !ok {
				return buf, false
			}
			buf = append(buf, chunk...)
			if late == nil {
				late = time.After(5*time.Millisecond + time.Since(l.began)/50)
			}
		case <-late:
			return buf, true
		case <-l.to.gone:
			return nil, false
		}
	}
	return buf, true
}

// A stopwatch adds up for how long it has run. It is safe for concurrent use.
type stopwatch struct {
	mu    sync.Mutex
	since time.Time // zero while it stands still
	sum   time.Duration
}

func (s *stopwatch) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = time.Now()
}

func (s *stopwatch) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum += time.Since(s.since)
	s.since = time.Time{}
}

func (s *stopwatch) total() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		return s.sum
	}
	return s.sum + time.Since(s.since)
}
