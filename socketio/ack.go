package socketio

import (
	"time"

	"github.com/seed-4a326f83/parley/socketio/internal/packet"
)

// A pendingAck is an acknowledgement that is waited for.
type pendingAck struct {
	done  func(Args, error)
	timer *time.Timer // nil: for as long as it takes
}

// expectAck has done called with the acknowledgement of that id, or with what becomes of it.
func (s *Socket) expectAck(id uint64, timeout time.Duration, done func(Args, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != connected {
		return ErrDisconnected
	}
	if s.acks == nil {
		s.acks = make(map[uint64]*pendingAck)
	}
	a := &pendingAck{done: done}
	if timeout > 0 {
		a.timer = time.AfterFunc(timeout, func() {
			if s.forgetAck(id) {
				done(Args{}, ErrTimeout)
			}
		})
	}
	s.acks[id] = a
	return nil
}

// takeAck returns what waits for an id, and forgets it.
func (s *Socket) takeAck(id uint64) *pendingAck {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.acks[id]
	if a == nil {
		return nil
	}
	delete(s.acks, id)
	if len(s.acks) == 0 {
		s.acks = nil
	}
	if a.timer != nil {
		a.timer.Stop()
	}
	return a
}

// forgetAck reports whether an ack was still waited for, which it is no more.
func (s *Socket) forgetAck(id uint64) bool { return s.takeAck(id) != nil }

// acknowledged deals with an ack from the client. One that nobody waits for, any more, is nothing wrong.
func (s *Socket) acknowledged(m *packet.Message) {
	if a := s.takeAck(m.ID); a != nil {
		a.done(newArgs(m), nil)
	}
}
