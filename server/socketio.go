package server

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/socketio"
	"github.com/seed-4a326f83/parley/socketio/engineio"
)

// maxAnswer is more than the longest answer, a join of 200 rooms, and what the
// outbox has sent before it.
const maxAnswer = 4 << 20

// newSocketIO returns the Socket.IO gateway, and what encodes an event for it.
// The words are those of the plain one, over WebSocket or HTTP long-polling: a
// word is an event with its fields as the one argument, its answer is the
// acknowledgement, and Parley's events go by their types. Rooms and all else are Parley's, not socketio's.
func newSocketIO(s *Server) (io *socketio.Server, prepare func(*parley.Event) any) {
	io = socketio.NewServer(&socketio.Options{
		Engine: engineio.Options{
			PingInterval: s.chat.Heartbeat().Interval,
			PingTimeout:  s.chat.Heartbeat().Timeout,
			MaxPayload:   maxReceived,
			// The outbox has bounds of its own, and ends connections with a bye: this
			// is for what socketio answers by itself. Admission counts them.
			SendLimit:    maxAnswer,
			MaxSessions:  -1,
			MaxPolling:   -1,
			CheckOrigin:  func(r *http.Request) bool { return s.guard.checkOrigin(r) == nil },
			Credentials:  true,
			AllowRequest: s.openSocketIO,
		},
		ConnectTimeout: helloTime,
		OnOpen:         func(value any, engine *engineio.Session) { value.(*ioConn).opened(engine) },
		OnClose:        func(value any) { value.(*ioConn).closed() },
		Logger:         s.log,
	})
	io.Use(func(socket *socketio.Socket) error { return socket.Value().(*ioConn).greet(socket) })
	io.On("connection", func(socket *socketio.Socket) { socket.Value().(*ioConn).open(socket) })
	return io, func(ev *parley.Event) any {
		p, err := io.Prepare(ev.Type, json.RawMessage(ev.JSON))
		if err != nil {
			panic(err) // it is JSON
		}
		return p
	}
}

// openSocketIO takes in a connection of the Socket.IO gateway, by the request
// that it begins with, or refuses it. Requests after that one are not counted.
func (s *Server) openSocketIO(r *http.Request) (any, error) {
	// Browsers send no Origin when a page polls where it is from. A page from
	// elsewhere that has them send none cannot read the answer, nor go on
	// without.
	if r.Header.Get("Upgrade") != "" && s.cookieAlone(r) {
		return nil, cookieAlone.engine()
	}
	came, refused := s.comesFrom(r)
	if refused != nil {
		return nil, refused.engine()
	}
	visitor, refused := s.admission.admit(s.clientAddr(r))
	if refused != nil {
		return nil, refused.engine()
	}
	c := &ioConn{signedIn: came != nil}
	c.begin(s, c, visitor, came)
	if !s.add(&c.conn) {
		s.admission.leave(visitor)
		e := restarting(1)
		return nil, (&refusal{http.StatusServiceUnavailable, e.Reason, e.RetryAfter}).engine()
	}
	c.hello = time.AfterFunc(helloTime, func() { c.out.end(noHello) })
	return c, nil
}

// engine returns the refusal as Engine.IO tells it.
func (e *refusal) engine() error {
	return &engineio.Refusal{Status: e.status, Code: engineio.Forbidden, Message: e.message, RetryAfter: e.retryAfter}
}

// An ioConn is a connection of the Socket.IO gateway, by whatever transport. It
// has one socket in its life.
type ioConn struct {
	conn
	signedIn bool // the request that opened it said who it comes from

	// Guarded by out.mu.
	engine *engineio.Session // nil until the first request is answered
	socket *socketio.Socket  // nil until it is connected
	early  []message         // what is to be sent then

	// turn is held by whoever uses session until the socket is connected: then
	// its handlers do, one after the other.
	turn      sync.Mutex
	hello     *time.Timer    // nil: hello was believed
	welcome   *chat.HelloAck // what the hello of CONNECT is answered, until that is asked for
	connected bool           // the socket was
	left      bool           // and is not any more
	over      bool           // the connection has ended
}

