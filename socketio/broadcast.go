package socketio

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/seed-4a326f83/parley/socketio/engineio"
	"github.com/seed-4a326f83/parley/socketio/internal/packet"
)

// A BroadcastOperator sends to many sockets of a namespace. Its methods that return one leave that which they are called on
// as it is, so that it can be kept, and used by any number of goroutines.
type BroadcastOperator struct {
	nsp      *Namespace
	rooms    []string // none: all sockets
	except   []string
	sender   *Socket // who gets nothing; may be nil
	volatile bool
	timeout  time.Duration
}

func (n *Namespace) all() BroadcastOperator { return BroadcastOperator{nsp: n} }

// To returns what sends to the sockets in any of the rooms.
func (n *Namespace) To(rooms ...string) BroadcastOperator { return n.all().To(rooms...) }

// In is To.
func (n *Namespace) In(rooms ...string) BroadcastOperator { return n.all().To(rooms...) }

// Except returns what sends to the sockets that are in none of the rooms.
func (n *Namespace) Except(rooms ...string) BroadcastOperator { return n.all().Except(rooms...) }

// Volatile returns what sends events that are dropped where they would have to wait for a client.
func (n *Namespace) Volatile() BroadcastOperator { return n.all().Volatile() }

// Timeout returns what waits for acknowledgements for at most d.
func (n *Namespace) Timeout(d time.Duration) BroadcastOperator { return n.all().Timeout(d) }

// Emit sends an event to all sockets.
func (n *Namespace) Emit(event string, args ...any) error { return n.all().Emit(event, args...) }

// Send is Emit with the event "message".
func (n *Namespace) Send(args ...any) error { return n.Emit("message", args...) }

// EmitWithAck sends an event to all sockets and waits for their acknowledgements.
func (n *Namespace) EmitWithAck(ctx context.Context, event string, args ...any) ([]Args, error) {
	return n.all().EmitWithAck(ctx, event, args...)
}

// FetchSockets returns all sockets.
func (n *Namespace) FetchSockets() []*Socket { return n.all().FetchSockets() }

// SocketsJoin has all sockets join rooms.
func (n *Namespace) SocketsJoin(rooms ...string) { n.all().SocketsJoin(rooms...) }

// SocketsLeave has all sockets leave rooms.
func (n *Namespace) SocketsLeave(rooms ...string) { n.all().SocketsLeave(rooms...) }

// DisconnectSockets disconnects all sockets: see Socket.Disconnect.
func (n *Namespace) DisconnectSockets(all bool) { n.all().DisconnectSockets(all) }

// Broadcast returns what sends to all sockets of the namespace but this one.
func (s *Socket) Broadcast() BroadcastOperator { return BroadcastOperator{nsp: s.nsp, sender: s} }

// To returns what sends to the sockets in any of the rooms, but not to this one.
func (s *Socket) To(rooms ...string) BroadcastOperator { return s.Broadcast().To(rooms...) }

// In is To.
func (s *Socket) In(rooms ...string) BroadcastOperator { return s.To(rooms...) }

// Except returns what sends to the sockets that are in none of the rooms, and not to this one.
func (s *Socket) Except(rooms ...string) BroadcastOperator { return s.Broadcast().Except(rooms...) }

// To adds rooms: who is in any of them is sent to, once.
func (b BroadcastOperator) To(rooms ...string) BroadcastOperator {
	b.rooms = append(slices.Clip(b.rooms), rooms...)
	return b
}

// In is To.
func (b BroadcastOperator) In(rooms ...string) BroadcastOperator { return b.To(rooms...) }

// Except adds rooms: who is in any of them is not sent to.
func (b BroadcastOperator) Except(rooms ...string) BroadcastOperator {
	b.except = append(slices.Clip(b.except), rooms...)
	return b
}

// Volatile has events dropped where they would have to wait for a client.
func (b BroadcastOperator) Volatile() BroadcastOperator {
	b.volatile = true
	return b
}

// Timeout bounds the wait for acknowledgements.
func (b BroadcastOperator) Timeout(d time.Duration) BroadcastOperator {
	b.timeout = d
	return b
}

// targets returns the sockets that are meant. The slice must not be changed.
func (b *BroadcastOperator) targets() []*Socket {
	n := b.nsp
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []*Socket
	switch len(b.rooms) {
	case 0:
		list = n.everyone.sockets()
	case 1:
		list = n.inRoom(b.rooms[0])
	default:
		seen := make(map[*Socket]struct{})
		for _, name := range b.rooms {
			for _, s := range n.inRoom(name) {
				if _, twice := seen[s]; !twice {
					seen[s] = struct{}{}
					list = append(list, s)
				}
			}
		}
	}
	if len(b.except) == 0 {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(s *Socket) bool {
		for _, name := range b.except {
			if name == s.id || n.rooms[name].has(s) {
				return true
			}
		}
		return false
	})
}

