package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

const (
	// dialTime bounds the handshake, name lookup to 101.
	dialTime = 30 * time.Second
	// maxRefusal is how much of what a server says when it refuses is told, in bytes.
	maxRefusal = 200
	// pongTime is how long /ping waits.
	pongTime = 10 * time.Second
)

// dial connects to the server, whose pings s shows.
func (c *connectCmd) dial(ctx context.Context, s *screen) (*websocket.Conn, error) {
	address, err := target(c.URL)
	if err != nil {
		return nil, err
	}
	header, err := parseHeader(c.Header)
	if err != nil {
		return nil, err
	}
	opts := &websocket.DialOptions{
		HTTPHeader:   header,
		Host:         header.Get("Host"), // net/http takes it from here alone
		Subprotocols: c.Subprotocol,
		OnPingReceived: func(_ context.Context, payload []byte) bool {
			s.note("ping %q", payload)
			return true
		},
	}
	if c.Insecure {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
		opts.HTTPClient = &http.Client{Transport: transport}
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, resp, err := websocket.Dial(ctx, address.String(), opts)
	if err != nil {
		return nil, explain(address.Host, resp, err)
	}
	conn.SetReadLimit(cmp.Or(c.MaxSize, -1))
	return conn, nil
}

// target completes and checks an address.
func target(address string) (*url.URL, error) {
	if !strings.Contains(address, "://") {
		address = "ws://" + address
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the address is malformed: %w", err)
	case u.Scheme != "ws" && u.Scheme != "wss" && u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the address begins with %s://: WebSocket servers are reached by ws:// or, over TLS, wss://", u.Scheme)
	case u.Host == "":
		return nil, fmt.Errorf("the address %s names no host: it looks like ws://HOST:PORT/PATH", address)
	}
	return u, nil
}

// parseHeader reads header fields of the form "name: value".
func parseHeader(fields []string) (http.Header, error) {
	header := make(http.Header)
	for _, field := range fields {
		name, value, ok := strings.Cut(field, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, fmt.Errorf("--header %q is not of the form 'NAME: VALUE'", field)
		}
		header.Add(name, strings.TrimSpace(value))
	}
	return header, nil
}

// explain says what to do about a handshake that failed. resp is the server's answer, if there was one.
func explain(host string, resp *http.Response, err error) error {
	var (
		certificate *tls.CertificateVerificationError
		lookup      *net.DNSError
	)
	switch {
	case resp != nil && resp.StatusCode != http.StatusSwitchingProtocols:
		text := fmt.Sprintf("%s answered %d (%s): %s", host, resp.StatusCode, http.StatusText(resp.StatusCode),
			cmp.Or(advice[resp.StatusCode], "this is no WebSocket address, or one for wss://"))
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
		if says := strings.TrimSpace(string(body)); says != "" && says[0] != '<' { // not a page
			text += fmt.Sprintf(". It says: %q", says)
		}
		return errors.New(text)
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted before the connection was made")
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s did not answer within %v", host, dialTime)
	case errors.As(err, &certificate):
		return fmt.Errorf("the TLS certificate of %s cannot be trusted (%s); --insecure connects to whoever it is", host, visible(certificate.Err.Error()))
	case errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("%s does not speak TLS: try ws:// instead of wss://", host)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s: is the server running, and on this port?", host)
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return fmt.Errorf("there is no host called %s: check the address", lookup.Name)
	}
	return errors.New(visible(err.Error()))
}

// advice is for a status that is not 101.
var advice = map[int]string{
	http.StatusUnauthorized:       "sign in, for example with --header 'Authorization: Bearer TOKEN'",
	http.StatusForbidden:          "it may want a sign-in, or another --header 'Origin: https://...'",
	http.StatusNotFound:           "check the path; many servers take WebSockets at /ws",
	http.StatusTooManyRequests:    "try again later",
	http.StatusServiceUnavailable: "try again later",
}
