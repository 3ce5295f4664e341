package conformance

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// patience bounds every wait for something that must happen; it is waited out only by rows that fail.
const patience = time.Minute

// A peer is a bare socket that plays the other side of the subject, after the handshake.
type peer struct {
	nc      net.Conn
	in      *bufio.Reader
	client  bool            // the peer plays the client: it masks, and the subject ends TCP
	keys    map[[4]byte]int // the masking keys that came, counted
	deflate *deflate        // nil: permessage-deflate has not been agreed on
	out     []byte
}

func newPeer(nc net.Conn, in *bufio.Reader, client bool) *peer {
	return &peer{nc: nc, in: in, client: client, keys: make(map[[4]byte]int)}
}

// A step is a part of a row: something to send, or to expect.
type step func(*peer) error

// run takes the steps of a row.
func (p *peer) run(steps []step) error {
	for i, s := range steps {
		p.nc.SetDeadline(time.Now().Add(patience))
		if err := s(p); err != nil {
			return fmt.Errorf("step %d of %d: %w", i+1, len(steps), err)
		}
	}
	return nil
}

// write sends bytes. That the subject has had enough of them is found by reading.
func (p *peer) write(b []byte) { p.nc.Write(b) }

// An event is a message that is complete, or a control frame.
type event struct {
	frame
	frames int // that the message came in
	wire   int // bytes of payload before they were inflated
}

// next reads frames until one is a control frame or ends a message.
func (p *peer) next() (event, error) { return p.resume(event{}) }

func (p *peer) resume(e event) (event, error) {
	for {
		f, key, err := readFrame(p.in, !p.client, p.deflate != nil)
		if err != nil {
			return e, err
		}
		if !p.client {
			p.keys[key]++
		}
		switch {
		case f.op >= opClose && e.frames > 0:
			return e, fmt.Errorf("a %v came inside a message: the subject sends messages whole", f)
		case f.op >= opClose:
			return event{frame: f}, nil
		case (f.op == opCont) != (e.frames > 0):
			return e, fmt.Errorf("a %v came where none belongs", f)
		case e.frames == 0:
			e.frame = f
		default:
			e.payload = append(e.payload, f.payload...)
			e.open = f.open
		}
		e.frames++
		if !e.open {
			e.wire = len(e.payload)
			if e.rsv == rsv1 {
				e.rsv = 0
				if e.payload, err = p.deflate.inflate(e.payload); err != nil {
					return e, err
				}
			}
			return e, nil
		}
	}
}

// --- sending ---

// send writes frames at once.
func send(frames ...frame) step {
	return func(p *peer) error {
		p.write(p.encode(frames))
		return nil
	}
}

func (p *peer) encode(frames []frame) []byte {
	p.out = p.out[:0]
	for _, f := range frames {
		p.out = f.append(p.out, p.client)
	}
	return p.out
}

// sendEach writes frames one by one.
func sendEach(frames ...frame) step { return sendFrames(frames) }

func sendFrames(frames []frame) step {
	return func(p *peer) error {
		for _, f := range frames {
			p.write(p.encode([]frame{f}))
		}
		return nil
	}
}

// sendBytes writes frames byte by byte.
func sendBytes(frames ...frame) step { return sendChops(1, frames...) }

// sendChops writes frames in pieces of size bytes.
func sendChops(size int, frames ...frame) step {
	return func(p *peer) error {
		for b := p.encode(frames); len(b) > 0; {
			n := min(size, len(b))
			p.write(b[:n])
			b = b[n:]
		}
		return nil
	}
}

// sendWithout writes a frame but for its last bytes.
func sendWithout(last int, f frame) step {
	return func(p *peer) error {
		b := p.encode([]frame{f})
		p.write(b[:len(b)-last])
		return nil
	}
}

// --- expecting ---

// want expects messages and control frames, equal to those given.
func want(frames ...frame) step {
	return func(p *peer) error {
		for _, f := range frames {
			if err := p.want(f); err != nil {
				return err
			}
		}
		return nil
	}
}

func (p *peer) want(f frame) error {
	e, err := p.next()
	switch {
	case err != nil:
		return fmt.Errorf("no %v came: %w", f, err)
	case e.op != f.op || !bytes.Equal(e.payload, f.payload):
		return fmt.Errorf("a %v came, not a %v", e, f)
	}
	return nil
}

// echoed sends messages in one write each, each when the last one's echo has come.
func echoed(frames ...frame) step {
	return func(p *peer) error {
		for _, f := range frames {
			p.write(p.encode([]frame{f}))
			if err := p.want(f); err != nil {
				return err
			}
		}
		return nil
	}
}

// wantEnd expects the end of the connection, for which a client waits, and which a server brings about.
func wantEnd(p *peer) error {
	if !p.client {
		// A server is the first to close (RFC 6455 section 7.1.1). The client need not wait for it: then it has nowhere to go.
		p.nc.(interface{ CloseWrite() error }).CloseWrite()
	}
	f, _, err := readFrame(p.in, !p.client, p.deflate != nil)
	switch {
	case err == nil:
		return fmt.Errorf("a %v came after the close frame", f)
	case err != io.EOF:
		return fmt.Errorf("the connection did not end cleanly: %w", err)
	}
	return nil
}

// goodbye closes without fault: the code is echoed.
var goodbye = bye(closing(1000, ""))

// bye sends a close frame, and expects its code and the end.
func bye(f frame) step {
	return func(p *peer) error {
		p.write(p.encode([]frame{f}))
		return p.closedWith(f.code())
	}
}

// closed expects a close frame with the code of one that was sent, and the end.
func closed(code int) step { return func(p *peer) error { return p.closedWith(code) } }

func (p *peer) closedWith(code int) error {
	e, err := p.next()
	switch {
	case err != nil:
		return fmt.Errorf("no close frame came: %w", err)
	case e.op != opClose || e.code() != code:
		return fmt.Errorf("a %v came, not a close frame with %d", e, code)
	}
	return wantEnd(p)
}

// failed expects that the subject fails the connection with a code (RFC 6455 section 7.1.7), which the peer answers.
func failed(code int) step {
	return func(p *peer) error {
		e, err := p.next()
		switch {
		case err != nil:
			return fmt.Errorf("no close frame came: %w", err)
		case e.op != opClose || e.code() != code:
			return fmt.Errorf("a %v came, not a close frame with %d", e, code)
		}
		p.write(p.encode([]frame{closing(code, "")}))
		return wantEnd(p)
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}
