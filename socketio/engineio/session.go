package engineio

import (
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

// A Reason says why a session ended.
type Reason string

const (
	// TransportClose: the client closed the connection, or it was lost.
	TransportClose Reason = "transport close"
	// TransportError: a request was aborted, or there were two where one may be.
	TransportError Reason = "transport error"
	// PingTimeout: the client did not answer a ping in time.
	PingTimeout Reason = "ping timeout"
	// ParseError: the client sent what is no packet.
	ParseError Reason = "parse error"
	// ForcedClose: Session.Close was called.
	ForcedClose Reason = "forced close"
	// ServerShutdown: Server.Close was called.
	ServerShutdown Reason = "server shutting down"
	// SlowClient: more waited to be sent than SendLimit allows.
	SlowClient Reason = "client too slow"
)

var (
	// ErrClosed is returned for sessions that have ended.
	ErrClosed = errors.New("engineio: the session has ended")
	// ErrSendLimit is returned by Send for a client that is too slow, whose session ends.
	ErrSendLimit = errors.New("engineio: the client is too slow: what waits to be sent to it is over the limit")
)

// writableBelow is how many bytes may wait in a WebSocket, beyond what the kernel holds, for it to count as writable: what
// handlers send together waits there to leave together.
const writableBelow = 16 << 10

// lingering is how long a polling session that was closed waits for the request that it can be told with.
const lingering = 10 * time.Second

type state uint8

const (
	opening state = iota // the handshake is being answered
	open
	closing // OnClose is being called; a request of the client has yet to be answered
	closed
)

// A Session is a client's, over whatever transport. Any number of goroutines may use it.
type Session struct {
	// First what sending to many looks at: it should be in one piece of the processor's cache.
	mu      sync.Mutex
	state   state
	busy    bool            // the handler is being called, or may be about to
	ws      *websocket.Conn // nil as long as the session is polling
	polling *polling        // nil from then on
	idle    chan struct{}   // closed when the handler is not called any more; nil: nobody waits for that
	untold  Reason          // the handler is to be told of the end when it is idle
	done    chan struct{}   // closed when the session has ended; nil: nobody wanted to know
	beat    heartbeat

	id     string
	server *Server
	value  any
}

func newSession(server *Server, transport Transport) *Session {
	s := &Session{id: rand.Text(), server: server}
	if transport == Polling {
		s.polling = new(polling)
	}
	return s
}

// ID returns the session's id, by which requests belong to it. It is a secret between client and server: who knows it can
// take part.
func (s *Session) ID() string { return s.id }

// Value returns what AllowRequest returned.
func (s *Session) Value() any { return s.value }

// Transport returns what the session is carried by.
func (s *Session) Transport() Transport {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polling != nil {
		return Polling
	}
	return WebSocket
}

// Writable reports whether what is sent now leaves at once, as far as is known: whether a GET request waits for it, or the
// WebSocket takes what it is given.
func (s *Session) Writable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writable()
}

func (s *Session) writable() bool {
	switch {
	case s.state != open:
		return false
	case s.polling != nil:
		return s.polling.poll != nil && !s.polling.poll.answered
	default:
		return s.ws.Queued() <= writableBelow
	}
}

// Queued returns how many bytes wait to be sent, beyond what the kernel holds.
func (s *Session) Queued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.polling != nil:
		return s.polling.bytes
	case s.ws != nil:
		return s.ws.Queued()
	default:
		return 0
	}
}

// Send sends messages, with none of others' between them, without waiting for the client. They may have to wait in memory:
// if there is more than SendLimit allows, the session ends, and ErrSendLimit is returned. Other errors mean that the session
// has ended, or is about to.
func (s *Session) Send(packets ...Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.send(packets)
}

// SendVolatile is Send if the session is writable. If not, it drops the messages and reports false.
func (s *Session) SendVolatile(packets ...Packet) (sent bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == open && !s.writable() {
		return false, nil
	}
	return true, s.send(packets)
}

// send is Send. mu is held.
func (s *Session) send(packets []Packet) error {
	switch {
	case s.state > open:
		return ErrClosed
	case s.polling != nil:
		if !s.polling.add(packets, s.server.opts.SendLimit) {
			s.shut(SlowClient)
			return ErrSendLimit
		}
		return nil
	}
	return s.sendFrames(packets)
}

// sendFrames sends by WebSocket. mu is held.
func (s *Session) sendFrames(packets []Packet) error {
	for i := range packets {
		p := &packets[i]
		var err error
		if p.shared != nil {
			err = s.ws.SendPrepared(p.shared)
		} else {
			err = s.ws.Send(p.typ, p.wire)
		}
		switch {
		case err == nil:
		case errors.Is(err, websocket.ErrSendLimit):
			s.shut(SlowClient)
			return ErrSendLimit
		default: // the connection has ended: its OnClose ends the session
			return fmt.Errorf("%w: %w", ErrClosed, err)
		}
	}
	return nil
}

// Close ends the session once what was sent has left, as far as the client takes it. It does not wait for that, nor for
// OnClose, which is called by another goroutine, after the call of the handler that is under way, if any.
func (s *Session) Close() { s.end(ForcedClose) }

// Fail ends the session because of what the client sent. Nothing more is sent.
func (s *Session) Fail() { s.end(ParseError) }

