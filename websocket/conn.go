package websocket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

const (
	// defaultReadLimit is what SetReadLimit starts from.
	defaultReadLimit = 1 << 20
	// defaultMaxFragments is what MaxFragments 0 means.
	defaultMaxFragments = 1024
	// closeTimeout bounds each half of a close handshake: getting our close frame out, and waiting for the peer's.
	closeTimeout = 5 * time.Second
)

// ErrMessageTooBig is in the error of a read whose message is over the read limit. The connection has been closed with
// StatusMessageTooBig then.
var ErrMessageTooBig = errors.New("message over the read limit")

// ErrConcurrentRead is returned by a read while another one is under way: one goroutine reads. The connection is not harmed.
var ErrConcurrentRead = errors.New("websocket: another goroutine is reading from this connection")

// A Conn is a WebSocket connection, made by Accept or Dial.
//
// Any number of goroutines may call its methods, but one at a time may read (Reader, Read, Messages, and the reader that
// Reader returns); a second read returns ErrConcurrentRead.
//
// Somebody must read: pings are answered, pongs noticed and the peer's close seen by reads alone. If no messages are
// expected, use CloseRead. A Conn must be ended with Close or CloseNow, unless a read has returned an error that matches
// net.ErrClosed: then it is closed. CloseNow in a defer is right in any case.
type Conn struct {
	nc          net.Conn
	role        proto.Role
	subprotocol string
	onPing      func(context.Context, []byte) bool
	onPong      func(context.Context, []byte)
	keepalive   keepalive

	// Reading: rd belongs to whoever holds readTok.
	readTok   chan struct{}
	rd        reading
	readLimit atomic.Int64
	readIntr  interrupter
	closeRead closeRead

	// Writing: msgTok is held for a message, frameTok for a frame. Whoever wants both takes msgTok first.
	msgTok    chan struct{}
	frameTok  chan struct{}
	closeSent bool  // by the holder of frameTok: nothing follows a close frame
	broken    error // by the holder of frameTok: what made sending fail
	writeIntr interrupter
	replies   replies
	pings     pings

	compression *compression // nil: none was agreed on

	handled atomic.Bool            // given to Handle
	parked  atomic.Pointer[parked] // in event mode, where there is no goroutine

	closing atomic.Bool   // the close handshake has begun, from whichever side
	lost    atomic.Bool   // the keepalive has given up on the peer
	closed  chan struct{} // closed when nc is
	once    sync.Once
	causeMu sync.Mutex
	cause   error // of the end, once it is known
	err     error // cause, when closed is closed
}

type connConfig struct {
	role                                proto.Role
	subprotocol                         string
	early                               []byte // received already, copied
	onPing                              func(context.Context, []byte) bool
	onPong                              func(context.Context, []byte)
	keepaliveInterval, keepaliveTimeout time.Duration
	maxFragments                        int
	compression                         *compression
}

func newConn(nc net.Conn, cfg connConfig) *Conn {
	if cfg.maxFragments == 0 {
		cfg.maxFragments = defaultMaxFragments
	}
	c := &Conn{
		nc:          nc,
		role:        cfg.role,
		subprotocol: cfg.subprotocol,
		onPing:      cfg.onPing,
		onPong:      cfg.onPong,
		readTok:     make(chan struct{}, 1),
		msgTok:      make(chan struct{}, 1),
		frameTok:    make(chan struct{}, 1),
		compression: cfg.compression,
		closed:      make(chan struct{}),
	}
	c.readLimit.Store(defaultReadLimit)
	c.rd.machine = proto.New(proto.Config{
		Role:         cfg.role,
		Limit:        defaultReadLimit,
		MaxFragments: cfg.maxFragments,
		RSV1:         cfg.compression != nil,
	})
	c.rd.prefill(cfg.early)
	c.readIntr.set = nc.SetReadDeadline
	c.writeIntr.set = nc.SetWriteDeadline
	c.keepalive.start(c, cfg.keepaliveInterval, cfg.keepaliveTimeout)
	return c
}

// Subprotocol returns the subprotocol agreed on in the handshake, or "" if there is none.
func (c *Conn) Subprotocol() string { return c.subprotocol }

// SetReadLimit sets the most bytes a message may have, from the next frame on; 1 MiB to begin with. A peer that sends more
// is closed with StatusMessageTooBig, and the read returns an error that matches ErrMessageTooBig: as soon as the length
// that it declares tells, or for a compressed message, whose bytes are counted as they are inflated, when the first byte
// that is too many would be. Negative: no limit.
func (c *Conn) SetReadLimit(n int64) { c.readLimit.Store(n) }

// CloseNow closes the connection without a close handshake; the peer sees it as StatusAbnormalClosure. Blocked calls
// return. It returns an error that matches net.ErrClosed if the connection was closed already.
func (c *Conn) CloseNow() error {
	if !c.teardown(net.ErrClosed) {
		return c.closedErr()
	}
	return nil
}

// because notes why the connection is about to end, unless that is known already: what comes of ending it is not the cause.
func (c *Conn) because(why error) error {
	c.causeMu.Lock()
	defer c.causeMu.Unlock()
	if c.cause == nil {
		c.cause = why
	}
	return c.cause
}

// teardown closes the network connection, once. The cause, which is why if none was known, is what later calls return. It
// reports whether it was the one to do it.
func (c *Conn) teardown(why error) bool { return c.end(why, func() {}) }

// abort is teardown for a peer that does not answer: what the kernel still holds for it is dropped, not kept and resent for
// minutes.
func (c *Conn) abort(why error) { c.end(why, c.reset) }

func (c *Conn) end(why error, first func()) bool {
	did := false
	c.once.Do(func() {
		did = true
		c.err = c.because(why)
		c.closing.Store(true)
		c.keepalive.stop()
		close(c.closed) // before the calls that are blocked fail: they look here for the reason
		first()
		c.transport().Close()
		c.releaseCompression()
	})
	return did
}

// transport returns the network connection, which Handle may put another in the place of.
func (c *Conn) transport() net.Conn {
	c.causeMu.Lock()
	defer c.causeMu.Unlock()
	return c.nc
}

// reset closes the connection at the bottom.
func (c *Conn) reset() {
	nc := c.transport()
	for {
		under, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		nc = under.NetConn()
	}
	if tcp, ok := nc.(interface{ SetLinger(int) error }); ok {
		tcp.SetLinger(0)
	}
	nc.Close() // before TLS above it could try to say goodbye
}

// isClosed reports whether teardown has been done.
func (c *Conn) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// closedErr is what calls return once the connection is closed; it matches net.ErrClosed and what closed it.
func (c *Conn) closedErr() error {
	if c.err == net.ErrClosed {
		return errClosedHere
	}
	return closedError{c.err}
}

var errClosedHere = fmt.Errorf("websocket: the connection has been closed on this side: %w", net.ErrClosed)

// A closedError is a call on a connection that something ended before.
type closedError struct{ cause error }

func (e closedError) Error() string        { return e.cause.Error() }
func (e closedError) Unwrap() error        { return e.cause }
func (e closedError) Is(target error) bool { return target == net.ErrClosed }

// take takes a token, waiting for it until ctx ends or the connection is closed.
func (c *Conn) take(ctx context.Context, tok chan struct{}) error {
	if c.isClosed() {
		return c.closedErr()
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("websocket: %w", err)
	}
	select {
	case tok <- struct{}{}:
		return nil
	default:
	}
	select {
	case tok <- struct{}{}:
		return nil
	case <-c.closed:
		return c.closedErr()
	case <-ctx.Done():
		return fmt.Errorf("websocket: %w", ctx.Err())
	}
}
