// Package poll waits for many sockets at once with a handful of goroutines, and calls a handler for each that has something
// to do. A socket that is idle costs a slot of 24 bytes, no goroutine and no buffer.
//
// Handlers run on the goroutine that polls, one at a time for each socket: what arrives is worked through with no switch of
// goroutines in between. A handler that blocks is found out within some milliseconds; another goroutine then takes the
// polling over, so that no other socket waits for it.
//
// Supported tells whether there is an implementation for the system: there is one for Linux, on epoll.
package poll

import "errors"

// Event says why Handler.Ready is called. More than one may hold.
type Event uint32

const (
	// Readable: bytes or the end of the stream may be there to be read. It comes once for what has arrived: read until
	// ErrAgain, or until a read gave less than was asked for, or call FD.Again.
	Readable Event = 1 << iota
	// HungUp comes with Readable: the peer has ended its direction, or the connection has failed. A read that gives less
	// than was asked for does not mean that nothing is left then: read until an error.
	HungUp
	// Due: the time given to FD.SetTimer has come.
	Due
	// Woken: FD.Wake was called.
	Woken
	// Unwatched: this call of Ready makes nobody wait. Blocked will not be called during it.
	Unwatched
)

// A Handler is what an FD calls.
type Handler interface {
	// Ready is called when something has happened: one call at a time, and none after that which saw the FD closed unless
	// Wake is called. It may block, once it has called FD.Watch, which makes other events of its own FD wait, and nobody else's.
	// scratch is memory to read into, good until Ready returns.
	Ready(ev Event, scratch []byte)

	// Writable is called when a socket that had no room for what was written to it has room again: possibly during a call
	// of Ready. It must not block.
	Writable()

	// Blocked is called when Ready has been running for long after FD.Watch, at most once for each call of it, and while it still runs or
	// has just returned. It must not block.
	Blocked()
}

var (
	// ErrAgain: nothing can be read, or written, just now. An event will come when that changes.
	ErrAgain = errors.New("poll: not now")
	// ErrClosed: the FD was closed on this side.
	ErrClosed = errors.New("poll: closed")
)
