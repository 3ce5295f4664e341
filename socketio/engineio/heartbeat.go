package engineio

import "time"

// A heartbeat pings the client, and finds out when it is gone. It has no goroutine: a timer that is mostly asleep. mu of its
// session is held for all methods.
type heartbeat struct {
	timer    *time.Timer
	due      time.Duration // on the server's clock: when the next ping is, or the answer to the last one must have come
	pinged   time.Duration // when the last ping was due
	awaiting bool          // a ping is out
	queued   bool          // it waits for a GET request
	extended bool          // the client was heard of since, which once gives it more time
	forgiven bool          // the timer was late itself, which once gives it more time, too
	unread   bool          // the handler was busy when the answer was due: it may have come, and wait to be read
}

// begin starts it.
func (b *heartbeat) begin(s *Session) {
	interval := s.server.opts.PingInterval
	b.due = s.server.now() + interval
	b.timer = time.AfterFunc(interval, s.beatDue)
}

// set has the timer end the session after d.
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
		now, interval := s.server.now(), s.server.opts.PingInterval
		b.due = now + interval
		if b.awaiting { // pings keep their time, whatever answers take
			b.due = max(b.pinged+interval, now+interval/2)
		}
		b.awaiting, b.unread = false, false
		b.timer.Reset(b.due - now)
	case b.awaiting && !b.extended:
		// Its answer may be behind something large.
		b.extended = true
		b.due = s.server.now() + s.server.opts.PingTimeout
		b.timer.Reset(s.server.opts.PingTimeout)
	}
}

// expired reports whether the client is late with its answer, whether the timer has told so yet or not; also where that should
// have pinged it, and no GET request came to get the ping.
func (b *heartbeat) expired(s *Session) bool {
	late := s.server.now() - b.due
	return b.awaiting && late >= 0 && !s.busy && !b.unread || !b.awaiting && s.polling != nil && late >= s.server.opts.PingTimeout
}

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
	case b.awaiting && (s.busy || b.unread):
		b.unread = s.busy
		b.set(s, timeout/2)
	case b.awaiting && !b.forgiven && now-b.due > timeout/20:
		// The server did not run when it should have. The answer may have come, and waits to be read.
		b.forgiven = true
		b.timer.Reset(timeout / 2)
	case b.awaiting:
		s.shut(PingTimeout)
	default:
		b.pinged, b.awaiting, b.extended, b.forgiven, b.unread, b.queued = b.due, true, false, false, false, s.polling != nil
		if b.queued && !s.polling.waits() {
			b.due += timeout // as if this were in time: who does not poll is gone then, and hears so if it comes back
		} else {
			b.due = now + timeout // it leaves at once: all of the time is the client's
		}
		b.timer.Reset(b.due - now)
		s.send([]Packet{ping})
	}
}

// delivered notes that what was queued leaves. Only then is there a ping to be answered.
func (b *heartbeat) delivered(s *Session) {
	if !b.awaiting || !b.queued {
		return
	}
	b.queued = false
	b.set(s, s.server.opts.PingTimeout)
}

var ping = Wire([]byte{typePing})
