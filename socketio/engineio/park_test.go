package engineio_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/internal/memnet"
	"github.com/seed-4a326f83/parley/socketio/engineio"
	"github.com/seed-4a326f83/parley/websocket"
)

// A site is a server on the system's network, where GET requests are parked at once, and a client's connection to it.
type site struct {
	t      *testing.T
	http   *http.Server
	addr   string
	secure bool
	engine *engineio.Server
	opened chan *engineio.Session
	ended  chan engineio.Reason
	parked chan struct{} // one more for each request that was

	conn net.Conn
	in   *bufio.Reader
}

func (s *site) OnOpen(session *engineio.Session) { s.opened <- session }

func (s *site) OnMessage(session *engineio.Session, _ websocket.MessageType, data []byte) {
	session.Send(engineio.Text(data))
}

func (s *site) OnClose(_ *engineio.Session, reason engineio.Reason) { s.ended <- reason }

// onSites runs a test with a site that has no TLS, and with one that has.
func onSites(t *testing.T, test func(t *testing.T, s *site)) {
	for _, encrypted := range []bool{false, true} {
		t.Run(fmt.Sprintf("TLS=%v", encrypted), func(t *testing.T) {
			s := &site{t: t, secure: encrypted,
				opened: make(chan *engineio.Session, 10), ended: make(chan engineio.Reason, 10), parked: make(chan struct{}, 100)}
			s.engine = engineio.NewServer(&engineio.Options{AnyOrigin: true, Credentials: true}, s)
			s.engine.ParkAtOnce()
			// It is no httptest.Server: that must not be closed while a connection is given back.
			s.http = &http.Server{Handler: s.engine, ConnState: func(_ net.Conn, state http.ConnState) {
				if state == http.StateHijacked {
					s.parked <- struct{}{}
				}
			}}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s.addr = l.Addr().String()
			if encrypted {
				owner := httptest.NewTLSServer(nil) // of a certificate
				l = tls.NewListener(l, &tls.Config{Certificates: owner.TLS.Certificates})
				owner.Close()
			}
			go s.http.Serve(l)
			t.Cleanup(func() {
				s.engine.Close()
				s.http.Close()
			})
			s.dial()
			test(t, s)
		})
	}
}

// dial has the site go on with a new connection.
func (s *site) dial() {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	if s.secure {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	}
	s.conn, s.in = conn, bufio.NewReader(conn)
}

func (s *site) request(method, sid, version, more, body string) string {
	if sid != "" {
		sid = "&sid=" + sid
	}
	if body != "" {
		more += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return fmt.Sprintf("%s /engine.io/?EIO=4&transport=polling%s HTTP/%s\r\nHost: example.com\r\nOrigin: http://example.org\r\n%s\r\n%s",
		method, sid, version, more, body)
}

func (s *site) send(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.conn, text); err != nil {
		s.t.Fatal(err)
	}
}

// answer reads an answer, which must be that, and returns it.
func (s *site) answer(status int, body string) *http.Response {
	s.t.Helper()
	r, got := s.read()
	if r.StatusCode != status || got != body {
		s.t.Fatalf("was answered %d %q, want %d %q", r.StatusCode, got, status, body)
	}
	return r
}