// opened is called before anything has come.
func (c *ioConn) opened(engine *engineio.Session) {
	c.out.mu.Lock()
	c.engine = engine
	ended := c.out.ended
	c.out.mu.Unlock()
	if ended {
		engine.Close()
	}
}

// greet decides whether the socket is connected. CONNECT's auth holds the fields
// of hello. If it or the request before it says who the client is, it is the
// hello, and the word that follows asks for its answer; or else that is to come.
func (c *ioConn) greet(socket *socketio.Socket) error {
	c.turn.Lock()
	defer c.turn.Unlock()
	if c.connected || c.over || c.session.Greeted() {
		return &socketio.ConnectError{Message: "this connection was another socket's; open another", Close: true}
	}
	ending := c.out.ends()
	if ending == nil && c.server.reading.Err() != nil {
		e := restarting(1)
		ending = &e
	}
	if ending != nil {
		return refusedWith(&parley.Error{Code: parley.CodeUnavailable, Message: ending.Reason, RetryAfter: ending.RetryAfter}, ending)
	}
	auth := socket.Handshake().Auth
	_, req, err := decodeWord("hello", auth)
	switch {
	case len(auth) > maxHello:
		err = errLongHello
	case err == nil && (saysWho(req) || c.signedIn || !c.server.chat.Guests()):
		err = c.sayHello(req)
	}
	if err == nil {
		return nil
	}
	if e, ok := c.session.Refused(err); ok {
		c.server.noteEnd(e)
		return refusedWith(err, &e)
	}
	return refusedWith(err, nil)
}

// saysWho reports whether a hello says who the client is.
func saysWho(req *chat.Request) bool { return req.Name != "" || req.Token != "" || req.Session != "" }

// refusedWith returns the CONNECT_ERROR for an error. Its data are those of the
// error, and the bye that the connection is ended with, if it is.
func refusedWith(err error, ending *parley.Ending) error {
	data := struct {
		chat.ErrorMessage
		Bye json.RawMessage `json:"bye,omitempty"`
	}{ErrorMessage: chat.ErrorOf(err)}
	if ending != nil {
		data.Bye = parley.ByeEvent(*ending).JSON
	}
	return &socketio.ConnectError{Message: data.Message, Data: data, Close: ending != nil}
}

// sayHello says hello for a client whose CONNECT did.
func (c *ioConn) sayHello(req *chat.Request) error {
	answered := make(chan error, 1)
	c.session.Handle(c.server.reading, req, func(ack any, err error) {
		if err == nil {
			welcome := ack.(chat.HelloAck)
			c.welcome = &welcome
		}
		answered <- err
	})
	err := <-answered
	if err == nil {
		c.believed()
	}
	return err
}

// believed notes that hello was said in time.
func (c *ioConn) believed() {
	c.hello.Stop()
	c.hello = nil
}

// open begins with what the client sends.
func (c *ioConn) open(socket *socketio.Socket) {
	c.turn.Lock()
	defer c.turn.Unlock()
	if c.over {
		return
	}
	c.connected = true
	socket.OnAny(c.receive)
	socket.OnDisconnect(c.disconnected)
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.socket = socket
	for _, m := range c.early {
		c.send(m)
	}
	c.early = nil
}

// disconnected deals with the end of the socket: what the client sent before has
// been handled. Who leaves has nothing to stay for.
func (c *ioConn) disconnected(reason socketio.Reason) {
	if reason == engineio.PingTimeout {
		c.server.noteEnd(lostBeat)
	}
	c.engine.Close()
	c.turn.Lock()
	c.left = true
	last := c.over
	c.turn.Unlock()
	if last {
		c.finish()
	}
}

// closed deals with the end of the connection.
func (c *ioConn) closed() {
	c.out.abandon()
	c.turn.Lock()
	c.over = true
	last := !c.connected || c.left
	c.turn.Unlock()
	if last {
		c.finish()
	}
}

