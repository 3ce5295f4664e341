package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley/socketio/engineio"
	"github.com/seed-4a326f83/parley/socketio/internal/packet"
	"github.com/seed-4a326f83/parley/websocket"
)

// A client is a connection, on which there is a socket for each namespace that it is connected to. What is to be done about
// what it sends is done by one goroutine at a time, in order: handlers may wait for the client's answers, as the goroutine that
// reads is another.
type client struct {
	server    *Server
	session   *engineio.Session
	handshake Handshake
	value     any

	assembler packet.Assembler // of the goroutine that reads

	mu      sync.Mutex
	sockets []*Socket
	left    []string      // namespaces that the server has ended: the client may not know yet
	timer   *time.Timer   // until the first socket is connected
	first   *job          // of what is to be done
	last    *job          // if there is a first
	bytes   int           // of what is to be done, or being done, about
	room    chan struct{} // closed when there is room for more; nil: nobody waits
	running bool          // there is the goroutine
	ended   bool
}

// A job is something to be done by the client's goroutine.
type job struct {
	next   *job
	kind   jobKind
	socket *Socket
	msg    packet.Message
	reason Reason
	call   func()
}

type jobKind uint8

const (
	connectJob jobKind = iota
	eventJob
	leaveJob // the client has left the namespace
	endJob   // the socket was disconnected
	callJob
)

const (
	// maxWaiting is how many bytes of events may wait for handlers; the client is not read from beyond.
	maxWaiting = 256 << 10
	// jobBytes is what a job takes, besides what came with its packet.
	jobBytes = 256
	// maxLeft is how many namespaces are remembered that the client may not know it has lost.
	maxLeft = 16
)

func (c *client) open(s *engineio.Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = s
	c.timer = time.AfterFunc(c.server.opts.ConnectTimeout, func() { s.Close() })
}

// receive deals with a message from the client.
func (c *client) receive(typ websocket.MessageType, data []byte) {
	var m packet.Message
	var complete bool
	var err error
	if typ == websocket.MessageText {
		m, complete, err = c.assembler.Text(data)
		if err == nil && !complete {
			err = c.expect(m.Namespace)
		}
	} else {
		m, complete, err = c.assembler.Binary(data)
	}
	if err == nil && complete {
		err = c.take(m)
	}
	if err != nil {
		c.assembler.Reset()
		c.session.Fail()
	}
}

var errState = errors.New("a packet that does not belong here")

// expect says whether attachments are kept for a packet of that namespace.
func (c *client) expect(namespace string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.find(namespace) == nil && !slices.Contains(c.left, namespace) {
		return errState
	}
	return nil
}

// take deals with a packet. Its Data is good until take returns.
func (c *client) take(m packet.Message) error {
	c.mu.Lock()
	s := c.find(m.Namespace)
	if s == nil {
		left := slices.Contains(c.left, m.Namespace)
		c.mu.Unlock()
		switch {
		case m.Type == packet.Connect:
			c.connect(m)
		case !left || m.Type == packet.ConnectError:
			return errState
		}
		return nil
	}
	c.mu.Unlock()
	switch m.Type {
	case packet.Event, packet.BinaryEvent:
		if m.Values == nil {
			m.Data = bytes.Clone(m.Data)
		}
		c.awaitRoom(m.Size)
		c.do(job{kind: eventJob, socket: s, msg: m})
	case packet.Ack, packet.BinaryAck:
		if m.Values == nil {
			m.Data = bytes.Clone(m.Data)
		}
		s.acknowledged(&m)
	case packet.Disconnect:
		c.remove(s, false) // the client may connect again, before the handlers are through with what came before
		c.do(job{kind: leaveJob, socket: s})
	default:
		return errState
	}
	return nil
}

// find returns the socket of a namespace. mu is held.
func (c *client) find(namespace string) *Socket {
	for _, s := range c.sockets {
		if s.nsp.name == namespace {
			return s
		}
	}
	return nil
}

