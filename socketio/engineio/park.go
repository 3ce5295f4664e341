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
// with its headers, some 30 KiB in all; parked it holds less than 1 KiB. To park a request and to have its connection served on
// costs about a fifth of what an event by polling costs, so that clients to whom much is sent should be spared it. With longer
// times more is left behind of what many requests hold at once: memory in pieces that nothing else fits in.
const parkAfter = 100 * time.Millisecond

// A parked is what is left of a GET request that has waited for long: net/http has let go of its connection, and its handler
// has returned. Its watcher answers it, and gives the connection back.
type parked struct {
	conn   net.Conn
	server *http.Server // that the connection goes back to; nil: it cannot
	header string       // what is to be sent besides what all answers have
	old    bool         // HTTP/1.0
	close  bool         // the connection ends with the answer
	lost   bool         // it has ended
	early  []byte       // of a request that the client sent before this one was answered; nil: nothing has come
	next   [1]byte      // is read into

	session *Session
	poll    *poll
	polling *polling // of the session, which may have gone on to WebSocket since

	resting bool // it is on standby, whose mu guards it
	fd      int32
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

// watch waits until the client goes away, or sends something, or a deadline passes. It does nothing else: its goroutine should be
// content with the smallest stack there is, for a stack that has grown stays so.
func (k *parked) watch() {
	n, err := k.conn.Read(k.next[:])
	go k.look(n, err)
}

// wakeUp has somebody look. mu of the session is held.
func (k *parked) wakeUp() {
	k.conn.SetReadDeadline(longAgo)
	if k.rise() {
		go k.look(0, nil)
	}
}

// look sees what there is to do about a parked request, given what came of reading: to answer it, or to have it wait on.
func (k *parked) look(n int, err error) {
	s, p := k.session, k.poll
	s.mu.Lock()
	switch {
	case n > 0: // it is not known from now on whether the client is there: with net/http it would not be either
		k.early, p.wake = k.next[:], make(chan struct{}, 1)
	case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
		s.abandon(p)
		k.lost = true
	}
	for s.settle(p, k.polling); !p.answered; s.settle(p, k.polling) {
		k.conn.SetReadDeadline(time.Time{})
		if k.early == nil {
			resting := k.rest()
			s.mu.Unlock()
			if !resting {
				go k.watch()
			}
			return
		}
		s.mu.Unlock()
		<-p.wake
		s.mu.Lock()
	}
	s.answering(p, k.polling)
	s.mu.Unlock()
	k.reply()
}

// reply sends the answer.
func (k *parked) reply() {
	p := k.poll
	if k.lost {
		k.session.end(TransportError) // if there was an answer already
		k.conn.Close()
		return
	}
	k.conn.SetReadDeadline(time.Time{})
	k.close = k.close || p.leaving
	if p.refused {
		k.write("400 Bad Request", "application/json", refusal(BadRequest, BadRequest.String()))
	} else if err := k.write("200 OK", "text/plain; charset=UTF-8", p.answer); err != nil {
		k.session.end(TransportError)
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
