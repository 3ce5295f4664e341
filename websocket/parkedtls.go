package websocket

import (
	"crypto/tls"
	"errors"
	"net"
)

// A tlsLayer is what a connection in event mode has if it speaks TLS. It is below the tls.Conn, where it never has it wait: a
// read returns errParked if nothing has come, which crypto/tls takes for something that passes, and what is written is kept
// to be sent by the outbox. So the tls.Conn is a machine that is fed, like the one of the protocol.
//
// It stands where parked has its Handler, and is that, so that a connection without TLS has nothing of it.
type tlsLayer struct {
	Handler
	p    *parked
	conn *tls.Conn
	in   records // of the turn

	// Guarded by outbox.mu:
	sealed  *[]byte // encrypted, and waits to be sent; borrowed from writeBuffers
	sending int     // how many bytes more are just being sent
	ended   bool    // goodbye has been said, or is not to be
}

const (
	// sealAtOnce is the most that is encrypted before the network has taken it.
	sealAtOnce = 64 << 10
	// maxSealed is the most that may wait. It takes a peer to go beyond sealAtOnce that asks for new keys again and again,
	// and does not take the answers.
	maxSealed = 2 * sealAtOnce
)

// newTLSLayer returns nil if nc is not TLS above a connection of NewListener.
func newTLSLayer(nc net.Conn, p *parked) *tlsLayer {
	conn, ok := nc.(*tls.Conn)
	if !ok {
		return nil
	}
	if _, ok := conn.NetConn().(*listenedConn); !ok || !tlsParks() {
		return nil
	}
	return &tlsLayer{Handler: p.h, p: p, conn: conn}
}

// listened is what is below the TLS.
func (l *tlsLayer) listened() *listenedConn { return l.conn.NetConn().(*listenedConn) }

// tls returns nil if there is no TLS.
func (p *parked) tls() *tlsLayer {
	if !p.secure { // p.h is for turns only, as it may change
		return nil
	}
	return p.h.(*tlsLayer)
}

// read gives the tls.Conn what has come, a record at a time: it keeps what it has read for as long as it lives, and need not
// keep more than its largest record. It is called by a turn.
func (l *tlsLayer) read(b []byte) (int, error) {
	t := &l.p.c.rd.turn
	if len(t.sealed) == 0 {
		n, err := l.p.take(t.scratch[sealedPart(t.scratch):])
		if err != nil {
			return 0, err
		}
		t.sealed = t.scratch[sealedPart(t.scratch):][:n]
	}
	n := copy(b, t.sealed)
	n = l.in.next(b[:n])
	t.sealed = t.sealed[n:]
	return n, nil
}

// sealedPart is where the part of scratch begins that receives what is encrypted. What is before takes what it says.
func sealedPart(scratch []byte) int { return len(scratch) / 4 }

// write takes what the tls.Conn has encrypted: frames, when the outbox sends them, but also what TLS has to say of its own. A
// turn, or whoever closes the connection, flushes then.
func (l *tlsLayer) write(b []byte) (int, error) {
	out := &l.p.out
	out.mu.Lock()
	if l.sealed == nil {
		l.sealed = writeBuffers.Get().(*[]byte)
	}
	room := len(*l.sealed)+l.sending+len(b) <= maxSealed
	if room {
		*l.sealed = append(*l.sealed, b...)
	}
	out.mu.Unlock()
	if !room { // crypto/tls makes neither records nor sense of any after that
		return 0, l.p.c.because(errTooSealed)
	}
	return len(b), nil
}

var errTooSealed = errors.New("websocket: the peer keeps asking TLS for answers, and does not take them")

// seal is parked.write above TLS. It is called by whoever is the one to send.
func (l *tlsLayer) seal(a, b []byte) (n int, err error) {
	if err := l.push(); err != nil {
		return 0, err
	}
	for _, part := range [...][]byte{a, b} {
		if part = part[:min(len(part), sealAtOnce-n)]; len(part) > 0 {
			if _, err := l.conn.Write(part); err != nil {
				return n, err
			}
			n += len(part)
		}
	}
	return n, l.push()
}

// push sends what is sealed, or returns poll.ErrAgain.
func (l *tlsLayer) push() error {
	out := &l.p.out
	out.mu.Lock()
	defer out.mu.Unlock()
	for l.sealed != nil {
		q := l.sealed
		l.sealed, l.sending = nil, len(*q)
		out.mu.Unlock()
		n, err := l.p.put(*q, nil)
		out.mu.Lock()
		l.sending = 0
		l.sealed = join(q, n, l.sealed)
		if err != nil {
			return err
		}
	}
	return nil
}

// goodbye has TLS say that nothing follows, which is to be sent then. It returns false if that has been said, or something
// follows, or cannot.
func (l *tlsLayer) goodbye() bool {
	out := &l.p.out
	out.mu.Lock()
	last := !l.ended && !out.busy && out.queue == nil && l.p.c.broken == nil
	l.ended = l.ended || last
	out.mu.Unlock()
	return last && l.conn.CloseWrite() == nil
}

// dropGoodbye keeps TLS from saying so.
func (l *tlsLayer) dropGoodbye() {
	l.p.out.mu.Lock()
	defer l.p.out.mu.Unlock()
	l.ended = true
}

// records tells where the records of TLS end (RFC 8446 section 5.1).
type records struct {
	header uint8  // how many bytes of its header have been seen
	rest   uint16 // how many are to come after those
}

const recordHeader = 5

// next returns how much of b is of the record that has been begun, or begins with b; at least one byte.
func (r *records) next(b []byte) int {
	n := 0
	for n < len(b) && r.header < recordHeader {
		r.rest = r.rest<<8 | uint16(b[n])
		r.header++
		n++
	}
	k := min(int(r.rest), len(b)-n)
	if r.header == recordHeader {
		n += k
		if r.rest -= uint16(k); r.rest == 0 {
			r.header = 0
		}
	}
	return n
}
