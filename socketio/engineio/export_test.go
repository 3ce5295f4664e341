package engineio

import (
	"bytes"
	"time"
)

// EchoPayload returns the messages of a POST request as the answer to a GET request.
func EchoPayload(body []byte) ([]byte, error) {
	var packets []Packet
	for more := true; more; {
		var text []byte
		text, body, more = bytes.Cut(body, []byte{separator})
		p, err := parsePacket(text)
		switch {
		case err != nil:
			return nil, err
		case p.typ == typeMessage:
			packets = append(packets, Text(p.data))
		case p.typ == typeBinary:
			packets = append(packets, Binary(p.data))
		}
	}
	return appendPayload(nil, packets), nil
}

// BeatLate does what the heartbeat's timer does when it is late.
func (s *Session) BeatLate(by time.Duration) {
	s.mu.Lock()
	s.beat.timer.Stop()
	s.beat.due = s.server.now() - by
	s.mu.Unlock()
	s.beatDue()
}

// ParkAtOnce has GET requests parked without waiting in their handlers first.
func (s *Server) ParkAtOnce() { s.parkAfter = 0 }