// connect begins to connect the client to a namespace.
func (c *client) connect(m packet.Message) {
	n := c.server.find(m.Namespace)
	if n == nil {
		c.refuse(m.Namespace, "Invalid namespace", nil)
		return
	}
	c.awaitRoom(m.Size) // a client may come and go while a middleware takes its time
	s := &Socket{session: c.session, nsp: n, client: c, auth: json.RawMessage("{}")}
	if m.Data != nil {
		s.auth = bytes.Clone(m.Data)
	}
	c.mu.Lock()
	c.sockets = append(c.sockets, s)
	c.left = slices.DeleteFunc(c.left, func(name string) bool { return name == n.name })
	c.mu.Unlock()
	c.do(job{kind: connectJob, socket: s, msg: packet.Message{Size: m.Size}})
}

// refuse tells the client that it is not connected to a namespace.
func (c *client) refuse(namespace, message string, data any) {
	body := struct {
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}{message, data}
	text, err := appendJSON(nil, body)
	if err != nil {
		c.server.log.Error("socketio: the Data of a ConnectError cannot be encoded", "error", err)
		body.Data = nil
		if text, err = appendJSON(nil, body); err != nil {
			return // a string can be encoded
		}
	}
	c.send(packet.Packet{Type: packet.ConnectError, Namespace: namespace, Data: text})
}

// send sends a packet without attachments.
func (c *client) send(p packet.Packet) error {
	return sendError(c.session.Send(engineio.Wire(packet.Append([]byte{'4'}, p))))
}

// remove forgets a socket. remember says that the client may not know yet.
func (c *client) remove(s *Socket, remember bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sockets = slices.DeleteFunc(c.sockets, func(other *Socket) bool { return other == s })
	if remember {
		if len(c.left) == maxLeft {
			c.left = slices.Delete(c.left, 0, 1)
		}
		c.left = append(c.left, s.nsp.name)
	}
}

// connected notes that a socket is.
func (c *client) connected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
}

// closed deals with the end of the connection.
func (c *client) closed(reason Reason) {
	c.assembler.Reset()
	c.mu.Lock()
	c.ended = true
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	sockets := slices.Clone(c.sockets)
	c.mu.Unlock()
	for _, s := range sockets {
		s.end(lost, reason)
	}
}

// jobs are those that are neither to be done nor being done.
var jobs = sync.Pool{New: func() any { return new(job) }}

// do has a job done.
func (c *client) do(j job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	queued := jobs.Get().(*job)
	*queued = j
	if c.first == nil {
		c.first = queued
	} else {
		c.last.next = queued
	}
	c.last = queued
	c.bytes += jobBytes + j.msg.Size
	if !c.running {
		c.running = true
		c.server.crew.run(c)
	}
}

// awaitRoom waits until there is room for an event, or the connection has ended.
func (c *client) awaitRoom(bytes int) {
	for {
		c.mu.Lock()
		if c.bytes == 0 || c.bytes+jobBytes+bytes <= maxWaiting {
			c.mu.Unlock()
			return
		}
		if c.room == nil {
			c.room = make(chan struct{})
		}
		room := c.room
		c.mu.Unlock()
		select {
		case <-room:
		case <-c.session.Done():
			return
		}
	}
}

// run does jobs as long as there are any.
func (c *client) run() {
	for j := c.next(0); j != nil; {
		c.safely(j)
		done := jobBytes + j.msg.Size
		*j = job{}
		jobs.Put(j)
		j = c.next(done)
	}
}

// next returns the next job; nil says that there is none, and that this goroutine does not do the client's jobs any more. done
// are the bytes of the last one.
func (c *client) next(done int) *job {
	c.mu.Lock()
	defer c.mu.Unlock()
	j := c.first
	if c.bytes -= done; c.bytes <= maxWaiting/2 {
		c.makeRoom()
	}
	if j == nil {
		c.running = false
		return nil
	}
	c.first = j.next
	return j
}

// makeRoom has who waits for room look again. mu is held.
func (c *client) makeRoom() {
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}

// safely does a job. A panic ends the socket whose it was, and nothing else.
func (c *client) safely(j *job) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		c.server.log.Error("socketio: a handler panicked", "namespace", j.socket.nsp.name, "panic", p, "stack", string(debug.Stack()))
		j.socket.panicked()
	}()
	switch s := j.socket; j.kind {
	case connectJob:
		s.connect()
	case eventJob:
		s.dispatch(&j.msg)
	case leaveJob:
		if s.endUntold(disconnected, ClientDisconnect) {
			s.tellEnd(ClientDisconnect) // before what the client has sent since, which may be that it connects again
		}
	case endJob:
		s.tellEnd(j.reason)
	case callJob:
		j.call()
	}
}
