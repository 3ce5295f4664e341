package engineio

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"
)

// polling is what a session has as long as it is polling. mu of the session guards it.
type polling struct {
	queue   []Packet
	bytes   int
	poll    *poll                    // the GET request that waits; nil: there is none
	post    *http.ResponseController // of the POST request that is being read; nil: there is none
	posting bool                     // there is a POST request
	upgrade *upgrade                 // nil: no WebSocket is trying to take over
	last    byte                     // what a GET request is told that comes when the session is closing
}

// A poll is a GET request that waits.
type poll struct {
	wake     chan struct{} // of capacity 1: something has changed; nil for a parked one whose connection is read from
	parked   *parked       // nil: the handler waits
	grace    *time.Timer   // runs out with impatience; nil: it has not begun
	late     bool          // it came when a WebSocket was trying to take over
	out      bool          // of patience
	leaving  bool          // the server is shutting down
	answered bool          // the fields below are to be sent
	refused  bool          // with an error
	answer   []byte
}

// impatience is how long a GET request that comes while a WebSocket is taking over is kept for it to be done. Clients do not
// go on polling then, but for the one request that may have been on its way.
const impatience = 100 * time.Millisecond

// overtaking is how long a session that the client has closed waits for the GET request that was sent before the one that
// closes, and may have been overtaken by it: it is answered as all that wait are.
const overtaking = 250 * time.Millisecond

// pollWriteTime is how long a client may take over the answer to a GET request.
const pollWriteTime = 30 * time.Second

// add queues packets, unless that would be too much.
func (p *polling) add(packets []Packet, limit int) bool {
	bytes := 0
	for i := range packets {
		bytes += packets[i].size()
	}
	if p.bytes > 0 && p.bytes+bytes > limit {
		return false
	}
	for i := range packets {
		p.queue = append(p.queue, packets[i].own())
	}
	p.bytes += bytes
	p.wakeUp()
	return true
}

// waits reports whether a GET request waits for what there is to tell.
func (p *polling) waits() bool { return p.poll != nil && !p.poll.answered }

func (p *polling) wakeUp() {
	if p.poll != nil {
		p.poll.wakeUp()
	}
}

func (p *poll) wakeUp() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
	if p.parked != nil {
		p.parked.wakeUp()
	}
}

// take answers the GET request with what is queued, and with a last packet, if there is one.
func (p *polling) take(last byte) {
	packets := p.queue
	if last != 0 {
		packets = append(packets, Wire([]byte{last}))
	}
	p.poll.answer, p.poll.answered = appendPayload(nil, packets), true
	p.queue, p.bytes = nil, 0
	p.wakeUp()
}

// farewell answers the requests of a session that ends.
func (p *polling) farewell(reason Reason) {
	if p.waits() {
		switch reason {
		case TransportClose: // it is the client that closes
			p.queue = nil
			p.take(typeNoop)
		case TransportError, ParseError, PingTimeout, SlowClient:
			p.queue = nil
			p.take(typeClose)
		case ServerShutdown:
			p.poll.leaving = true
			p.take(typeClose)
		default:
			p.take(typeClose)
		}
	}
	p.queue, p.bytes = nil, 0
	if p.post != nil {
		p.post.SetReadDeadline(time.Now()) // there is no use for the rest of it
	}
}

// openPolling answers the handshake's request. Nothing else goes with it.
func (s *Session) openPolling(w http.ResponseWriter) {
	body := s.handshake()
	if !s.opened() {
		refuseFor(w, goingAway)
		return
	}
	answer(w, "text/plain; charset=UTF-8", body)
}

// answer answers a request.
func answer(w http.ResponseWriter, contentType string, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	_, err := w.Write(body)
	return err
}

// servePoll answers a GET request.
func (s *Session) servePoll(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	q := s.polling
	switch {
	case s.state == closing && q.poll != nil:
		// What there is to tell belongs to the one that waits.
		s.mu.Unlock()
		refuse(w, UnknownSession)
		return
	case s.state == closing:
		q.poll = &poll{}
		if len(q.queue) > 0 {
			q.take(0)
		} else {
			q.take(q.last)
			s.gone()
		}
		body := q.poll.answer
		q.poll = nil
		s.mu.Unlock()
		s.write(w, body)
		return
	case s.beat.expired(s):
		s.shut(PingTimeout)
	case s.state == open && q != nil && q.poll != nil:
		s.shut(TransportError)
	}
	if s.state != open || q == nil {
		s.refusePolling(w)
		return
	}
	p := &poll{wake: make(chan struct{}, 1), late: q.upgrade != nil}
	q.poll = p
	if s.await(p, q, w, r) {
		s.mu.Unlock()
		p.parked.look(0, nil)
		return
	}
	s.answering(p, q)
	s.mu.Unlock()
	if p.refused {
		refuse(w, BadRequest)
		return
	}
	s.write(w, p.answer)
}

