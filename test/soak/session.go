package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"time"
	"unicode/utf8"
)

// A session is the life of one connection. What it does follows from the seed and its number.
type session struct {
	*soak
	*wire
	number uint64
	slot   *slot
	rng    *rand.Rand
	slow   bool // it takes what comes in small bites
	want   []message
}

// live connects, talks and idles for some time, and dies.
func (s *session) live() (how string, err error) {
	secure, addrs := false, s.server.Plain
	if s.rng.IntN(5) == 0 {
		secure, addrs = true, s.server.TLS
	}
	s.slow = s.rng.IntN(10) == 0
	var early []byte
	if s.rng.IntN(4) == 0 {
		early = s.compose(1, 1000)
	}
	s.slot.waits(s.number, "shaking hands")
	s.wire, err = dial(addrs[s.rng.IntN(len(addrs))], secure, s.slow, early)
	if err != nil {
		return "", err
	}
	defer s.tcp.Close()
	s.slot.conn.Store(s.wire)
	s.counts.opened.Add(1)
	s.open.Add(1)
	defer s.open.Add(-1)
	s.slot.waits(s.number, "early answers") // from now on, as shaking hands is not what is measured
	if err := s.hear(); err != nil {
		return "", err
	}
	for n := s.rng.IntN(8); n > 0 && !s.stopping.Load(); n-- {
		if err := s.idle(time.Duration(s.rng.ExpFloat64() * float64(s.pause))); err != nil {
			return "", fmt.Errorf("while idle: %w", err)
		}
		if err := s.talk(); err != nil {
			return "", err
		}
	}
	return s.die()
}

// compose makes some messages, in fragments with pings between, which are wanted back.
func (s *session) compose(most, largest int) (out []byte) {
	for range 1 + s.rng.IntN(most) {
		size := int(math.Exp(s.rng.Float64()*math.Log(float64(largest)+1))) - 1 // as many small ones as large ones
		m := message{opBinary, sampleBytes}
		if s.rng.IntN(2) == 0 {
			m = message{opText, sampleText}
		}
		m.payload = cut(m, s.rng.IntN(len(m.payload)-size-utf8.UTFMax), size)
		op, rest := m.op, m.payload
		for s.rng.IntN(3) == 0 {
			n := s.rng.IntN(len(rest) + 1)
			out = appendFrame(out, s.rng, op, false, rest[:n])
			op, rest = opContinuation, rest[n:]
			if s.rng.IntN(3) == 0 && len(s.want) < 100 {
				p := message{opPong, fmt.Appendf(nil, "%d", s.rng.Uint32())}
				out = appendFrame(out, s.rng, opPing, true, p.payload)
				s.want = append(s.want, p)
			}
		}
		out = appendFrame(out, s.rng, op, true, rest)
		s.want = append(s.want, m)
	}
	return out
}

// cut returns a part of a sample; of text, a little more, so that it ends with characters that are whole.
func cut(m message, from, size int) []byte {
	p := m.payload[from:]
	if m.op == opBinary {
		return p[:size]
	}
	for p[0]&0xC0 == 0x80 {
		p = p[1:]
	}
	for p[size]&0xC0 == 0x80 {
		size++
	}
	return p[:size]
}

// talk sends some messages, and waits until all have come back.
func (s *session) talk() error {
	most := 8
	if s.rng.IntN(50) == 0 {
		most = 200 // more than the server holds for a peer that does not take it
	}
	out := s.compose(most, largest)
	s.slot.waits(s.number, "answers")
	sent := make(chan error, 1)
	rng := rand.New(rand.NewPCG(s.rng.Uint64(), 0))
	go func() { sent <- s.sendInPieces(rng, out) }()
	err := s.hear()
	return errors.Join(err, <-sent)
}

// sendInPieces writes in pieces of random sizes, with pauses now and then.
func (s *session) sendInPieces(rng *rand.Rand, out []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	for len(out) > 0 {
		n := min(len(out), 1+int(math.Exp(rng.Float64()*math.Log(1<<18))))
		if _, err := s.nc.Write(out[:n]); err != nil {
			return err
		}
		out = out[n:]
		if rng.IntN(8) == 0 {
			time.Sleep(time.Duration(rng.Int64N(int64(20 * time.Millisecond))))
		}
	}
	return nil
}

// hear reads until all that is wanted has come.
func (s *session) hear() error {
	for len(s.want) > 0 {
		if s.slow && s.rng.IntN(2) == 0 {
			time.Sleep(time.Duration(s.rng.Int64N(int64(50 * time.Millisecond))))
		}
		if err := s.hearOne(); err != nil {
			return err
		}
		s.slot.hears(s.slow, &s.counts)
	}
	s.slot.rests()
	return nil
}

