//go:build !386

package poll

import (
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// Supported reports whether this system has an implementation.
const Supported = true

// An FD is a socket that is waited for. It is meant to be a part of what handles it. All its methods may be called from any
// number of goroutines; those that do input and output do not block.
type FD struct {
	h      Handler
	p      *poller
	sys    int32
	slot   uint32
	turn   atomic.Uint32 // the events that wait to be told, and taken
	users  atomic.Uint32 // of sys, and closed: the last to leave closes it
	starve atomic.Bool   // a write found no room, and nobody has been told of room since
	roomy  atomic.Bool   // events of room are asked for
}

const (
	// taken, in FD.turn: somebody runs Ready, or is about to.
	taken = 1 << 31
	// alone, in FD.turn: Ready runs, and holds up nobody.
	alone = 1 << 29
	// excused, in FD.turn beside alone: HandOver was called.
	excused = 1 << 28
	// closed, in FD.users.
	closed = 1 << 31
)

// Take takes a connection over from nc, which has no use any more after that: its descriptor is ours, and that of nc is
// closed. h will be called from now on, also for what has
// arrived before. If it fails, nothing has happened to nc.
func (f *FD) Take(nc syscall.Conn, h Handler) error {
	fd, err := duplicate(nc)
	if err != nil {
		return err
	}
	if err := f.Adopt(fd, h, -1); err != nil {
		return err
	}
	if c, ok := nc.(net.Conn); ok {
		c.Close()
	}
	return nil
}

// Adopt takes over a descriptor of a socket that does not block. The timer is set from the beginning, as by SetTimer(due). If it
// fails, the descriptor is closed.
func (f *FD) Adopt(fd int, h Handler, due time.Duration) error {
	f.sys, f.h = int32(fd), h
	if err := pollerFor(f, due); err != nil {
		syscall.Close(fd)
		return err
	}
	return nil
}

// Detach returns a descriptor for Adopt, and closes nc.
func Detach(nc interface {
	syscall.Conn
	io.Closer
}) (fd int, err error) {
	fd, err = duplicate(nc)
	nc.Close()
	return fd, err
}

func duplicate(nc syscall.Conn) (fd int, err error) {
	raw, err := nc.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("poll: %w", err)
	}
	var dupErr error
	if err := raw.Control(func(of uintptr) { fd, dupErr = dup(of) }); err != nil {
		return 0, fmt.Errorf("poll: %w", err)
	}
	if dupErr != nil {
		return 0, fmt.Errorf("poll: duplicating a descriptor: %w", dupErr)
	}
	return fd, nil
}

// enter begins a use of the descriptor, which leave ends; it fails if the FD is closed. A descriptor that was closed while in
// use could be somebody else's already.
func (f *FD) enter() bool {
	if f.users.Add(1)&closed != 0 {
		f.leave()
		return false
	}
	return true
}

func (f *FD) leave() {
	if f.users.Add(^uint32(0)) == closed {
		// Only one gets here: those who come later find closed|1, leave, and would get here again, but for the mark.
		if f.users.CompareAndSwap(closed, closed|gone) {
			closeNow(f.sys)
		}
	}
}

// gone, in FD.users: the descriptor has been closed.
const gone = 1 << 30

// Read reads what there is, or returns ErrAgain. At the end of the stream it returns io.EOF.
func (f *FD) Read(p []byte) (int, error) {
	if !f.enter() {
		return 0, ErrClosed
	}
	n, err := ReadNow(uintptr(f.sys), p)
	f.leave()
	return n, err
}

// AwaitBytes has Readable not be told of before n bytes are there to be read, or the end of the stream: of the first if n is 0.
// What is there can be read at any time. The kernel may not wait for all of a large n.
func (f *FD) AwaitBytes(n int) error {
	return f.control(func(fd int) error { return awaitBytes(fd, int32(n)) })
}

// Write writes as much of a and then b as there is room for, in one system call, and returns how much that was. If it was
// nothing, the error is ErrAgain, and Writable will be called. If it was less than all of it, the caller is to write
// again until it gets ErrAgain.
func (f *FD) Write(a, b []byte) (int, error) {
	if !f.enter() {
		return 0, ErrClosed
	}
	defer f.leave()
	n, err := WriteNow(uintptr(f.sys), a, b)
	if err != ErrAgain {
		return n, err
	}
	// Room may have been made, and the event gone by, before anybody could know that it is waited for: hence once more.
	f.starve.Store(true)
	if !f.roomy.Swap(true) {
		if err := f.p.askForRoom(f); err != nil {
			return 0, err
		}
	}
	return WriteNow(uintptr(f.sys), a, b)
}