// finish gives up what the connection held.
func (c *ioConn) finish() {
	if c.hello != nil {
		c.hello.Stop()
	}
	c.conn.finish()
}

// receive handles an event of the client's. It holds the client up while much
// waits to be sent to it.
func (c *ioConn) receive(e *socketio.Event) {
	c.out.waitQuiet(c.server.reading)
	// Where the client has gone, what it sent before is still done.
	if c.out.ends() != nil || c.server.reading.Err() != nil {
		return
	}
	if e.HasBinary() {
		c.out.end(notText)
		return
	}
	size := 0
	for i := range e.Len() {
		size += len(e.Raw(i))
	}
	if size > maxMessage {
		c.out.end(tooBig)
		return
	}
	c.handle(e, size)
}

// handle decodes one event and has it done.
func (c *ioConn) handle(e *socketio.Event, size int) {
	asked := e
	if !e.WantsAck() {
		asked = nil
	}
	ref, req, err := decodeWord(e.Name, e.Raw(0))
	greeted := c.session.Greeted()
	switch {
	case size > maxHello && !greeted:
		c.answer(ref, asked, nil, errLongHello)
		return
	case e.Len() > 1 && err == nil:
		err = errNotOneObject
	case req.Type == "hello" && err == nil && c.welcome != nil:
		welcome := *c.welcome
		c.welcome = nil
		if !saysWho(req) {
			c.answer(ref, asked, welcome, nil)
			return
		}
	}
	c.do(req, err, func(ack any, err error) { c.answer(ref, asked, ack, err) })
	if !greeted && c.session.Greeted() {
		c.believed()
	}
}

// send implements carrier. An error has ended the connection: disconnected tells.
func (c *ioConn) send(m message) {
	switch {
	case c.socket == nil:
		c.early = append(c.early, m)
	case m.asked != nil:
		m.asked.Ack(json.RawMessage(m.json))
	case m.event != nil:
		c.socket.EmitPrepared(m.event.Framed(c.server.prepare).(*socketio.Prepared))
	default: // an answer, of which the client wanted no ack
		c.socket.Emit(m.typ, json.RawMessage(m.json))
	}
}

func (c *ioConn) queued() int {
	if c.engine == nil {
		return 0
	}
	return c.engine.Queued()
}

// bye ends the connection from our side. Clients of Socket.IO come back by
// themselves where the transport was closed, and where they were disconnected
// they do not.
func (c *ioConn) bye(e parley.Ending) {
	c.out.mu.Lock()
	engine, socket := c.engine, c.socket
	c.out.mu.Unlock()
	switch {
	case engine == nil:
		return // opened sees to it
	case socket == nil: // it cannot be told
		c.server.noteEnd(e)
		engine.Close()
		return
	}
	c.server.noteEnd(e)
	socket.Emit(parley.EventBye, json.RawMessage(parley.ByeEvent(e).JSON))
	// Not before it has left: who shuts the server down waits for the close.
	deadline := time.NewTimer(closeTime)
	defer deadline.Stop()
	for wait := soonest; engine.Queued() > 0; wait = min(2*wait, latest) {
		select {
		case <-engine.Done():
			return
		case <-deadline.C:
			engine.Close()
			return
		case <-time.After(wait):
		}
	}
	if comesBack(e) {
		engine.Close()
	} else {
		socket.Disconnect(true)
	}
}

// comesBack reports whether a client that was ended so is to come back as it is.
func comesBack(e parley.Ending) bool {
	switch e.Code {
	case parley.CloseUnsupported, parley.ClosePolicy, parley.CloseTooBig:
		return false // it is to be mended
	}
	return e.Code < 4500
}

// drop implements carrier.
func (c *ioConn) drop() {
	c.out.abandon()
	c.out.mu.Lock()
	engine := c.engine
	c.out.mu.Unlock()
	if engine != nil {
		engine.Close()
	}
}
