package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// A pollSession is a Socket.IO session by polling, as browsers have it: one connection for GET requests, of which one always
// waits, and one for POST requests.
type pollSession struct {
	get, post answer
	ask       []byte // the GET request
	done      int    // 2: the event was taken, and has come back
}

// An answer is what has come of an answer on a connection.
type answer struct {
	fd  int
	got []byte
}

// receive takes what has come, and returns the body of the answer if that is complete: nil if not.
func (a *answer) receive(buf []byte) ([]byte, error) {
	n, err := receive(a.fd, buf)
	switch {
	case err == unix.EAGAIN:
		return nil, nil
	case err != nil || n == 0:
		return nil, fmt.Errorf("the server has sent %.300q, and then %w", a.got, orEOF(err))
	}
	a.got = append(a.got, buf[:n]...)
	head := bytes.Index(a.got, []byte("\r\n\r\n"))
	if head < 0 {
		return nil, nil
	}
	length, err := contentLength(a.got[:head+2])
	if err != nil {
		return nil, err
	}
	switch body := a.got[head+4:]; {
	case len(body) < length:
		return nil, nil
	case len(body) > length:
		return nil, fmt.Errorf("the server has sent more than an answer: %.300q", a.got)
	default:
		a.got = a.got[:0]
		return body, nil
	}
}

// contentLength is that of an answer, which must be 200.
func contentLength(head []byte) (int, error) {
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) {
		return 0, fmt.Errorf("the server answers %.300q", head)
	}
	for _, name := range []string{"\r\nContent-Length: ", "\r\ncontent-length: "} {
		if _, after, ok := bytes.Cut(head, []byte(name)); ok {
			value, _, _ := bytes.Cut(after, []byte("\r\n"))
			return strconv.Atoi(string(value))
		}
	}
	return 0, fmt.Errorf("the server answers without a Content-Length: %.300q", head)
}

// wait waits for an answer.
func (a *answer) wait(buf []byte) ([]byte, error) {
	for {
		if err := waitFor(a.fd, unix.POLLIN); err != nil {
			return nil, err
		}
		if body, err := a.receive(buf); body != nil || err != nil {
			return body, err
		}
	}
}

func getRequest(o options, query string) []byte {
	return fmt.Appendf(nil, "GET %s?EIO=4&transport=polling%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: parley-bench\r\nAccept: */*\r\n"+
		"Origin: http://%s\r\n\r\n", o.path, query, o.addr, o.addr)
}

func postRequest(o options, query, body string) []byte {
	return fmt.Appendf(nil, "POST %s?EIO=4&transport=polling%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: parley-bench\r\nAccept: */*\r\n"+
		"Origin: http://%s\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: %d\r\n\r\n%s", o.path, query, o.addr, o.addr, len(body), body)
}

// openPolling opens a session, connects it to the main namespace, and has a GET request wait. It returns the request that posts
// the event.
func openPolling(o options, n int, buf []byte) (s *pollSession, post []byte, err error) {
	s = new(pollSession)
	for _, a := range []*answer{&s.get, &s.post} {
		if a.fd, err = connect(o.addr, n/connsPerAddress); err != nil {
			return nil, nil, err
		}
		reset(a.fd)
	}
	if err := sendAll(s.get.fd, getRequest(o, "")); err != nil {
		return nil, nil, err
	}
	body, err := s.get.wait(buf)
	if err != nil {
		return nil, nil, err
	}
	var handshake struct{ SID string }
	if len(body) == 0 || json.Unmarshal(body[1:], &handshake) != nil || handshake.SID == "" {
		return nil, nil, fmt.Errorf("the server begins a session with %.300q", body)
	}
	query := "&sid=" + handshake.SID
	s.ask = getRequest(o, query)
	for _, step := range []struct {
		a       *answer
		request []byte
		want    string
	}{{&s.post, postRequest(o, query, "40"), "ok"}, {&s.get, s.ask, "40{"}} {
		if err := sendAll(step.a.fd, step.request); err != nil {
			return nil, nil, err
		}
		if body, err := step.a.wait(buf); err != nil || !bytes.HasPrefix(body, []byte(step.want)) {
			return nil, nil, fmt.Errorf("the server answers %.100q, not %q: %w", body, step.want, orEOF(err))
		}
	}
	return s, postRequest(o, query, string(content(o.content, o.size))), sendAll(s.get.fd, s.ask)
}

// check takes the answer on one of the session's connections, if it is complete, and reports whether the event is back.
func (s *pollSession) check(a *answer, buf, want []byte) (bool, error) {
	body, err := a.receive(buf)
	if body == nil || err != nil {
		return false, err
	}
	if a == &s.post {
		want = []byte("ok")
	}
	if !bytes.Equal(body, want) {
		return false, fmt.Errorf("the server answers %.200q, not %.200q", body, want)
	}
	if a == &s.get {
		if err := sendAll(a.fd, s.ask); err != nil {
			return false, err
		}
	}
	s.done++
	return s.done%2 == 0, nil
}

// polled is echo by polling, with one event on its way in each session.
func polled(o options) (result, error) {
	raiseLimit()
	p, err := newPoller()
	if err != nil {
		return result{}, err
	}
	want := content(o.content, o.size)
	sessions, posts := make([]*pollSession, o.conns), make([][]byte, o.conns)
	buf := make([]byte, 4096)
	for i := range sessions {
		s, post, err := openPolling(o, i, buf)
		if err != nil {
			return result{}, err
		}
		sessions[i], posts[i] = s, post
		if err := firstOf(p.add(s.get.fd, 2*i), p.add(s.post.fd, 2*i+1), sendAll(s.post.fd, post)); err != nil {
			return result{}, err
		}
	}
	units := int64(0)
	for watch := newStopwatch(o); ; {
		events, err := p.wait()
		if err != nil {
			return result{}, err
		}
		for _, e := range events {
			i := int(e.Fd) / 2
			s := sessions[i]
			a := &s.get
			if e.Fd%2 == 1 {
				a = &s.post
			}
			back, err := s.check(a, buf, want)
			if back {
				units++
				err = sendAll(s.post.fd, posts[i])
			}
			if err != nil {
				return result{}, err
			}
		}
		if r, over, err := watch.look(units); over || err != nil {
			return r, err
		}
	}
}

// quiet is how long a session by polling has nothing to tell before it counts as idle. Servers may have to see that it is.
const quiet = 2 * time.Second

// talkPolling is talk by polling. The connections for POST requests are closed then, as clients do after a while.
func talkPolling(o options) error {
	want := content(o.content, o.size)
	buf := make([]byte, 4096)
	for i := range o.conns {
		s, post, err := openPolling(o, i, buf)
		if err != nil {
			return err
		}
		for range words {
			if err := sendAll(s.post.fd, post); err != nil {
				return err
			}
			for _, a := range []*answer{&s.post, &s.get} {
				if err := waitFor(a.fd, unix.POLLIN); err != nil {
					return err
				}
				for target := s.done + 1; s.done < target; {
					if _, err := s.check(a, buf, want); err != nil {
						return err
					}
				}
			}
		}
		unix.Close(s.post.fd)
	}
	time.Sleep(quiet)
	return nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
