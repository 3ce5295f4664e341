package websocket

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/seed-4a326f83/parley/websocket/internal/extension"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// DialOptions are the options of Dial. nil and the zero value mean the defaults.
type DialOptions struct {
	// HTTPClient makes the handshake's request: its cookies, redirects, proxies, TLS settings and time limit hold. Its
	// Transport must give a body that can be written to for a response of status 101, as http.Transport does. nil means
	// http.DefaultClient.
	HTTPClient *http.Client

	// HTTPHeader is sent along with the handshake's request. Extensions cannot be offered by it.
	HTTPHeader http.Header

	// Host, if not empty, is sent as the Host field instead of the URL's host.
	Host string

	// Subprotocols are offered to the server, the preferred first. It may agree to one: look at Conn.Subprotocol.
	Subprotocols []string

	// OnPingReceived: as in AcceptOptions.
	OnPingReceived func(ctx context.Context, payload []byte) bool

	// OnPongReceived: as in AcceptOptions.
	OnPongReceived func(ctx context.Context, payload []byte)

	// KeepaliveInterval: as in AcceptOptions.
	KeepaliveInterval time.Duration

	// KeepaliveTimeout: as in AcceptOptions.
	KeepaliveTimeout time.Duration

	// MaxFragments: as in AcceptOptions.
	MaxFragments int

	// SendLimit: as in AcceptOptions.
	SendLimit int

	// SlowPeer: as in AcceptOptions.
	SlowPeer SlowPeerPolicy

	// CompressionMode: as in AcceptOptions.
	CompressionMode CompressionMode

	// CompressionThreshold: as in AcceptOptions.
	CompressionThreshold int

	// CompressionWindowBits: as in AcceptOptions. Some servers take no request for a smaller window: there is no compression
	// with them then, unless this is 0.
	CompressionWindowBits int
}

func (o *DialOptions) compression() compressionOptions {
	return compressionOptions{o.CompressionMode, o.CompressionThreshold, o.CompressionWindowBits}
}

// Dial connects to a WebSocket server (RFC 6455 section 4.1). rawURL is a ws, wss, http or https URL. ctx bounds the
// handshake, not the connection.
//
// The response is the server's; its Body need not be closed. If the server refuses the handshake, the response comes
// with the error, and the first 1,024 bytes of the body can be read from it.
func Dial(ctx context.Context, rawURL string, opts *DialOptions) (*Conn, *http.Response, error) {
	var o DialOptions
	if opts != nil {
		o = *opts
	}
	conn, resp, err := dial(ctx, rawURL, &o)
	if err != nil {
		return nil, resp, fmt.Errorf("websocket: connecting to %s: %w", redact(rawURL), err)
	}
	return conn, resp, nil
}

// redact leaves out of a URL what must not get into logs: user, password, and the query, which often holds a token.
func redact(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "a malformed URL"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

func dial(ctx context.Context, rawURL string, o *DialOptions) (*Conn, *http.Response, error) {
	client := http.Client{}
	if o.HTTPClient != nil {
		client = *o.HTTPClient
	} else {
		client = *http.DefaultClient
	}
	if client.Timeout > 0 {
		// Client.Timeout would go on counting for the body, which is the connection.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, client.Timeout)
		defer cancel()
		client.Timeout = 0
	}
	followRedirect := client.CheckRedirect
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		httpScheme(req.URL)
		if followRedirect != nil {
			return followRedirect(req, via)
		}
		if len(via) >= 10 {
			return errors.New("stopped after 10 redirects")
		}
		return nil
	}

	// net/http keeps its connections to itself; only a trace shows the one whose body we are given, and with it the way to
	// set deadlines. A transport that is not net/http's might show another's.
	var traced net.Conn
	transport := client.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	if _, ok := transport.(*http.Transport); ok {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			GotConn: func(info httptrace.GotConnInfo) { traced = info.Conn },
		})
	}
	req, key, err := newRequest(ctx, rawURL, o)
	if err != nil {
		return nil, nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the URL, query and all
		}
		return nil, resp, err
	}
	subprotocol, err := checkResponse(resp, key, o.Subprotocols)
	var agreed *compression
	if err == nil {
		agreed, err = o.compression().check(resp.Header)
	}
	if err == nil {
		if rwc, ok := resp.Body.(io.ReadWriteCloser); ok {
			resp.Body = http.NoBody
			cfg := o.connConfig(subprotocol, agreed)
			return newConn(bodyConn(rwc, traced), &cfg), resp, nil
		}
		err = fmt.Errorf("the HTTP client's transport (%T) gives a body (%T) that cannot be written to", transport, resp.Body)
	}
	keepStart(resp)
	return nil, resp, err
}