// inRoom returns the sockets in a room. mu is held.
func (n *Namespace) inRoom(name string) []*Socket {
	var list []*Socket
	if r := n.rooms[name]; r != nil {
		list = r.sockets()
	}
	if s := n.byID[name]; s != nil {
		list = append(slices.Clip(list), s)
	}
	return list
}

// Emit sends an event, as Socket.Emit does. It is encoded once. Errors are of the encoding; a client that is gone, or too
// slow, is none.
func (b BroadcastOperator) Emit(event string, args ...any) error {
	if packet.Reserved(event) {
		return ErrReserved
	}
	h := header{typ: packet.Event, namespace: b.nsp.name}
	if r := b.nsp.recovery; r != nil && !b.volatile {
		return r.broadcast(&b, h, event, args, nil)
	}
	enc, err := encode(nil, h, event, args, "")
	if err != nil {
		return err
	}
	b.sendAll(enc, b.targets())
	return nil
}

// sendAll sends an encoded event to sockets.
func (b *BroadcastOperator) sendAll(enc encoding, sockets []*Socket) {
	packets := enc.prepare()
	for _, s := range sockets {
		if s == b.sender {
			continue
		}
		if b.volatile {
			s.session.SendVolatile(packets...)
		} else {
			s.session.Send(packets...)
		}
	}
}

// EmitWithAck sends an event and waits for the acknowledgements of all sockets that it is sent to, or for ctx. It returns
// those that came, in the order in which they did. With an error, some are missing: that of ctx, ErrTimeout, or
// ErrDisconnected where no socket is late but one has gone.
func (b BroadcastOperator) EmitWithAck(ctx context.Context, event string, args ...any) ([]Args, error) {
	if packet.Reserved(event) {
		return nil, ErrReserved
	}
	type answer struct {
		args Args
		err  error
	}
	id := b.nsp.nextID.Add(1) - 1
	h := header{packet.Event, b.nsp.name, id, true}
	var sockets []*Socket
	var answered chan answer
	expect := func() { // who is sent to is known here, and nobody has been sent anything
		all := b.targets()
		answered = make(chan answer, len(all))
		for _, s := range all {
			if s == b.sender {
				continue
			}
			if s.expectAck(id, b.timeout, func(args Args, err error) { answered <- answer{args, err} }) == nil {
				sockets = append(sockets, s)
			}
		}
	}
	if r := b.nsp.recovery; r != nil && !b.volatile {
		if err := r.broadcast(&b, h, event, args, func() []*Socket { expect(); return sockets }); err != nil {
			return nil, err
		}
	} else {
		enc, err := encode(nil, h, event, args, "")
		if err != nil {
			return nil, err
		}
		expect()
		b.sendAll(enc, sockets)
	}
	var answers []Args
	var late error
	for range sockets {
		select {
		case a := <-answered:
			switch {
			case a.err == nil:
				answers = append(answers, a.args)
			case late == nil || errors.Is(a.err, ErrTimeout):
				late = a.err
			}
		case <-ctx.Done():
			for _, s := range sockets {
				s.forgetAck(id)
			}
			return answers, ctx.Err()
		}
	}
	return answers, late
}

// FetchSockets returns the sockets that are meant.
func (b BroadcastOperator) FetchSockets() []*Socket {
	return slices.DeleteFunc(slices.Clone(b.targets()), func(s *Socket) bool { return s == b.sender })
}

// SocketsJoin has the sockets join rooms.
func (b BroadcastOperator) SocketsJoin(rooms ...string) {
	for _, s := range b.FetchSockets() {
		s.Join(rooms...)
	}
}

// SocketsLeave has the sockets leave rooms.
func (b BroadcastOperator) SocketsLeave(rooms ...string) {
	for _, s := range b.FetchSockets() {
		for _, name := range rooms {
			s.Leave(name)
		}
	}
}

// DisconnectSockets disconnects the sockets: see Socket.Disconnect.
func (b BroadcastOperator) DisconnectSockets(all bool) {
	for _, s := range b.FetchSockets() {
		s.Disconnect(all)
	}
}

// A Prepared is an event that is encoded, for sending it to many sockets of a namespace: for programs that keep rooms of their
// own. It may be used from any number of goroutines.
type Prepared struct {
	packets []engineio.Packet
	size    int
}

// Prepare encodes an event. It takes no part in recovery.
func (n *Namespace) Prepare(event string, args ...any) (*Prepared, error) {
	if packet.Reserved(event) {
		return nil, ErrReserved
	}
	enc, err := encode(nil, header{typ: packet.Event, namespace: n.name}, event, args, "")
	if err != nil {
		return nil, err
	}
	p := &Prepared{packets: enc.prepare(), size: len(enc.text)}
	for _, a := range enc.attachments {
		p.size += len(a)
	}
	return p, nil
}

// Size returns how many bytes the event takes, about.
func (p *Prepared) Size() int { return p.size }

// EmitPrepared is Emit for an event of this socket's namespace.
func (s *Socket) EmitPrepared(p *Prepared) error {
	if !s.Connected() {
		return ErrDisconnected
	}
	return sendError(s.session.Send(p.packets...))
}
