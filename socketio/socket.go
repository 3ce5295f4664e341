package socketio

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley/socketio/engineio"
	"github.com/seed-4a326f83/parley/socketio/internal/packet"
)

// A Socket is a client's connection to a namespace. Any number of goroutines may use it, but for Data.
//
// Handlers are called one after the other, in the order in which the client sent what they are for, for all sockets of one
// connection together. They may block: that keeps back what comes after from that client, but for acknowledgements, so that
// EmitWithAck may be called in a handler.
type Socket struct {
	// Data is the application's, nil to begin with. Who sets it must see to it that others do not read it meanwhile: what is
	// set in a middleware is there for the handlers. With recovery, a client that comes back gets the Data it had when
	// the functions for "disconnect" had returned.
	Data any

	session   *engineio.Session // the client's; here so that broadcasts need not look at the client
	nsp       *Namespace
	client    *client
	id, pid   string
	auth      json.RawMessage
	recovered bool
	since     uint64        // with recovery: up to where events had been sent before
	told      chan struct{} // with recovery: closed when all functions have returned that are told of the end

	mu       sync.Mutex
	state    socketState
	handlers []handler
	anys     []func(*Event)
	uses     []func(*Event) error
	acks     map[uint64]*pendingAck
	rooms    []string // but for that of its id; guarded by nsp.mu
	added    bool     // to the namespace, in which it may not be any more; guarded by nsp.mu
}

type socketState uint8

const (
	connecting socketState = iota
	connected
	lost // the connection has ended; what came over it before is still to be done
	disconnected
)

// A handler is a function for an event.
type handler struct {
	event string
	call  func(*Event)
}

// ID returns the socket's id, which others may know. It is another than the connection's, which is a secret. There is none
// before the middlewares are called.
func (s *Socket) ID() string { return s.id }

// Namespace returns the namespace that the socket is connected to.
func (s *Socket) Namespace() *Namespace { return s.nsp }

// Conn returns the connection below, which the client's sockets of other namespaces share. It tells how much waits to be
// sent, and by which transport.
func (s *Socket) Conn() *engineio.Session { return s.session }

// Value returns what AllowRequest returned for the connection.
func (s *Socket) Value() any { return s.client.value }

// Handshake returns how the connection began.
func (s *Socket) Handshake() *Handshake {
	h := s.client.handshake
	h.Auth = s.auth
	return &h
}

// Connected reports whether the socket is connected: its middlewares have let it, and it has not been disconnected since.
func (s *Socket) Connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == connected
}

// Recovered reports whether the client has come back, and got its rooms, its Data, and what it missed.
func (s *Socket) Recovered() bool { return s.recovered }

