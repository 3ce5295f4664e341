package socketio

import (
	"context"
	"time"

	"github.com/seed-4a326f83/parley/socketio/internal/packet"
)

// An Emitter sends to one socket, in its own way. It is made by Socket.Volatile and Socket.Timeout.
type Emitter struct {
	socket   *Socket
	volatile bool
	timeout  time.Duration
}

// Volatile returns an Emitter whose events are dropped where they would have to wait for the client.
func (e Emitter) Volatile() Emitter {
	e.volatile = true
	return e
}

// Timeout returns an Emitter that waits for acknowledgements for at most d.
func (e Emitter) Timeout(d time.Duration) Emitter {
	e.timeout = d
	return e
}

// Broadcast returns what sends in the same way to all others in the namespace.
func (e Emitter) Broadcast() BroadcastOperator {
	b := e.socket.Broadcast()
	b.volatile, b.timeout = e.volatile, e.timeout
	return b
}

// To returns what sends in the same way to all others in any of the rooms.
func (e Emitter) To(rooms ...string) BroadcastOperator { return e.Broadcast().To(rooms...) }

// Emit sends an event to the client, with arguments that JSON can hold, and binary data: see Binary. It does not wait for the
// client; what cannot leave yet waits in memory, up to the SendLimit of the options. A client for which more would have to
// wait is disconnected, and ErrSlowClient returned. ErrDisconnected is returned if the socket is not connected, and
// other errors if the event cannot be encoded; it was not sent then.
func (s *Socket) Emit(event string, args ...any) error {
	return Emitter{socket: s}.Emit(event, args...)
}

// Emit is Socket.Emit, in the Emitter's way. An event that is dropped is no error.
func (e Emitter) Emit(event string, args ...any) error { return e.emit(event, args, 0, false) }

// Send is Emit with the event "message".
func (s *Socket) Send(args ...any) error { return s.Emit("message", args...) }

// emit sends an event, with an id if its ack is waited for.
func (e Emitter) emit(event string, args []any, id uint64, hasID bool) error {
	s := e.socket
	if packet.Reserved(event) {
		return ErrReserved
	}
	if !s.Connected() {
		return ErrDisconnected
	}
	h := header{packet.Event, s.nsp.name, id, hasID}
	if s.nsp.recovery != nil && !e.volatile {
		return s.nsp.recovery.emit(s, h, event, args)
	}
	buf := buffers.Get().(*[]byte)
	defer giveBack(buf)
	enc, err := encode(*buf, h, event, args, "")
	if err != nil {
		return err
	}
	*buf = enc.text
	return enc.send(s.session, e.volatile)
}

// EmitWithAck sends an event and waits for the client's acknowledgement, or for ctx, or for the end of the connection. It may
// be called in a handler. A client may never answer: ctx, or Timeout, should bound the wait.
func (s *Socket) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	return Emitter{socket: s}.EmitWithAck(ctx, event, args...)
}

// EmitWithAck is Socket.EmitWithAck, in the Emitter's way. ErrTimeout is returned after its Timeout.
func (e Emitter) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	type answer struct {
		args Args
		err  error
	}
	answered := make(chan answer, 1)
	id, err := e.emitForAck(func(args Args, err error) { answered <- answer{args, err} }, event, args)
	if err != nil {
		return Args{}, err
	}
	select {
	case a := <-answered:
		return a.args, a.err
	case <-ctx.Done():
		e.socket.forgetAck(id)
		return Args{}, ctx.Err()
	}
}

// EmitThen sends an event, and has then called with the client's acknowledgement; or with ErrTimeout or ErrDisconnected, if
// none comes. It is called as handlers are. If an error is returned, it is not called.
func (s *Socket) EmitThen(then func(args Args, err error), event string, args ...any) error {
	return Emitter{socket: s}.EmitThen(then, event, args...)
}

// EmitThen is Socket.EmitThen, in the Emitter's way.
func (e Emitter) EmitThen(then func(args Args, err error), event string, args ...any) error {
	c := e.socket.client
	_, err := e.emitForAck(func(args Args, err error) {
		c.do(job{kind: callJob, socket: e.socket, call: func() { then(args, err) }})
	}, event, args)
	return err
}

// emitForAck sends an event. done is called once, unless an error is returned or the ack is forgotten, and must not block.
func (e Emitter) emitForAck(done func(Args, error), event string, args []any) (id uint64, err error) {
	s := e.socket
	id = s.nsp.nextID.Add(1) - 1
	if err := s.expectAck(id, e.timeout, done); err != nil {
		return 0, err
	}
	if err := e.emit(event, args, id, true); err != nil {
		if s.forgetAck(id) {
			return 0, err
		}
		return id, nil // done has been told of the end of the socket
	}
	return id, nil
}