// hearOne reads one message, which must be the next that is wanted of its kind.
func (s *session) hearOne() error {
	m, err := s.read()
	if err != nil {
		return fmt.Errorf("%d answers are missing: %w", len(s.want), err)
	}
	switch m.op {
	case opPing:
		// Not from here: while much is being sent, the server may wait until what it answers is taken.
		go s.write(appendFrame(nil, s.rng, opPong, true, m.payload))
		return nil
	case opClose:
		return fmt.Errorf("the server closed, with %d answers missing: %s", len(s.want), m)
	}
	next := slices.IndexFunc(s.want, func(w message) bool { return w.equal(m) })
	if next < 0 {
		return fmt.Errorf("there came a %s: not what is wanted, %s", m, s.want)
	}
	if m.op == opPong { // which answers the pings before as well (RFC 6455 section 5.5.3)
		n := 0
		s.want = slices.DeleteFunc(s.want, func(w message) bool { n++; return w.op == opPong && n <= next+1 })
		return nil
	}
	if slices.ContainsFunc(s.want[:next], func(w message) bool { return w.op != opPong }) {
		return fmt.Errorf("there came a %s: before others that are wanted, %s", m, s.want)
	}
	s.want = slices.Delete(s.want, next, next+1)
	s.counts.answered.Add(1)
	s.counts.bytes.Add(int64(len(m.payload)))
	return nil
}

// idle answers pings for some time, or until the time of all is up.
func (s *session) idle(d time.Duration) error {
	for end := time.Now().Add(d); s.slot.idles(s.wire, end, &s.stopping); {
		_, err := s.in.Peek(1)
		s.slot.wakes(s.wire)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err == nil {
			err = s.hearOne()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// die ends the connection in one of the ways there are, and says in which.
func (s *session) die() (how string, err error) {
	switch s.rng.IntN(8) {
	case 0:
		return "vanished", s.vanish()
	case 1:
		return "reset", s.reset()
	case 2: // while answers are on their way
		s.send(s.compose(8, largest))
		return "reset amid", s.reset()
	case 3:
		return "half closed", s.halfClose()
	case 4: // in the midst of a frame
		out := s.compose(1, largest)
		s.send(out[:s.rng.IntN(len(out))])
		return "broken off", s.tcp.Close()
	case 5:
		s.slot.waits(s.number, "the failing of a wrong frame")
		s.write([]byte{0x81, 0x00}) // not masked
		return "failed", s.bye(1002)
	default:
		s.slot.waits(s.number, "the answer to a close frame")
		code := uint16(3000 + s.rng.IntN(2000))
		s.write(appendFrame(nil, s.rng, opClose, true, binary.BigEndian.AppendUint16(nil, code)))
		return "closed", s.bye(code)
	}
}

// send writes what need not arrive, for a moment.
func (s *session) send(out []byte) {
	s.tcp.SetWriteDeadline(time.Now().Add(time.Second))
	s.write(out)
}

func (s *session) reset() error {
	s.tcp.SetLinger(0)
	return s.tcp.Close()
}

// halfClose ends one direction, upon which the server ends the other.
func (s *session) halfClose() error {
	s.slot.waits(s.number, "the end after half of it")
	defer s.slot.rests()
	if err := s.nc.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		return err
	}
	for {
		if _, err := s.read(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil && !errors.Is(err, errFraming) {
			return nil // reset, which is an end as well
		} else if err != nil {
			return err
		}
	}
}

// bye expects a close frame, and then the end.
func (s *session) bye(code uint16) error {
	defer s.slot.rests()
	for {
		m, err := s.read()
		switch {
		case err != nil:
			return fmt.Errorf("no close frame came: %w", err)
		case m.op == opClose && (len(m.payload) < 2 || binary.BigEndian.Uint16(m.payload) != code):
			return fmt.Errorf("the server closed with a %s, not with %d", m, code)
		case m.op != opClose:
			continue
		}
		s.tcp.CloseWrite()
		if m, err := s.read(); err == nil {
			return fmt.Errorf("after the close frame there came a %s", m)
		}
		return nil
	}
}

// vanish says nothing any more and takes nothing, until the server must have found out.
func (s *session) vanish() error {
	for end := time.Now().Add(s.keepalive + s.patience); time.Now().Before(end); time.Sleep(time.Second) {
		if s.stopping.Load() {
			return s.reset()
		}
	}
	s.slot.waits(s.number, "the end of who has vanished")
	defer s.slot.rests()
	var pinged, closed bool
	for {
		m, err := s.read()
		switch {
		case err != nil && pinged && (closed || !errors.Is(err, io.EOF)):
			return nil
		case err != nil:
			return fmt.Errorf("the server ended it with %w; pinged: %v", err, pinged)
		case m.op == opPing:
			pinged = true
		case m.op == opClose:
			closed = true
		}
	}
}
