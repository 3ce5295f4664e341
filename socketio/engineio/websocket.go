package engineio

import (
	"net/http"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

// openWebSocket makes the request of the handshake a WebSocket, which carries the session from then on.
func (s *Session) openWebSocket(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, &s.server.accept)
	if err != nil {
		s.failed()
		return
	}
	ws.SetReadLimit(int64(s.server.opts.MaxPayload))
	s.mu.Lock()
	s.ws = ws
	s.mu.Unlock()
	if !s.opened() {
		closeWebSocket(ws, ServerShutdown)
		return
	}
	if ws.Handle((*carrier)(s)) != nil { // it was lost already
		s.end(TransportClose)
	}
}

// A carrier is a session as the handler of the WebSocket that it began with.
type carrier Session

func (c *carrier) OnMessage(_ *websocket.Conn, typ websocket.MessageType, data []byte) {
	(*Session)(c).receiveFrame(typ, data)
}

func (c *carrier) OnClose(*websocket.Conn, error) { (*Session)(c).end(TransportClose) }

// receiveFrame deals with a packet that came by WebSocket.
func (s *Session) receiveFrame(typ websocket.MessageType, data []byte) {
	p := received{typeBinary, data}
	if typ == websocket.MessageText {
		var err error
		if p, err = parsePacket(data); err != nil {
			s.end(ParseError)
			return
		}
	}
	if p.typ == typeClose {
		s.end(TransportClose)
		return
	}
	s.enter()
	defer s.leave()
	if err := s.receive(p); err != nil && err != ErrClosed {
		s.end(TransportError)
	}
}

// An upgrade is a WebSocket that tries to take a polling session over.
type upgrade struct {
	session *Session
	ws      *websocket.Conn
	timer   *time.Timer
	probed  bool // guarded by the session's mu
	done    bool // it has; known to the handler's calls only
}

// serveUpgrade makes a request a WebSocket that may take over.
func (s *Session) serveUpgrade(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.state == open && s.beat.expired(s) {
		s.shut(PingTimeout)
	}
	if s.state != open {
		s.mu.Unlock()
		refuse(w, UnknownSession)
		return
	}
	var u *upgrade
	if s.polling != nil && s.polling.upgrade == nil {
		u = &upgrade{session: s}
		s.polling.upgrade = u
	}
	s.mu.Unlock()

	ws, err := websocket.Accept(w, r, &s.server.accept)
	if err != nil {
		if u != nil {
			u.abandon()
		}
		return
	}
	if u == nil { // it has one: clients are to see this one opened, and closed
		ws.Close(websocket.StatusPolicyViolation, "the session has a WebSocket")
		return
	}
	ws.SetReadLimit(int64(s.server.opts.MaxPayload))
	s.mu.Lock()
	mine := s.polling != nil && s.polling.upgrade == u
	if mine {
		u.ws = ws
		u.timer = time.AfterFunc(s.server.opts.UpgradeTimeout, u.giveUp)
	}
	s.mu.Unlock()
	if !mine { // the session has ended
		ws.Close(websocket.StatusNormalClosure, "")
		return
	}
	if ws.Handle(u) != nil {
		u.abandon()
	}
}

// abandon lets the session go on polling.
func (u *upgrade) abandon() {
	s := u.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polling != nil && s.polling.upgrade == u {
		s.polling.endUpgrade()
		s.polling.wakeUp()
	}
}

// giveUp closes a WebSocket that does not take over.
func (u *upgrade) giveUp() {
	s := u.session
	s.mu.Lock()
	tries := s.polling != nil && s.polling.upgrade == u
	s.mu.Unlock()
	if tries {
		u.abandon()
	}
}

// endUpgrade closes the WebSocket that tries to take over, if one does.
func (p *polling) endUpgrade() {
	u := p.upgrade
	p.upgrade = nil
	if u == nil || u.ws == nil {
		return
	}
	u.timer.Stop()
	go u.ws.Close(websocket.StatusNormalClosure, "")
}

// OnMessage implements websocket.Handler.
func (u *upgrade) OnMessage(ws *websocket.Conn, typ websocket.MessageType, data []byte) {
	switch {
	case u.done:
		u.session.receiveFrame(typ, data)
	case typ == websocket.MessageText && string(data) == "2probe" && u.probe():
		ws.Send(websocket.MessageText, []byte("3probe"))
		u.wake()
	case typ == websocket.MessageText && string(data) == string(typeUpgrade) && u.takeOver():
		u.done = true
	default:
		u.abandon()
	}
}

// OnClose implements websocket.Handler.
func (u *upgrade) OnClose(*websocket.Conn, error) {
	if u.done {
		u.session.end(TransportClose)
	} else {
		u.abandon()
	}
}

// probe notes that the WebSocket works, once.
func (u *upgrade) probe() bool {
	s := u.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polling == nil || s.polling.upgrade != u || u.probed {
		return false
	}
	u.probed = true
	return true
}

// wake has the GET request that waits end.
func (u *upgrade) wake() {
	s := u.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polling != nil {
		s.polling.wakeUp()
	}
}

// takeOver makes the WebSocket carry the session, or, if that is closing, what is left of it to be sent.
func (u *upgrade) takeOver() bool {
	s := u.session
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.polling
	if q == nil || q.upgrade != u || !u.probed { // not this one; or the session has ended
		return false
	}
	u.timer.Stop()
	q.upgrade = nil
	queue := q.queue
	q.queue, q.bytes = nil, 0
	if q.waits() {
		// Nothing must be sent to it any more. One that was there before the WebSocket ends as all do; one that came
		// later was sent after what says that the session is not polling any more, or was never to be sent.
		if q.poll.late {
			q.poll.answered, q.poll.refused = true, true
			q.wakeUp()
		} else {
			q.take(typeNoop)
		}
	}
	s.polling, s.ws = nil, u.ws
	s.server.upgraded()
	s.sendFrames(queue)
	if s.state == open {
		s.beat.delivered(s)
	}
	if s.state == closing {
		s.gone()
		go closeWebSocket(s.ws, ForcedClose)
	}
	return true
}
