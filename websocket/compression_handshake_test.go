package websocket_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-4a326f83/parley/websocket"
)

const pmd = "permessage-deflate"

func TestAcceptNegotiatesCompression(t *testing.T) {
	const (
		off   = websocket.CompressionDisabled
		keep  = websocket.CompressionContextTakeover
		alone = websocket.CompressionNoContextTakeover
	)
	for _, tc := range []struct {
		mode   websocket.CompressionMode
		bits   int
		offer  []string
		answer string // "": no compression
	}{
		{off, 0, []string{pmd}, ""},
		{off, 9, []string{pmd + "; client_max_window_bits"}, ""},
		{keep, 0, nil, ""},
		{keep, 0, []string{""}, ""},
		{keep, 0, []string{"x-webkit-deflate-frame"}, ""},
		{keep, 0, []string{pmd}, pmd},
		{keep, 0, []string{"foo, bar; baz=1", pmd}, pmd},
		{keep, 0, []string{pmd + "; client_max_window_bits"}, pmd},
		{keep, 0, []string{pmd + "; server_no_context_takeover; client_no_context_takeover"}, pmd + "; server_no_context_takeover; client_no_context_takeover"},
		// The windows are as offered, and no larger than the server's own bound.
		{keep, 0, []string{pmd + "; server_max_window_bits=8; client_max_window_bits=9"}, pmd + "; server_max_window_bits=8; client_max_window_bits=9"},
		{keep, 10, []string{pmd + "; server_max_window_bits=12; client_max_window_bits"}, pmd + "; server_max_window_bits=10; client_max_window_bits=10"},
		{keep, 10, []string{pmd}, pmd + "; client_no_context_takeover; server_max_window_bits=10"},
		{alone, 0, []string{pmd}, pmd + "; server_no_context_takeover; client_no_context_takeover"},
		{alone, 8, []string{pmd + "; client_max_window_bits"}, pmd + "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=8; client_max_window_bits=8"},
		// The second offer is what the client takes if the first is not understood.
		{keep, 0, []string{pmd + "; speed=9, " + pmd + "; server_no_context_takeover"}, pmd + "; server_no_context_takeover"},
	} {
		r := handshakeRequest()
		if tc.offer != nil {
			r.Header["Sec-Websocket-Extensions"] = tc.offer
		}
		resp, err := accept(r, &websocket.AcceptOptions{CompressionMode: tc.mode, CompressionWindowBits: tc.bits})
		if err != nil || resp.StatusCode != 101 {
			t.Errorf("%+v: %v", tc, err)
			continue
		}
		if got := strings.Join(resp.Header["Sec-Websocket-Extensions"], "|"); got != tc.answer {
			t.Errorf("%+v: answered %q", tc, got)
		}
	}
}

// wrongParameters are such as must not be agreed to.
var wrongParameters = []string{
	"server_max_window_bits=7", "server_max_window_bits=16", "server_max_window_bits=08", `server_max_window_bits=""`, "server_max_window_bits",
	"client_max_window_bits=7", "client_max_window_bits=16", "client_max_window_bits=08", `client_max_window_bits=""`,
	"server_max_window_bits=10; server_max_window_bits=10", "client_max_window_bits=10; client_max_window_bits=10",
	"server_no_context_takeover; server_no_context_takeover", "client_no_context_takeover; client_no_context_takeover",
	"server_no_context_takeover=1", "client_no_context_takeover=true", "unknown", "unknown=1",
}

func TestTrapWindowBitsThatAreNone(t *testing.T) {
	for _, mode := range modes {
		for _, params := range wrongParameters {
			// A server declines the offer (RFC 7692 section 7.1).
			r := handshakeRequest()
			r.Header.Set("Sec-WebSocket-Extensions", pmd+"; "+params)
			resp, err := accept(r, &websocket.AcceptOptions{CompressionMode: mode})
			if err != nil || resp.StatusCode != 101 || resp.Header["Sec-Websocket-Extensions"] != nil {
				t.Errorf("offered %q: %v, answered %q", params, err, resp.Header["Sec-Websocket-Extensions"])
			}
			// A client fails the connection.
			url := answer(t, func(_ *http.Request, _ *int, h http.Header) { h.Set("Sec-WebSocket-Extensions", pmd+"; "+params) })
			if c, _, err := websocket.Dial(bg, url, &websocket.DialOptions{CompressionMode: mode}); err == nil {
				c.CloseNow()
				t.Errorf("answered %q: taken", params)
			}
		}
	}
}

