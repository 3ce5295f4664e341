package socketio

import (
	"errors"

	"github.com/seed-4a326f83/parley/socketio/engineio"
)

var (
	// ErrDisconnected is returned for sockets that are not connected, or not any more.
	ErrDisconnected = errors.New("socketio: the socket is not connected")
	// ErrReserved is returned for names of events that either side has for what happens by itself.
	ErrReserved = errors.New("socketio: the name of the event is reserved: choose another")
	// ErrTooManyAttachments is returned for events and acks with more binary attachments than clients take, which is 10.
	ErrTooManyAttachments = errors.New("socketio: more than 10 binary attachments: send several events")
	// ErrTimeout is returned for acks that did not come in time.
	ErrTimeout = errors.New("socketio: the client did not acknowledge the event in time")
	// ErrNoAck is returned by Event.Ack if the client wants no acknowledgement, or has got it.
	ErrNoAck = errors.New("socketio: the event wants no acknowledgement, or has one")
	// ErrSlowClient is returned for clients that take too little, and are disconnected.
	ErrSlowClient = engineio.ErrSendLimit
)

// A Reason says why a socket was disconnected, in the words of Socket.IO.
type Reason = engineio.Reason

const (
	// ClientDisconnect: the client left the namespace.
	ClientDisconnect Reason = "client namespace disconnect"
	// ServerDisconnect: Socket.Disconnect was called.
	ServerDisconnect Reason = "server namespace disconnect"
	// HandlerPanic: a handler of the socket panicked.
	HandlerPanic Reason = "server error"
)

// A ConnectError is an error with which a middleware refuses a socket, and tells the client more than a text.
type ConnectError struct {
	Message string
	Data    any // anything that JSON can hold
	// Close says that the connection is to be closed once the client was told, so that another try costs it a handshake.
	Close bool
}

func (e *ConnectError) Error() string { return e.Message }