func (o *DialOptions) connConfig(subprotocol string, agreed *compression) connConfig {
	return connConfig{
		role:              proto.Client,
		subprotocol:       subprotocol,
		settings:          settings{o.OnPingReceived, o.OnPongReceived, o.SendLimit, o.SlowPeer},
		keepaliveInterval: o.KeepaliveInterval,
		keepaliveTimeout:  o.KeepaliveTimeout,
		maxFragments:      o.MaxFragments,
		compression:       agreed,
	}
}

// keepStart reads what of a refusal's body may be of interest and closes the rest.
func keepStart(resp *http.Response) {
	body := resp.Body
	var start []byte
	if resp.StatusCode != http.StatusSwitchingProtocols { // else it is a connection, on which nothing need ever come
		// A server that dawdles must not hold up Dial.
		timer := time.AfterFunc(handshakeTimeout, func() { body.Close() })
		start, _ = io.ReadAll(io.LimitReader(body, 1024))
		timer.Stop()
	}
	body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(start))
}

// httpScheme turns the scheme of a WebSocket URL into that of HTTP (RFC 6455 section 3).
func httpScheme(u *url.URL) {
	switch u.Scheme {
	case "ws":
		u.Scheme = "http"
	case "wss":
		u.Scheme = "https"
	}
}

// newRequest makes the request of RFC 6455 section 4.1, and the key that the answer is held against.
func newRequest(ctx context.Context, rawURL string, o *DialOptions) (*http.Request, string, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, "", errors.New("the URL cannot be parsed")
	}
	httpScheme(u)
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, "", fmt.Errorf("the URL's scheme is %q: use ws or wss", u.Scheme)
	}
	if u.Fragment != "" { // section 3
		return nil, "", errors.New("a WebSocket URL cannot have a fragment (#)")
	}
	for i, p := range o.Subprotocols {
		if !isToken(p) || slices.Contains(o.Subprotocols[:i], p) {
			return nil, "", fmt.Errorf("the subprotocol %q is not a token, or is given twice", p)
		}
	}
	want, compress, err := o.compression().wish()
	if err != nil {
		return nil, "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, "", err
	}
	if o.HTTPHeader != nil {
		req.Header = o.HTTPHeader.Clone()
	}
	if o.Host != "" {
		req.Host = o.Host
	}
	var nonce [16]byte
	rand.Read(nonce[:])
	key := base64.StdEncoding.EncodeToString(nonce[:])
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "websocket")
	req.Header.Set("Sec-WebSocket-Version", "13")
	req.Header.Set("Sec-WebSocket-Key", key)
	if len(o.Subprotocols) > 0 {
		req.Header.Set("Sec-WebSocket-Protocol", strings.Join(o.Subprotocols, ", "))
	}
	req.Header.Del("Sec-WebSocket-Extensions")
	if compress {
		req.Header.Set("Sec-WebSocket-Extensions", extension.Offer(want))
	}
	return req, key, nil
}

// checkResponse holds the server's answer against RFC 6455 section 4.1 (the second list) and returns the subprotocol.
func checkResponse(resp *http.Response, key string, offered []string) (subprotocol string, err error) {
	h := resp.Header
	switch {
	case resp.StatusCode != http.StatusSwitchingProtocols:
		return "", fmt.Errorf("the server answered %q instead of agreeing to WebSocket", resp.Status)
	case !hasToken(h["Upgrade"], "websocket"):
		return "", fmt.Errorf("the server upgrades to %q instead of websocket", h.Get("Upgrade"))
	case !hasToken(h["Connection"], "upgrade"):
		return "", errors.New(`the server's answer lacks "Connection: Upgrade"`)
	case len(h["Sec-Websocket-Accept"]) != 1 || h["Sec-Websocket-Accept"][0] != string(appendAcceptKey(nil, key)):
		return "", errors.New("the server's Sec-WebSocket-Accept does not fit our key: it does not speak WebSocket, or a cache has answered")
	}
	switch chosen := h["Sec-Websocket-Protocol"]; {
	case len(chosen) == 0:
		return "", nil
	case len(chosen) > 1 || !slices.Contains(offered, chosen[0]):
		return "", fmt.Errorf("the server chose the subprotocol %q, which was not offered", chosen)
	default:
		return chosen[0], nil
	}
}