// WriteLast is Write for what comes right before Close or CloseWrite: the bytes leave with the end of the stream, in one packet.
func (f *FD) WriteLast(p []byte) (int, error) {
	if !f.enter() {
		return 0, ErrClosed
	}
	n, err := WriteLast(uintptr(f.sys), p)
	f.leave()
	if n > 0 || err != ErrAgain {
		return n, err
	}
	return f.Write(p, nil)
}

// CloseWrite ends our direction of the stream.
func (f *FD) CloseWrite() error {
	return f.control(func(fd int) error { return syscall.Shutdown(fd, syscall.SHUT_WR) })
}

// Reset makes Close drop what the kernel still holds for the peer, which is told that the connection has failed.
func (f *FD) Reset() error {
	return f.control(func(fd int) error {
		return syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	})
}

func (f *FD) control(do func(fd int) error) error {
	if !f.enter() {
		return ErrClosed
	}
	defer f.leave()
	return do(int(f.sys))
}

// Close closes the connection. No event will be told any more, except by Wake. It reports whether it was the first to do
// so.
func (f *FD) Close() bool {
	if f.users.Or(closed)&closed != 0 {
		return false
	}
	f.p.remove(f)
	f.users.Add(1)
	f.leave()
	return true
}

// Wake makes Ready be called with Woken, also after Close.
func (f *FD) Wake() {
	if f.claim(Woken) {
		f.p.inject(f)
	}
}

// Again, called by Ready, makes Ready be called again with ev once it is the others' turn no more: for what is left after a
// fair share.
func (f *FD) Again(ev Event) { f.turn.Or(uint32(ev)) }

// Watch has it found out if the call of Ready that is under way blocks. It is to be called before it does what may, unless it is
// Unwatched.
func (f *FD) Watch() {
	if !f.p.awake.Load() {
		f.p.watch(f)
	}
}

// HandOver says that the call of Ready that is under way, if there is one, will take long, so that it need not be found out: others'
// turns go on, if they would have waited for it, and Blocked will not be called.
func (f *FD) HandOver() {
	if f.turn.Load()&alone == 0 {
		f.p.handOver(f)
	} else {
		f.turn.Or(excused)
	}
}

// SetTimer makes Ready be called with Due after d, or up to 50 ms later, in place of a time that was set before. Negative:
// not at all. After Close it does nothing.
func (f *FD) SetTimer(d time.Duration) { f.p.setTimer(f, d) }

// claim notes ev. If it returns true, it is the caller who must see to it that run is called.
func (f *FD) claim(ev Event) bool {
	return f.turn.Or(uint32(ev)|taken)&taken == 0
}

// run calls Ready with what is noted, after claim. What is noted meanwhile has to wait in line behind the others.
func (f *FD) run(scratch []byte) {
	f.h.Ready(Event(f.turn.Swap(taken))&^taken, scratch)
	f.rest()
}

// runAlone is run for a goroutine that does nothing else. It reports whether HandOver was called.
func (f *FD) runAlone(scratch []byte) (handedOver bool) {
	f.h.Ready(Event(f.turn.Swap(taken|alone))&^taken|Unwatched, scratch)
	handedOver = f.turn.And(^uint32(alone|excused))&excused != 0
	f.rest()
	return handedOver
}

// rest ends a turn.
func (f *FD) rest() {
	if !f.turn.CompareAndSwap(taken, 0) {
		f.p.inject(f)
	}
}

// Clock returns the time, on a clock of the poller's own, at which it last found something to do. To ask costs nothing.
func (f *FD) Clock() time.Duration { return time.Duration(f.p.clock.Load()) }

// LocalAddr returns the address of this end, or nil if it is not known, as after Close.
func (f *FD) LocalAddr() syscall.Sockaddr { return f.name(syscall.Getsockname) }

// RemoteAddr returns the address of the other end, or nil.
func (f *FD) RemoteAddr() syscall.Sockaddr { return f.name(syscall.Getpeername) }

func (f *FD) name(get func(int) (syscall.Sockaddr, error)) (name syscall.Sockaddr) {
	f.control(func(fd int) (err error) {
		name, err = get(fd)
		return err
	})
	return name
}
