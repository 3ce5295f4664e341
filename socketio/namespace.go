package socketio

import (
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/seed-4a326f83/parley/socketio/internal/packet"
)

// A Namespace is a part of what goes over the clients' connections: sockets of their own, with rooms of their own. Any number
// of goroutines may use it.
type Namespace struct {
	server   *Server
	name     string
	nextID   atomic.Uint64 // of acks
	recovery *recovery     // nil: it is off

	mu          sync.Mutex
	everyone    room
	byID        map[string]*Socket
	rooms       map[string]*room
	middlewares []func(*Socket) error
	onConnect   []func(*Socket)
}

func newNamespace(io *Server, name string) *Namespace {
	n := &Namespace{server: io, name: name, byID: make(map[string]*Socket), rooms: make(map[string]*room)}
	if io.opts.Recovery != nil {
		n.recovery = newRecovery(n, *io.opts.Recovery)
	}
	return n
}

// Name returns the name, which begins with "/".
func (n *Namespace) Name() string { return n.name }

// On has f called with each socket that is connected, if event is "connection" or "connect", and is where the socket's own
// handlers are set: what the client sends is looked at when f has returned. There are no other events.
func (n *Namespace) On(event string, f func(s *Socket)) {
	if event != "connection" && event != "connect" {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.onConnect = append(n.onConnect, f)
}

// Use has f asked about each client that wants to connect, in the order in which the functions were set. If it returns an
// error, the client is refused, and told its text; see ConnectError for telling it more. f may block.
func (n *Namespace) Use(f func(s *Socket) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.middlewares = append(n.middlewares, f)
}

// ask asks the middlewares.
func (n *Namespace) ask(s *Socket) error {
	n.mu.Lock()
	middlewares := n.middlewares
	n.mu.Unlock()
	for _, f := range middlewares {
		if err := f(s); err != nil {
			return err
		}
	}
	return nil
}

// greet calls the functions for new sockets.
func (n *Namespace) greet(s *Socket) {
	n.mu.Lock()
	onConnect := n.onConnect
	n.mu.Unlock()
	for _, f := range onConnect {
		f(s)
	}
}

// add connects a socket, unless its connection has ended meanwhile, and tells the client.
func (n *Namespace) add(s *Socket, past *pastSession) bool {
	if n.recovery != nil {
		// What is sent to the namespace from now on comes after what the client missed.
		n.recovery.mu.Lock()
		defer n.recovery.mu.Unlock()
	}
	if past != nil && !n.recovery.covers(past) { // it was forgotten while the middlewares took their time
		s.session.Close() // the client will be a new one
		return false
	}
	s.client.mu.Lock()
	ended := s.client.ended
	s.mu.Lock()
	if ended = ended || s.state != connecting; !ended {
		s.state = connected
	}
	s.mu.Unlock()
	s.client.mu.Unlock()
	if ended {
		return false
	}
	if n.recovery != nil {
		s.told = make(chan struct{})
		n.recovery.present[s.pid] = s
	}
	// A client that knows that it is connected gets what is sent from then on, and nothing before it knows.
	n.mu.Lock()
	s.client.send(packet.Packet{Type: packet.Connect, Namespace: n.name, Data: s.welcome()})
	switch {
	case past != nil:
		n.recovery.resend(s, past)
		s.since = past.after
	case n.recovery != nil:
		s.since = n.recovery.seq
	}
	n.byID[s.id] = s
	n.everyone.add(s)
	rooms := s.rooms // that the middlewares had it join
	if past != nil {
		rooms = append(rooms, past.rooms...)
	}
	s.rooms, s.added = nil, true
	for _, name := range rooms {
		n.join(s, name)
	}
	n.mu.Unlock()
	if !s.Connected() { // it ended meanwhile, and what looked for it here did not find it
		n.forget(s)
		n.forgetRooms(s)
	}
	return true
}

// welcome is what the client is told of its socket.
func (s *Socket) welcome() []byte {
	text, err := json.Marshal(struct {
		ID  string `json:"sid"`
		PID string `json:"pid,omitempty"`
	}{s.id, s.pid})
	if err != nil {
		panic(err) // strings can be encoded
	}
	return text
}

// remove takes a socket out. It has its rooms until forgetRooms.
func (n *Namespace) remove(s *Socket, reason Reason) {
	if n.recovery != nil {
		n.recovery.mu.Lock()
		defer n.recovery.mu.Unlock()
		n.recovery.remember(s, reason)
	}
	n.forget(s)
}

func (n *Namespace) forget(s *Socket) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.byID[s.id] == s {
		delete(n.byID, s.id)
	}
	n.everyone.remove(s)
	for _, name := range s.rooms {
		n.leave(s, name)
	}
}

// Sockets returns the sockets that are connected.
func (n *Namespace) Sockets() []*Socket { return n.all().FetchSockets() }

// Socket returns the socket with an id, or nil if there is none.
func (n *Namespace) Socket(id string) *Socket {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.byID[id]
}

// forgetRooms forgets the rooms that a socket had.
func (n *Namespace) forgetRooms(s *Socket) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s.rooms = nil
}

// Join has the socket join rooms, which come to be by that. What is sent to them reaches it, until it leaves them or is
// disconnected. Each socket is in a room of its own, whose name is its id. In a middleware, the rooms are those that it is in
// as soon as it is connected.
func (s *Socket) Join(rooms ...string) {
	n := s.nsp
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, name := range rooms {
		switch {
		case n.byID[s.id] == s:
			n.join(s, name)
		case !s.added && !slices.Contains(s.rooms, name):
			s.rooms = append(s.rooms, name)
		}
	}
}

// join is Join. mu is held.
func (n *Namespace) join(s *Socket, name string) {
	if name == s.id || slices.Contains(s.rooms, name) {
		return
	}
	s.rooms = append(s.rooms, name)
	r := n.rooms[name]
	if r == nil {
		r = new(room)
		n.rooms[name] = r
	}
	r.add(s)
}

// Leave has the socket leave a room.
func (s *Socket) Leave(name string) {
	n := s.nsp
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.byID[s.id] == s:
		n.leave(s, name)
	case s.added: // it has left all, but who is told of the end may ask which they were
		return
	}
	s.rooms = slices.DeleteFunc(slices.Clone(s.rooms), func(r string) bool { return r == name })
}

// leave takes a socket out of a room. mu is held.
func (n *Namespace) leave(s *Socket, name string) {
	r := n.rooms[name]
	if r == nil {
		return
	}
	r.remove(s)
	if len(r.members) == 0 {
		delete(n.rooms, name)
	}
}

// Rooms returns the rooms that the socket is in, its own first; while "disconnecting" is handled, those it was in.
func (s *Socket) Rooms() []string {
	s.nsp.mu.Lock()
	defer s.nsp.mu.Unlock()
	return append([]string{s.id}, s.rooms...)
}