// Done returns a channel that is closed when the session has ended, before OnClose is called.
func (s *Session) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done == nil {
		s.done = make(chan struct{})
		if s.state > open {
			close(s.done)
		}
	}
	return s.done
}

func (s *Session) end(reason Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut(reason)
}

// shut ends the session, whoever wants it, and has the handler told. mu is held.
func (s *Session) shut(reason Reason) {
	if s.state > open {
		if reason == ServerShutdown && s.state == closing {
			s.gone()
		}
		return
	}
	wasOpen := s.state == open
	if s.done != nil {
		close(s.done)
	}
	ws := s.ws
	switch {
	case s.polling != nil && wasOpen && reason == ForcedClose && (!s.polling.waits() || len(s.polling.queue) > 0):
		// The GET request that waits, or the next one, gets what was sent, and one after that is told of the end: clients look
		// at a packet that says so before they look at the others of an answer.
		s.linger(typeClose, lingering)
	case s.polling != nil && wasOpen && reason == TransportClose && !s.polling.waits():
		s.polling.queue, s.polling.bytes = nil, 0
		s.linger(typeNoop, overtaking)
	default:
		if s.polling != nil {
			s.polling.farewell(reason)
		}
		s.gone()
	}
	if ws != nil {
		go closeWebSocket(ws, reason) // which may take its time
	}
	switch {
	case !wasOpen: // whoever opens it sees what has become of it
	case s.busy:
		s.untold = reason
	default:
		go s.server.handler.OnClose(s, reason)
	}
}

// enter waits until nobody else calls the handler. leave must be called then.
func (s *Session) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.busy {
		if s.idle == nil {
			s.idle = make(chan struct{})
		}
		idle := s.idle
		s.mu.Unlock()
		<-idle
		s.mu.Lock()
	}
	s.busy = true
}

// leave lets others call the handler, and tells it of the end if that has come.
func (s *Session) leave() {
	s.mu.Lock()
	s.busy = false
	if s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
	reason := s.untold
	s.untold = ""
	s.mu.Unlock()
	if reason != "" {
		s.server.handler.OnClose(s, reason)
	}
}

// linger keeps a polling session for a GET request that is to be told of the end. mu is held.
func (s *Session) linger(last byte, d time.Duration) {
	s.state = closing
	s.polling.last = last
	if u := s.polling.upgrade; u == nil || !u.probed || last != typeClose {
		s.polling.endUpgrade()
	} // or else the client may not poll any more, and is told by the WebSocket
	s.beat.set(s, d)
}

// gone forgets the session. mu is held.
func (s *Session) gone() {
	s.state = closed
	s.beat.stop()
	if s.polling != nil {
		s.polling.endUpgrade()
	}
	s.server.remove(s, s.polling != nil)
}

// closeWebSocket ends a session's connection, if it has not ended by itself.
func closeWebSocket(ws *websocket.Conn, reason Reason) {
	switch reason {
	case PingTimeout:
		ws.CloseNow() // nobody is there to answer
	case ServerShutdown:
		ws.Close(websocket.StatusGoingAway, "")
	case ParseError, TransportError:
		ws.Close(websocket.StatusProtocolError, "")
	case SlowClient:
		ws.Close(websocket.StatusTryAgainLater, "")
	default:
		ws.Close(websocket.StatusNormalClosure, "")
	}
}

// opened has the session begin, unless it was ended meanwhile. fail tells that the handshake went wrong.
func (s *Session) opened() bool {
	s.enter()
	defer s.leave()
	s.mu.Lock()
	if s.state != opening {
		s.mu.Unlock()
		s.server.handler.OnClose(s, ServerShutdown)
		return false
	}
	s.state = open
	s.beat.begin(s)
	if s.ws != nil { // the first that is sent; who has got it may ask for more
		s.ws.Send(websocket.MessageText, s.handshake())
	}
	s.mu.Unlock()
	s.server.handler.OnOpen(s)
	return true
}

// failed ends a session whose handshake failed after AllowRequest had allowed it.
func (s *Session) failed() {
	s.mu.Lock()
	if s.state == opening {
		s.gone()
	}
	s.mu.Unlock()
	s.server.handler.OnClose(s, TransportError)
}

// handshake returns the packet that opens the session.
func (s *Session) handshake() []byte {
	o := &s.server.opts
	upgrades := ""
	if s.polling != nil && len(o.Transports) > 1 {
		upgrades = `"websocket"`
	}
	return fmt.Appendf(nil, `0{"sid":"%s","upgrades":[%s],"pingInterval":%d,"pingTimeout":%d,"maxPayload":%d}`,
		s.id, upgrades, o.PingInterval.Milliseconds(), o.PingTimeout.Milliseconds(), o.MaxPayload)
}

var errDirection = errors.New("engineio: it is the server that pings")

// receive deals with a packet from the client, between enter and leave. After an error, or if the session has ended, there is nothing
// more to be received.
func (s *Session) receive(p received) error {
	s.mu.Lock()
	if s.state != open {
		s.mu.Unlock()
		return ErrClosed
	}
	s.beat.heard(s, p.typ == typePong)
	s.mu.Unlock()
	switch p.typ {
	case typeMessage:
		s.server.handler.OnMessage(s, websocket.MessageText, p.data)
	case typeBinary:
		s.server.handler.OnMessage(s, websocket.MessageBinary, p.data)
	case typePing:
		return errDirection
	}
	return nil
}