// answering notes that the answer to p leaves. mu is held.
func (s *Session) answering(p *poll, q *polling) {
	q.poll = nil
	if p.grace != nil {
		p.grace.Stop()
	}
	if s.state == open && len(q.queue) == 0 {
		s.beat.delivered(s)
	}
}

// await waits until p is answered, or parked, which it reports. mu is held when it is called and when it returns.
func (s *Session) await(p *poll, q *polling, w http.ResponseWriter, r *http.Request) (isParked bool) {
	if s.settle(p, q); p.answered {
		return false
	}
	long := time.NewTimer(s.server.parkAfter)
	defer long.Stop()
	for !p.answered {
		s.mu.Unlock()
		gone, k := false, (*parked)(nil)
		select {
		case <-p.wake:
		case <-long.C:
			k = park(w, r)
		case <-r.Context().Done():
			gone = true
		}
		s.mu.Lock()
		switch {
		case k != nil:
			k.session, k.poll, k.polling, p.parked = s, p, q, k // it may have been answered meanwhile
			if k.early == nil {
				p.wake = nil
			}
			return true
		case gone:
			s.abandon(p)
		}
		s.settle(p, q)
	}
	return false
}

// abandon ends the session because the client has gone away while p waited. mu is held.
func (s *Session) abandon(p *poll) {
	if !p.answered {
		p.answered, p.refused = true, true // there is nobody to see it
		s.shut(TransportError)
	}
}

// settle answers p if there is something to tell. mu is held.
func (s *Session) settle(p *poll, q *polling) {
	if p.answered {
		return
	}
	probed := q.upgrade != nil && q.upgrade.probed
	switch {
	case len(q.queue) > 0:
		q.take(0)
	case probed && (!p.late || p.out):
		q.take(typeNoop)
	case probed && p.grace == nil:
		p.grace = time.AfterFunc(impatience, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			p.out = true
			p.wakeUp()
		})
	}
}

// write sends the answer to a GET request. What a client does not get of it is lost to it, and so is the session.
func (s *Session) write(w http.ResponseWriter, body []byte) {
	c := http.NewResponseController(w)
	bounded := c.SetWriteDeadline(time.Now().Add(pollWriteTime)) == nil
	err := answer(w, "text/plain; charset=UTF-8", body)
	if err == nil && bounded {
		if err = c.Flush(); err == nil {
			c.SetWriteDeadline(time.Time{}) // the connection's next answer has its own time
		}
	}
	if err != nil {
		s.end(TransportError)
	}
}

// refusePolling refuses a request of a session that has ended, or does not poll. It unlocks mu.
func (s *Session) refusePolling(w http.ResponseWriter) {
	code := UnknownSession
	if s.state == open {
		code = BadRequest // it is on WebSocket
	}
	s.mu.Unlock()
	refuse(w, code)
}

// errEnough says that a client closes.
var errEnough = errors.New("engineio: the client closes")

// servePost takes what a POST request brings.
func (s *Session) servePost(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	q := s.polling
	if s.state == open && q != nil && q.posting {
		s.shut(TransportError)
	}
	if s.state != open || q == nil {
		s.refusePolling(w)
		return
	}
	c := http.NewResponseController(w)
	q.post, q.posting = c, true
	c.SetReadDeadline(time.Now().Add(s.server.opts.PingInterval + s.server.opts.PingTimeout))
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		q.post, q.posting = nil, false
		s.mu.Unlock()
	}()

	if typ, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && typ == "application/octet-stream" {
		s.end(TransportError) // of protocol 3
		refuse(w, BadRequest)
		return
	}
	if r.ContentLength > int64(s.server.opts.MaxPayload) {
		w.Header().Set("Connection", "close") // rather than to read what may be endless
		refuseWith(w, http.StatusRequestEntityTooLarge, BadRequest, "Payload too large")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.server.opts.MaxPayload)))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		refuseWith(w, http.StatusRequestEntityTooLarge, BadRequest, "Payload too large")
		return
	case err != nil:
		s.end(TransportError)
		refuse(w, BadRequest)
		return
	}
	s.mu.Lock()
	q.post = nil
	s.mu.Unlock()
	c.SetReadDeadline(time.Time{})
	switch err := s.receivePayload(body); {
	case err == errEnough:
		s.end(TransportClose)
	case err == ErrClosed:
		refuse(w, UnknownSession)
		return
	case err != nil:
		s.end(ParseError)
		refuse(w, BadRequest)
		return
	}
	answer(w, "text/html", []byte("ok"))
}

// receivePayload deals with the packets of a POST request.
func (s *Session) receivePayload(body []byte) error {
	s.enter()
	defer s.leave()
	if !utf8.Valid(body) { // as a WebSocket would be told
		return errNotText
	}
	for more := true; more; {
		var text []byte
		text, body, more = bytes.Cut(body, []byte{separator})
		p, err := parsePacket(text)
		if err != nil {
			return err
		}
		if p.typ == typeClose {
			return errEnough
		}
		if err := s.receive(p); err != nil {
			return err
		}
	}
	return nil
}
