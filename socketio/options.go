package socketio

import (
	"log/slog"
	"time"

	"github.com/seed-4a326f83/parley/socketio/engineio"
)

// Options are the options of a Server. nil and the zero value mean the defaults.
type Options struct {
	// Engine are the options of what is below: transports, heartbeat, limits, origins, and AllowRequest, which sees the
	// HTTP request of each connection before it is answered.
	Engine engineio.Options

	// ConnectTimeout is how long a client may take from the handshake until it is connected to a namespace. 0 means 45 s.
	ConnectTimeout time.Duration

	// Recovery, if set, has clients that come back soon get what they missed.
	Recovery *RecoveryOptions

	// OnOpen, if set, is called when a connection has begun, before anything that comes over it, with the value that
	// AllowRequest returned. If it panics, the connection is closed.
	OnOpen func(value any, conn *engineio.Session)

	// OnClose, if set, is called when a connection has ended that AllowRequest had allowed, with the value that it returned,
	// whether any socket was connected or not.
	OnClose func(value any)

	// Logger gets the panics of handlers, and of the functions above. nil means slog.Default().
	Logger *slog.Logger
}

// RecoveryOptions say how far a client that comes back after it lost its connection gets its rooms, its data and the events
// that it missed. Each event that is not volatile has one more argument then, a string at the end, by which clients say up
// to where they have got. A client that comes back before it is known that it was away takes the place of the connection that
// it had, which ends.
type RecoveryOptions struct {
	// MaxDisconnection is how long it may have been away. 0 means 2 minutes.
	MaxDisconnection time.Duration

	// MaxBytes is the most memory, about, that the events of a namespace that may be missed take; the oldest are forgotten
	// first, and who would need one is not recovered. 0 means 16 MiB.
	MaxBytes int

	// MaxSessions is the most clients of a namespace that are remembered while they are away. 0 means 10,000.
	MaxSessions int

	// SkipMiddlewares says that the namespace's middlewares are not asked about a client that is recovered.
	SkipMiddlewares bool
}

const (
	defaultConnectTimeout   = 45 * time.Second
	defaultMaxDisconnection = 2 * time.Minute
	defaultRecoveryBytes    = 16 << 20
	defaultRecoverySessions = 10_000
)
