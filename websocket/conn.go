package websocket

import (
	"cmp"
	"context"
	"crypto/tls"
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
	nc          net.Conn // guarded by mu, or either token; Handle puts another in its place
	subprotocol string
	settings    *settings    // nil: all as usual
	compression *compression // nil: none was agreed on

	blocking atomic.Pointer[blocking] // nil: in event mode
	parked   atomic.Pointer[parked]   // in event mode

	// Reading: for whoever has readToken.
	machine   proto.Machine
	rd        *reading // nil while there is nothing to know about what has been read
	readLimit atomic.Int64

	broken error // for whoever has frameToken: what made sending fail

	mu       sync.Mutex
	cause    error                    // of the end, once it is known
	waiters  *waiter                  // for tokens, the first
	pongs    map[uint32]chan struct{} // who waits for which pong
	doneChan chan struct{}            // see done
	backlog  *backlog                 // nil: none
	lastPing uint32                   // the number of our last ping
	held     token                    // the tokens that are taken

	closeSent bool // for whoever has frameToken: nothing follows a close frame
	role      proto.Role
	large     step        // for whoever has readToken: of the last message over firstStep
	handled   atomic.Bool // given to Handle
	closing   atomic.Bool // the close handshake has begun, from whichever side
	lost      atomic.Bool // the keepalive has given up on the peer
	ended     atomic.Bool // the connection is closed; cause is known then, and does not change
}

// blocking is what a connection has that is not in event mode.
type blocking struct {
	keepalive *keepalive // nil: off
	sock      socket
	readIntr  interrupter
	writeIntr interrupter
	replies   atomic.Pointer[replies] // nil: there have never been any
	closeRead context.Context         // what CloseRead returned; guarded by Conn.mu
	secure    bool                    // the network connection is TLS, which has buffers of its own
}

// settings are what options say that few programs set.
type settings struct {
	onPing    func(context.Context, []byte) bool
	onPong    func(context.Context, []byte)
	sendLimit int
	slowPeer  SlowPeerPolicy
}

type connConfig struct {
	role                                proto.Role
	subprotocol                         string
	early                               []byte // received already, copied
	settings                            settings
	keepaliveInterval, keepaliveTimeout time.Duration
	maxFragments                        int
	compression                         *compression
}

func newConn(nc net.Conn, cfg *connConfig) *Conn {
	if lc, ok := nc.(*listenedConn); ok { // there is no TLS in between: it need not be there
		nc = lc.conn()
	}
	b := new(blocking)
	b.sock.init(nc)
	_, b.secure = nc.(*tls.Conn)
	b.writeIntr.writes = true
	c := &Conn{nc: nc}
	c.configure(cfg)
	c.prefill(cfg.early)
	b.keepalive = newKeepalive(cfg.keepaliveInterval, cfg.keepaliveTimeout)
	c.blocking.Store(b)
	b.keepalive.start(c)
	return c
}

// configure has c do as cfg says, before anybody knows of it.
func (c *Conn) configure(cfg *connConfig) {
	c.role, c.subprotocol, c.compression = cfg.role, cfg.subprotocol, cfg.compression
	c.machine = proto.New(proto.Config{
		Role:         cfg.role,
		Limit:        defaultReadLimit,
		MaxFragments: cmp.Or(cfg.maxFragments, defaultMaxFragments),
		RSV1:         cfg.compression != nil,
	})
	if s := cfg.settings; s.onPing != nil || s.onPong != nil || s.sendLimit > 0 || s.slowPeer != SlowPeerClose {
		c.settings = &s
	}
	c.readLimit.Store(defaultReadLimit)
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
	c.mu.Lock()
	defer c.mu.Unlock()
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
	c.closing.Store(true)
	c.stopKeepalive()
	c.mu.Lock()
	if c.ended.Load() {
		c.mu.Unlock()
		return false
	}
	if c.cause == nil {
		c.cause = why
	}
	c.ended.Store(true) // before the calls that are blocked fail: they look here for the reason
	c.refuse()
	if c.doneChan != nil {
		close(c.doneChan)
	}
	c.mu.Unlock()
	first()
	c.transport().Close()
	c.releaseCompression()
	return true
}

// transport returns the network connection, which Handle may put another in the place of.
func (c *Conn) transport() net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
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
func (c *Conn) isClosed() bool { return c.ended.Load() }

// closedErr is what calls return once the connection is closed; it matches net.ErrClosed and what closed it.
func (c *Conn) closedErr() error {
	if c.cause == net.ErrClosed {
		return errClosedHere
	}
	return closedError{c.cause}
}

var errClosedHere = fmt.Errorf("websocket: the connection has been closed on this side: %w", net.ErrClosed)

// A closedError is a call on a connection that something ended before.
type closedError struct{ cause error }

func (e closedError) Error() string        { return e.cause.Error() }
func (e closedError) Unwrap() error        { return e.cause }
func (e closedError) Is(target error) bool { return target == net.ErrClosed }
