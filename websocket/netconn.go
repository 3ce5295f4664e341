package websocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// NetConn makes a net.Conn of c, for protocols that want a stream of bytes. Each Write sends a message of type typ, of which
// Read hands out the bytes one after the other. ctx bounds all of it.
//
// A message of the other type closes the connection with StatusUnsupportedData. StatusNormalClosure and StatusGoingAway from
// the peer read as io.EOF. Close closes with StatusNormalClosure. The read limit is taken off, as a stream knows no
// messages.
//
// A read deadline leaves the connection good, as with any net.Conn; a write deadline that hits while a message is half
// sent closes it. The addresses are those of the network connection, where it is known.
func NetConn(ctx context.Context, c *Conn, typ MessageType) net.Conn {
	c.SetReadLimit(-1)
	n := &netConn{c: c, typ: typ}
	n.readDeadline.start(ctx)
	n.writeDeadline.start(ctx)
	return n
}

type netConn struct {
	c             *Conn
	typ           MessageType
	readDeadline  deadline
	writeDeadline deadline

	readMu sync.Mutex
	reader io.Reader // of a message that has not ended
}

func (n *netConn) Read(p []byte) (int, error) {
	n.readMu.Lock()
	defer n.readMu.Unlock()
	ctx := n.readDeadline.context()
	for {
		if n.reader == nil {
			typ, r, err := n.c.Reader(ctx)
			switch {
			case isNormal(CloseStatus(err)):
				return 0, io.EOF
			case err != nil:
				return 0, deadlineError(ctx, err)
			case typ != n.typ&^(Compressed|Uncompressed):
				err := fmt.Errorf("websocket: closed with %d: the peer sent a %v instead of a %v", StatusUnsupportedData, typ, n.typ)
				n.c.Close(StatusUnsupportedData, "unexpected type of message")
				return 0, err
			}
			n.reader = r
		}
		read, err := n.reader.Read(p)
		if err != nil {
			n.reader = nil // at its end; or the next Reader goes on with the message
		}
		switch {
		case err == nil, read > 0:
			return read, nil
		case err != io.EOF:
			return 0, deadlineError(ctx, err)
		}
	}
}

func (n *netConn) Write(p []byte) (int, error) {
	ctx := n.writeDeadline.context()
	if err := n.c.Write(ctx, n.typ, p); err != nil {
		return 0, deadlineError(ctx, err)
	}
	return len(p), nil
}

func (n *netConn) Close() error {
	err := n.c.Close(StatusNormalClosure, "")
	n.readDeadline.stop()
	n.writeDeadline.stop()
	return err
}

func (n *netConn) LocalAddr() net.Addr  { return n.c.transport().LocalAddr() }
func (n *netConn) RemoteAddr() net.Addr { return n.c.transport().RemoteAddr() }

func (n *netConn) SetDeadline(t time.Time) error {
	n.readDeadline.set(t)
	n.writeDeadline.set(t)
	return nil
}

func (n *netConn) SetReadDeadline(t time.Time) error {
	n.readDeadline.set(t)
	return nil
}

func (n *netConn) SetWriteDeadline(t time.Time) error {
	n.writeDeadline.set(t)
	return nil
}

// deadlineError returns os.ErrDeadlineExceeded in place of err if that is why ctx ended.
func deadlineError(ctx context.Context, err error) error {
	if errors.Is(err, context.Canceled) && context.Cause(ctx) == os.ErrDeadlineExceeded {
		return os.ErrDeadlineExceeded
	}
	return err
}

// A deadline is a context that ends at a time that may be moved, also back to the future.
type deadline struct {
	mu     sync.Mutex
	parent context.Context
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	round  int // of set: a timer that is late must not hit the next one
}

func (d *deadline) start(parent context.Context) {
	d.parent = parent
	d.ctx, d.cancel = context.WithCancelCause(parent)
}

func (d *deadline) context() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ctx
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.round++
	if d.timer != nil {
		d.timer.Stop()
	}
	if d.ctx.Err() != nil {
		d.ctx, d.cancel = context.WithCancelCause(d.parent)
	}
	if t.IsZero() {
		return
	}
	round := d.round
	d.timer = time.AfterFunc(time.Until(t), func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.round == round {
			d.cancel(os.ErrDeadlineExceeded)
		}
	})
}

// stop lets go of the timer and of the parent.
func (d *deadline) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.round++
	if d.timer != nil {
		d.timer.Stop()
	}
	d.cancel(net.ErrClosed)
}