func TestAcceptRefusesMalformedExtensions(t *testing.T) {
	for _, mode := range append(modes, websocket.CompressionDisabled) {
		for _, field := range []string{pmd + ";", pmd + "; =", ";", pmd + " foo", `"` + pmd + `"`, pmd + `; server_max_window_bits="1`} {
			r := handshakeRequest()
			r.Header.Set("Sec-WebSocket-Extensions", field)
			resp, err := accept(r, &websocket.AcceptOptions{CompressionMode: mode})
			if err == nil || resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%q: %v, %v", field, resp.Status, err)
			}
		}
	}
}

func TestDialOffersCompression(t *testing.T) {
	for _, tc := range []struct {
		opts  websocket.DialOptions
		offer string
	}{
		{websocket.DialOptions{}, ""},
		{websocket.DialOptions{HTTPHeader: http.Header{"Sec-Websocket-Extensions": {"mine"}}}, ""},
		{websocket.DialOptions{CompressionMode: websocket.CompressionContextTakeover}, pmd + "; client_max_window_bits"},
		{websocket.DialOptions{CompressionMode: websocket.CompressionNoContextTakeover, CompressionWindowBits: 9},
			pmd + "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9"},
	} {
		offered := ""
		url := answer(t, func(r *http.Request, _ *int, h http.Header) {
			offered = strings.Join(r.Header["Sec-Websocket-Extensions"], "|")
		})
		c, _, err := websocket.Dial(bg, url, &tc.opts)
		if err != nil {
			t.Error(err)
			continue
		}
		c.CloseNow()
		if offered != tc.offer {
			t.Errorf("%+v: offered %q", tc.opts, offered)
		}
	}
}

func TestDialChecksWhatTheServerAgreedTo(t *testing.T) {
	for _, tc := range []struct {
		mode   websocket.CompressionMode
		bits   int
		answer []string
		ok     bool
	}{
		{websocket.CompressionDisabled, 0, nil, true},
		{websocket.CompressionDisabled, 0, []string{""}, true},
		{websocket.CompressionDisabled, 0, []string{pmd}, false},
		{websocket.CompressionDisabled, 0, []string{";"}, false},
		{websocket.CompressionContextTakeover, 0, nil, true},
		{websocket.CompressionContextTakeover, 0, []string{pmd}, true},
		{websocket.CompressionContextTakeover, 0, []string{pmd + "; server_no_context_takeover; client_max_window_bits=9"}, true},
		{websocket.CompressionContextTakeover, 0, []string{"x"}, false},
		{websocket.CompressionContextTakeover, 0, []string{pmd, pmd}, false},
		{websocket.CompressionContextTakeover, 0, []string{pmd + ";"}, false},
		{websocket.CompressionContextTakeover, 10, []string{pmd}, false},
		{websocket.CompressionContextTakeover, 10, []string{pmd + "; server_max_window_bits=11"}, false},
		{websocket.CompressionContextTakeover, 10, []string{pmd + "; server_max_window_bits=9"}, true},
		{websocket.CompressionNoContextTakeover, 0, []string{pmd}, false},
		{websocket.CompressionNoContextTakeover, 0, []string{pmd + "; server_no_context_takeover"}, true},
	} {
		url := answer(t, func(_ *http.Request, _ *int, h http.Header) { h["Sec-Websocket-Extensions"] = tc.answer })
		c, _, err := websocket.Dial(bg, url, &websocket.DialOptions{CompressionMode: tc.mode, CompressionWindowBits: tc.bits})
		if (err == nil) != tc.ok {
			t.Errorf("%+v: %v", tc, err)
		}
		if err == nil {
			c.CloseNow()
		}
	}
}

func TestCompressionOptionsOutOfRange(t *testing.T) {
	for _, tc := range []struct {
		mode websocket.CompressionMode
		bits int
	}{{-1, 0}, {3, 0}, {websocket.CompressionContextTakeover, 7}, {websocket.CompressionContextTakeover, 16}, {websocket.CompressionDisabled, -1}} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: tc.mode, CompressionWindowBits: tc.bits}); err == nil {
				c.CloseNow()
				t.Errorf("accepted with %+v", tc)
			}
		}))
		_, resp, err := websocket.Dial(bg, srv.URL, nil)
		if err == nil || resp.StatusCode != http.StatusInternalServerError {
			t.Errorf("%+v: %v", tc, err)
		}
		_, _, err = websocket.Dial(bg, srv.URL, &websocket.DialOptions{CompressionMode: tc.mode, CompressionWindowBits: tc.bits})
		if err == nil || !strings.Contains(err.Error(), "Compression") {
			t.Errorf("dialled with %+v: %v", tc, err)
		}
		srv.Close()
	}
}