// On has f called with each event of that name. What happens to the socket itself is an event, too: "disconnecting" and
// "disconnect" have a Reason as argument, and "error" has a text; see OnDisconnect and OnError.
func (s *Socket) On(event string, f func(e *Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers = append(s.handlers, handler{event, f})
}

// Off ends what On began, for all functions of that name.
func (s *Socket) Off(event string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// In a slice of their own: they may be being called.
	s.handlers = slices.DeleteFunc(slices.Clone(s.handlers), func(h handler) bool { return h.event == event })
}

// OnAny has f called with each event that the client sends, before the functions for its name.
func (s *Socket) OnAny(f func(e *Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.anys = append(s.anys, f)
}

// Use has f asked about each event that the client sends. If it returns an error, the event goes no further, and the functions
// of OnError are called.
func (s *Socket) Use(f func(e *Event) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uses = append(s.uses, f)
}

// OnDisconnect has f called once, when the socket is not connected any more.
func (s *Socket) OnDisconnect(f func(reason Reason)) {
	s.On("disconnect", func(e *Event) { f(e.reason) })
}

// OnError has f called with errors of this socket's events: those that Use refused, and those whose arguments On and OnAck
// could not decode.
func (s *Socket) OnError(f func(err error)) {
	s.On("error", func(e *Event) {
		if e.err != nil { // clients may send events of that name
			f(e.err)
		}
	})
}

// connect asks the middlewares, and connects the socket or refuses it.
func (s *Socket) connect() {
	n := s.nsp
	var past *pastSession
	if n.recovery != nil {
		var stale *Socket
		if past, stale = n.recovery.find(s); stale != nil {
			stale.end(lost, engineio.TransportClose)
			stale.session.Close()
		}
		if past != nil && !past.await(s.session.Done()) {
			n.recovery.putBack(past) // nobody finds it if the client begins anew
			past = nil
		}
	}
	if past != nil {
		s.id, s.pid, s.Data, s.recovered = past.id, past.pid, past.data, true
	} else {
		s.id = rand.Text()
		if n.recovery != nil {
			s.pid = rand.Text()
		}
	}
	if past == nil || !n.recovery.opts.SkipMiddlewares {
		if err := n.ask(s); err != nil {
			s.refuse(err)
			return
		}
	}
	if !n.add(s, past) { // the connection has ended
		if past != nil {
			n.recovery.putBack(past)
		}
		return
	}
	s.client.connected()
	n.greet(s)
}

// refuse tells the client that it is not connected, and why.
func (s *Socket) refuse(err error) {
	s.mu.Lock()
	s.state = disconnected
	s.mu.Unlock()
	s.client.remove(s, false)
	message, data := err.Error(), any(nil)
	var ce *ConnectError
	if errors.As(err, &ce) {
		message, data = ce.Message, ce.Data
	}
	s.client.refuse(s.nsp.name, message, data)
	if ce != nil && ce.Close {
		s.client.session.Close()
	}
}

// dispatch calls the functions for an event from the client.
func (s *Socket) dispatch(m *packet.Message) {
	e := &Event{socket: s, id: m.ID, wantsAck: m.HasID}
	if m.Values != nil {
		var ok bool
		if e.Name, ok = m.Values[0].(string); !ok {
			e.Name = m.Values[0].(json.Number).String()
		}
		e.values = m.Values[1:]
	} else {
		elements := packet.Split(m.Data)
		e.Name, _ = packet.Name(elements[0])
		e.raw = elements[1:]
	}
	s.mu.Lock()
	anys, uses, state := s.anys, s.uses, s.state
	s.mu.Unlock()
	if state != connected && state != lost {
		return
	}
	for _, f := range anys {
		f(e)
	}
	for _, f := range uses {
		if err := f(e); err != nil {
			s.fail(err)
			return
		}
	}
	s.call(e)
}

// fail tells the functions of OnError.
func (s *Socket) fail(err error) {
	text, jsonErr := json.Marshal(err.Error())
	if jsonErr != nil {
		return // a string can be encoded
	}
	s.call(&Event{Name: "error", Args: Args{raw: []json.RawMessage{text}}, socket: s, err: err})
}

// call calls the functions for an event, in the order in which they were set.
func (s *Socket) call(e *Event) {
	s.mu.Lock()
	handlers := s.handlers
	s.mu.Unlock()
	for _, h := range handlers {
		if h.event == e.Name {
			h.call(e)
		}
	}
}

// Disconnect leaves the namespace, or, if all is set, closes the connection with the sockets of all namespaces. The client is
// told, and does not come back by itself. What was sent before leaves, as far as the client takes it.
func (s *Socket) Disconnect(all bool) {
	if !all {
		s.leave(ServerDisconnect)
		return
	}
	s.client.mu.Lock()
	sockets := slices.Clone(s.client.sockets)
	s.client.mu.Unlock()
	for _, other := range sockets {
		other.leave(ServerDisconnect)
	}
	s.session.Close()
}

// leave tells the client that the socket is disconnected.
func (s *Socket) leave(reason Reason) {
	if !s.Connected() {
		return
	}
	s.client.send(packet.Packet{Type: packet.Disconnect, Namespace: s.nsp.name})
	s.end(disconnected, reason)
}

// panicked ends the socket after a handler of it panicked.
func (s *Socket) panicked() {
	s.mu.Lock()
	state := s.state
	s.mu.Unlock()
	switch state {
	case connecting:
		s.refuse(errors.New("internal error"))
	case connected:
		s.leave(HandlerPanic)
	}
}

// end makes the socket one that is not connected, or that has lost its connection, and has the functions told.
func (s *Socket) end(now socketState, reason Reason) {
	if s.endUntold(now, reason) {
		s.client.do(job{kind: endJob, socket: s, reason: reason})
	}
}

// endUntold is end, but for having the functions told: it reports whether they are to be.
func (s *Socket) endUntold(now socketState, reason Reason) bool {
	s.mu.Lock()
	was := s.state
	if was > connected {
		s.mu.Unlock()
		return false
	}
	s.state = now
	acks := s.acks
	s.acks = nil
	s.mu.Unlock()
	if was == connected {
		s.nsp.remove(s, reason)
	}
	s.client.remove(s, reason != ClientDisconnect)
	for _, a := range acks {
		if a.timer != nil {
			a.timer.Stop()
		}
		a.done(Args{}, ErrDisconnected)
	}
	return was == connected
}

// tellEnd calls the functions that are to know of the end.
func (s *Socket) tellEnd(reason Reason) {
	s.mu.Lock()
	s.state = disconnected
	s.mu.Unlock()
	if s.nsp.recovery != nil {
		defer s.nsp.recovery.settle(s)
	}
	text, err := json.Marshal(reason)
	if err != nil {
		return // a string can be encoded
	}
	args := Args{raw: []json.RawMessage{text}}
	s.call(&Event{Name: "disconnecting", Args: args, socket: s, reason: reason})
	s.nsp.forgetRooms(s)
	s.call(&Event{Name: "disconnect", Args: args, socket: s, reason: reason})
}

// Timeout returns an Emitter that waits for acknowledgements for at most d.
func (s *Socket) Timeout(d time.Duration) Emitter { return Emitter{socket: s, timeout: d} }

// Volatile returns an Emitter whose events are dropped where they would have to wait for the client.
func (s *Socket) Volatile() Emitter { return Emitter{socket: s, volatile: true} }
