package socketio

import (
	"sync/atomic"

	"github.com/seed-4a326f83/parley/socketio/internal/packet"
)

// An Event is something that a client sent.
type Event struct {
	Name string
	Args // without the name

	socket   *Socket
	id       uint64
	wantsAck bool
	acked    atomic.Bool
	reason   Reason // of "disconnecting" and "disconnect"
	err      error  // of "error"
}

// Socket returns the socket that it came from.
func (e *Event) Socket() *Socket { return e.socket }

// WantsAck reports whether the client wants an acknowledgement.
func (e *Event) WantsAck() bool { return e.wantsAck }

// Ack sends the acknowledgement, with arguments as those of Emit. It may be called from any goroutine, also after the handler
// has returned, once: further calls, and calls where the client wants none, do nothing and return ErrNoAck. Arguments that
// cannot be encoded are an error, after which it may be called again.
func (e *Event) Ack(args ...any) error {
	if !e.wantsAck || e.acked.Swap(true) {
		return ErrNoAck
	}
	if !e.socket.Connected() {
		return ErrDisconnected
	}
	buf := buffers.Get().(*[]byte)
	defer giveBack(buf)
	enc, err := encode(*buf, header{packet.Ack, e.socket.nsp.name, e.id, true}, "", args, "")
	if err != nil {
		e.acked.Store(false) // the client waits still
		return err
	}
	*buf = enc.text
	return enc.send(e.socket.session, false)
}
