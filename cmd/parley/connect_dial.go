package main

import (
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

// dial connects. onPing is called for each ping from within reads.
func (c *connectCmd) dial(ctx context.Context, onPing func([]byte)) (*websocket.Conn, error) {
	if c.MaxSize < 0 || c.Wait < 0 {
		return nil, errors.New("--max-size and --wait cannot be negative")
	}
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
			onPing(payload)
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
	conn.SetReadLimit(c.MaxSize)
	if c.MaxSize == 0 {
		conn.SetReadLimit(-1)
	}
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
		text := fmt.Sprintf("%s answered %d (%s): %s", host, resp.StatusCode, http.StatusText(resp.StatusCode), advice(resp.StatusCode))
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
func advice(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "sign in, for example with --header 'Authorization: Bearer TOKEN'"
	case http.StatusForbidden:
		return "it may want a sign-in, or another --header 'Origin: https://...'"
	case http.StatusNotFound:
		return "check the path; many servers take WebSockets at /ws"
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return "try again later"
	}
	return "this is no WebSocket address, or one for wss://"
}
