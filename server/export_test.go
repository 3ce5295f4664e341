package server

import "time"

// StopCallClock has no time pass for the rates of calls.
func (s *Server) StopCallClock() {
	at := time.Now()
	s.calls.now = func() time.Time { return at }
}
