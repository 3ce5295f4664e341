package engineio

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// parkAfter is how long a GET request waits in its handler. There it holds two goroutines, two buffers of 4 KiB, and the request
// with its headers, 30 KiB in all; parked it holds a tenth of that. To park a request and to serve its connection on costs about
// as much as another request would, so that those of clients to whom something is sent every now and then are left alone.
const parkAfter = time.Second

// A parked is what is left of a GET request that has waited for long: net/http has let go of its connection, and its handler
// has returned. Its watcher answers it, and gives the connection back.
type parked struct {
	conn   net.Conn
	server *http.Server // that the connection goes back to; nil: it cannot
	header string       // what is to be sent besides what all answers have
	old    bool         // HTTP/1.0
	close  bool         // the connection ends with the answer
	early  []byte       // of a request that the client sent before this one was answered; nil: nothing has come
	next   [1]byte      // is read into
}

// park takes a request off net/http, if it lets go of it: not with HTTP/2, nor behind what hides http.Hijacker.
func park(w http.ResponseWriter, r *http.Request) *parked {
	if r.ContentLength != 0 { // its body would be taken for the next request
		return nil
	}
	h := w.Header()
	k := &parked{old: !r.ProtoAtLeast(1, 1), close: r.Close || !r.ProtoAtLeast(1, 1) || h.Get("Connection") != ""}
	if len(h) > 0 {
		var b bytes.Buffer
		h.WriteSubset(&b, map[string]bool{"Content-Type": true, "Content-Length": true, "Cache-Control": true, "Connection": true, "Date": true})
		k.header = b.String()
	}
	conn, rw, err := http.NewResponseController(w).Hijack() // which ends the deadlines, too
	if err != nil {
		return nil
	}
	k.conn = conn
	if n := rw.Reader.Buffered(); n > 0 {
		k.early = make([]byte, n)
		io.ReadFull(rw.Reader, k.early)
	}
	k.server, _ = r.Context().Value(http.ServerContextKey).(*http.Server)
	_, encrypted := conn.(*tls.Conn)
	k.close = k.close || k.server == nil || encrypted && k.early != nil
	return k
}

// longAgo is a deadline that makes reads return.
var longAgo = time.Unix(1, 0)

// watch waits for something to tell, or for the client to go away; then it answers a parked request.
func (s *Session) watch(p *poll, q *polling) {
	for !s.due(p, q) {
		if p.parked.early != nil { // it is not known any more whether the client is there: net/http has it so, too
			<-p.wake
			continue
		}
		n, err := p.parked.conn.Read(p.parked.next[:])
		switch {
		case n > 0:
			p.parked.early = p.parked.next[:]
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			s.mu.Lock()
			s.abandon(p)
			s.mu.Unlock()
		}
	}
	s.reply(p, q)
}

// due reports whether a parked request is to be answered, and else has it wait again.
func (s *Session) due(p *poll, q *polling) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(p, q)
	p.parked.conn.SetReadDeadline(time.Time{})
	return p.answered
}

// reply answers a parked request.
func (s *Session) reply(p *poll, q *polling) {
	s.mu.Lock()
	s.answering(p, q)
	s.mu.Unlock()
	k := p.parked
	k.close = k.close || p.leaving
	if p.refused {
		k.write("400 Bad Request", "application/json", refusal(BadRequest, BadRequest.String()))
	} else if err := k.write("200 OK", "text/plain; charset=UTF-8", p.answer); err != nil {
		s.end(TransportError)
		k.close = true
	}
	k.giveBack()
}

// write sends the answer, which has the same header fields as net/http sends for other requests.
func (k *parked) write(status, contentType string, body []byte) error {
	version, connection := "1.1", ""
	if k.old {
		version = "1.0"
	} else if k.close {
		connection = "Connection: close\r\n"
	}
	b := make([]byte, 0, 256+len(k.header)+len(body))
	b = fmt.Appendf(b, "HTTP/%s %s\r\n%sContent-Type: %s\r\nContent-Length: %d\r\nCache-Control: no-store\r\n%sDate: ",
		version, status, k.header, contentType, len(body), connection)
	b = append(time.Now().UTC().AppendFormat(b, http.TimeFormat), "\r\n\r\n"...)
	k.conn.SetWriteDeadline(time.Now().Add(pollWriteTime))
	_, err := k.conn.Write(append(b, body...))
	k.conn.SetWriteDeadline(time.Time{})
	return err
}

// leaveTaking is how long a connection that ends is read from: closed with something unread it would be reset, and the answer
// lost if the client had not got it yet.
const leaveTaking = 500 * time.Millisecond

// giveBack has net/http serve the connection on, or ends it.
func (k *parked) giveBack() {
	if !k.close {
		l := &listener{conn: k.conn, addr: k.conn.LocalAddr()}
		if k.early != nil {
			l.conn = &resumed{Conn: k.conn, early: k.early}
		}
		k.server.Serve(l) // which another goroutine does; it returns at once
		if l.conn == nil {
			return
		} // it is shutting down
	}
	if c, ok := k.conn.(interface{ CloseWrite() error }); ok && c.CloseWrite() == nil {
		k.conn.SetReadDeadline(time.Now().Add(leaveTaking))
		io.Copy(io.Discard, k.conn)
	}
	k.conn.Close()
}

// A listener accepts one connection.
type listener struct {
	conn net.Conn // nil once it is accepted
	addr net.Addr
}

var errAccepted = errors.New("engineio: the one connection is accepted")

func (l *listener) Accept() (net.Conn, error) {
	conn := l.conn
	if conn == nil {
		return nil, errAccepted
	}
	l.conn = nil
	return conn, nil
}

func (l *listener) Close() error   { return nil }
func (l *listener) Addr() net.Addr { return l.addr }

// A resumed is a connection from which something was read already.
type resumed struct {
	net.Conn
	early []byte
}

func (r *resumed) Read(p []byte) (int, error) {
	if len(r.early) == 0 {
		return r.Conn.Read(p)
	}
	n := copy(p, r.early)
	r.early = r.early[n:]
	return n, nil
}
