package engineio_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/socketio/engineio"
	"github.com/seed-4a326f83/parley/websocket"
)

// quietly handles sessions of which nothing is to be known.
type quietly struct{ opened chan *engineio.Session }

func (q quietly) OnOpen(s *engineio.Session) {
	select {
	case q.opened <- s:
	default:
	}
}

func (quietly) OnMessage(s *engineio.Session, typ websocket.MessageType, data []byte) {
	if typ == websocket.MessageText {
		s.Send(engineio.Text(data))
	} else {
		s.Send(engineio.Binary(data))
	}
}

func (quietly) OnClose(*engineio.Session, engineio.Reason) {}

// FuzzRequest gives a server whatever a request may have; "SID" stands for the id of a session that there is.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "EIO=4&transport=polling", "", "", "", "")
	f.Add("GET", "EIO=4&transport=polling&sid=SID", "io=SID", "", "", "")
	f.Add("POST", "EIO=4&transport=polling&sid=SID", "", "", "text/plain", "4hello\x1ebAQID\x1e3")
	f.Add("POST", "EIO=4&transport=polling&sid=SID", "", "", "application/octet-stream", "1")
	f.Add("GET", "EIO=4&transport=websocket&sid=SID", "a=b; io=x", "websocket", "", "")
	f.Add("GET", "EIO=3&transport=websocket", "io=\"", "websocket", "", "")
	f.Add("OPTIONS", "EIO=%zz;&sid", "=;", "h2c", "", "")
	f.Fuzz(func(t *testing.T, method, query, cookie, upgrade, contentType, body string) {
		q := quietly{make(chan *engineio.Session, 1)}
		server := engineio.NewServer(&engineio.Options{
			PingInterval: time.Hour, PingTimeout: time.Hour, MaxPayload: 1000, Cookie: &http.Cookie{Name: "io"}, AnyOrigin: true,
		}, q)
		defer server.Close()
		server.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/?EIO=4&transport=polling", nil))
		session := <-q.opened
		session.Send(engineio.Text([]byte("so that no request waits")))

		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		r := &http.Request{
			Method: method,
			URL:    &url.URL{Path: "/", RawQuery: strings.ReplaceAll(query, "SID", session.ID())},
			Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Host: "example.com",
			Header: http.Header{
				"Cookie": {strings.ReplaceAll(cookie, "SID", session.ID())}, "Upgrade": {upgrade}, "Connection": {"upgrade"},
				"Content-Type": {contentType}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
			},
			Body: http.NoBody,
		}
		if body != "" {
			r.Body, r.ContentLength = http.MaxBytesReader(nil, httptest.NewRequest("POST", "/", strings.NewReader(body)).Body, 1<<20), int64(len(body))
		}
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r.WithContext(ctx))
		switch w.Code {
		case 200, 204, 400, 413:
		case 501: // the recorder cannot be made a WebSocket
		default:
			t.Errorf("%s %q was answered %d %q", method, query, w.Code, w.Body)
		}
		if n := server.Sessions(); n > 2 {
			t.Errorf("%d sessions", n)
		}
		for _, c := range w.Result().Cookies() {
			if c.Name != "io" || c.Value == session.ID() {
				t.Errorf("the session of another was handed out: %v", c)
			}
		}
	})
}

// FuzzPayload: what is echoed comes back as it was.
func FuzzPayload(f *testing.F) {
	f.Add([]byte("4hello\x1ebAQID\x1e4"))
	f.Add([]byte("bAQI=\x1e6\x1e3"))
	f.Add([]byte("4ü\x1e2"))
	f.Fuzz(func(t *testing.T, body []byte) {
		once, err := engineio.EchoPayload(body)
		if err != nil || len(once) == 0 {
			return
		}
		var want []string
		for packet := range strings.SplitSeq(string(body), "\x1e") {
			if packet[0] == '4' || packet[0] == 'b' {
				want = append(want, packet)
			}
		}
		got := strings.Split(string(once), "\x1e")
		if len(got) != len(want) {
			t.Fatalf("%q came back as %q", body, got)
		}
		for i := range want {
			if got[i] != want[i] && want[i][0] == '4' { // base64 has several ways to say the same
				t.Fatalf("%q came back as %q", want[i], got[i])
			}
		}
		twice, err := engineio.EchoPayload(once)
		if err != nil || !bytes.Equal(twice, once) {
			t.Fatalf("%q came back as %q, %v", once, twice, err)
		}
	})
}