func (s *site) read() (*http.Response, string) {
	s.t.Helper()
	r, err := http.ReadResponse(s.in, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	got, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return r, string(got)
}

// wantEOF checks that the server has closed the connection.
func (s *site) wantEOF() {
	s.t.Helper()
	if b, err := s.in.ReadByte(); err != io.EOF {
		s.t.Fatalf("came %q (%v)", b, err)
	}
}

// open opens a session.
func (s *site) open() *engineio.Session {
	s.t.Helper()
	s.send(s.request("GET", "", "1.1", "", ""))
	if r, body := s.read(); r.StatusCode != 200 || !strings.HasPrefix(body, "0{") {
		s.t.Fatalf("was answered %d %q", r.StatusCode, body)
	}
	return <-s.opened
}

func (s *site) wantEnd(reason engineio.Reason) {
	s.t.Helper()
	if got := <-s.ended; got != reason {
		s.t.Fatalf("ended with %q, want %q", got, reason)
	}
}

// TestParkedRequest: it is answered as others are, and the connection goes on.
func TestParkedRequest(t *testing.T) {
	onSites(t, func(t *testing.T, s *site) {
		session := s.open()
		session.Send(engineio.Text([]byte("queued")))
		s.send(s.request("GET", session.ID(), "1.1", "", ""))
		atOnce := s.answer(200, "4queued")
		for range 3 {
			s.send(s.request("GET", session.ID(), "1.1", "", ""))
			<-s.parked
			session.Send(engineio.Text([]byte("parked")))
			r := s.answer(200, "4parked")
			if date, err := http.ParseTime(r.Header.Get("Date")); err != nil || time.Since(date).Abs() > time.Hour {
				t.Errorf("of %q", r.Header.Get("Date"))
			}
			maps.Copy(r.Header, http.Header{"Date": atOnce.Header["Date"]})
			if !reflect.DeepEqual(r.Header, atOnce.Header) {
				t.Errorf("has %v, want %v", r.Header, atOnce.Header)
			}
			s.send(s.request("POST", session.ID(), "1.1", "", "4a"))
			s.answer(200, "ok")
			s.send(s.request("GET", session.ID(), "1.1", "", ""))
			s.answer(200, "4a")
		}
	})
}

func TestParkedRequestIsAborted(t *testing.T) {
	onSites(t, func(t *testing.T, s *site) {
		session := s.open()
		s.send(s.request("GET", session.ID(), "1.1", "", ""))
		<-s.parked
		s.conn.Close()
		s.wantEnd(engineio.TransportError)
	})
}

func TestTwoParkedRequestsEndTheSession(t *testing.T) {
	onSites(t, func(t *testing.T, s *site) {
		session := s.open()
		s.send(s.request("GET", session.ID(), "1.1", "", ""))
		<-s.parked
		other := *s
		other.dial()
		other.send(s.request("GET", session.ID(), "1.1", "", ""))
		if r, body := other.read(); r.StatusCode != 400 {
			t.Errorf("the second was answered %d %q", r.StatusCode, body)
		}
		s.answer(200, "1")
		s.wantEnd(engineio.TransportError)
	})
}

// TestRequestBehindParkedOne: a client may send a request before it has got the answer to the one before.
func TestRequestBehindParkedOne(t *testing.T) {
	onSites(t, func(t *testing.T, s *site) {
		for _, together := range []bool{true, false} {
			session := s.open()
			get, behind := s.request("GET", session.ID(), "1.1", "", ""), s.request("POST", session.ID(), "1.1", "", "4behind")
			if together {
				s.send(get + behind)
				<-s.parked
			} else {
				s.send(get)
				<-s.parked
				s.send(behind)
			}
			session.Send(engineio.Text([]byte("first")))
			if r := s.answer(200, "4first"); r.Close { // with TLS what came early cannot be given back
				s.wantEOF()
				s.dial()
				continue
			}
			s.answer(200, "ok")
			s.send(get)
			s.answer(200, "4behind")
		}
	})
}

// TestLastAnswersOfConnections: after some answers the connection ends.
func TestLastAnswersOfConnections(t *testing.T) {
	onSites(t, func(t *testing.T, s *site) {
		for _, tt := range []struct{ version, more string }{{"1.0", ""}, {"1.0", "Connection: keep-alive\r\n"}, {"1.1", "Connection: close\r\n"}} {
			session := s.open()
			s.send(s.request("GET", session.ID(), tt.version, tt.more, ""))
			<-s.parked
			session.Send(engineio.Text([]byte("a")))
			if r := s.answer(200, "4a"); !r.Close {
				t.Errorf("%v: it is not said that the connection ends", tt)
			}
			s.wantEOF()
			s.dial()
		}
		// A server that goes away does not keep it.
		session := s.open()
		s.send(s.request("GET", session.ID(), "1.1", "", ""))
		<-s.parked
		s.engine.Close()
		if r := s.answer(200, "1"); !r.Close {
			t.Error("it is not said that the connection ends")
		}
		s.wantEOF()
	})
}

// TestShutdownWithParkedRequest: http.Server does not wait for it, nor take the connection back.
func TestShutdownWithParkedRequest(t *testing.T) {
	onSites(t, func(t *testing.T, s *site) {
		session := s.open()
		s.send(s.request("GET", session.ID(), "1.1", "", ""))
		<-s.parked
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := s.http.Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
		session.Send(engineio.Text([]byte("a")))
		s.answer(200, "4a")
		s.wantEOF()
	})
}

// TestParkedRequestOutlivesTimeouts: those of http.Server are over when it is parked, and hold again for the next request.
func TestParkedRequestOutlivesTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{t: t, opened: make(chan *engineio.Session, 10), ended: make(chan engineio.Reason, 10)}
		s.engine = engineio.NewServer(&engineio.Options{AnyOrigin: true}, s)
		defer s.engine.Close()
		l := memnet.Listen()
		server := &http.Server{Handler: s.engine, ReadTimeout: 3 * time.Second, WriteTimeout: 3 * time.Second}
		go server.Serve(l)
		defer server.Close()
		conn, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		s.conn, s.in = conn, bufio.NewReader(conn)
		session := s.open()
		for range 2 {
			s.send(s.request("GET", session.ID(), "1.1", "", ""))
			s.answer(200, "2")
			s.send(s.request("POST", session.ID(), "1.1", "", "3"))
			s.answer(200, "ok")
		}
		s.send("GET")
		s.wantEOF()
	})
}
