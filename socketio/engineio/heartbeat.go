package engineio

import "time"

// A heartbeat pings the client, and finds out when it is gone. It has no goroutine: a timer that is mostly asleep. mu of its
// session is held for all methods.
type heartbeat struct {
	timer    *time.Timer
	due      time.Duration // on the server's clock: when the next ping is, or the answer to the last one must have come
	awaiting bool          // a ping is out
	extended bool          // the client was heard of since, which once gives it more time
	forgiven bool          // the timer was late itself, which once gives it more time, too
}

// begin starts it.
func (b *heartbeat) begin(s *Session) {
	interval := s.server.opts.PingInterval
	b.due = s.server.now() + interval
	b.timer = time.AfterFunc(interval, s.beatDue)
}

// set has the timer end the session, which is closing, after d.
func (b *heartbeat) set(s *Session, d time.Duration) {
	b.due = s.server.now() + d
	b.timer.Reset(d)
}

func (b *heartbeat) stop() {
	if b.timer != nil {
		b.timer.Stop()
	}
}

// heard notes that a packet came.
func (b *heartbeat) heard(s *Session, pong bool) {
	switch {
	case pong:
		b.awaiting = false
		b.due = s.server.now() + s.server.opts.PingInterval
		b.timer.Reset(s.server.opts.PingInterval)
	case b.awaiting && !b.extended:
		// Its answer may be behind something large.
		b.extended = true
		b.due = s.server.now() + s.server.opts.PingTimeout
		b.timer.Reset(s.server.opts.PingTimeout)
	}
}

// expired reports whether the client is late with its answer, whether the timer has told so yet or not.
func (b *heartbeat) expired(s *Session) bool { return b.awaiting && s.server.now() >= b.due }

// beatDue is the timer's function.
func (s *Session) beatDue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &s.beat
	now, timeout := s.server.now(), s.server.opts.PingTimeout
	switch {
	case s.state == closed:
	case now < b.due: // it was set anew just as the timer fired
		b.timer.Reset(b.due - now)
	case s.state == closing:
		s.gone()
	case b.awaiting && !b.forgiven && now-b.due > timeout/20:
		// The server did not run when it should have. The answer may have come, and waits to be read.
		b.forgiven = true
		b.timer.Reset(timeout / 2)
	case b.awaiting:
		s.shut(PingTimeout)
	default:
		// A ping that waits to be fetched is due to be answered as if this were in time, which the client counts on, too; but
		// where timers are very late, there must be time for it.
		b.awaiting, b.extended, b.forgiven = true, false, false
		b.due = max(b.due+timeout, now+timeout/2)
		if s.polling == nil || s.polling.waits() {
			b.due = now + timeout // it leaves at once: all of the time is the client's
		}
		b.timer.Reset(b.due - now)
		s.send([]Packet{ping})
	}
}

var ping = Wire([]byte{typePing})
