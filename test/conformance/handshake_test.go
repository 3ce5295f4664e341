package conformance

import (
	"bufio"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// acceptKey is the answer to a Sec-WebSocket-Key (RFC 6455 section 4.2.2).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// dialSmooth connects over the network as it is.
func dialSmooth(addr string) (net.Conn, error) { return net.DialTimeout("tcp", addr, patience) }

// connect shakes hands with a server and returns the client's side of the connection. early is sent along with the request.
func connect(addr string, secure bool, hs handshake, early []byte, dial func(addr string) (net.Conn, error)) (*peer, error) {
	nc, err := dial(addr)
	if err != nil {
		return nil, err
	}
	if secure {
		nc = tls.Client(nc, &tls.Config{RootCAs: cert.Trust, ServerName: "127.0.0.1"})
	}
	p, err := request(nc, addr, hs, early)
	if err != nil {
		nc.Close()
		return nil, err
	}
	return p, nil
}

func request(nc net.Conn, addr string, hs handshake, early []byte) (*peer, error) {
	nc.SetDeadline(time.Now().Add(patience))
	var nonce [16]byte
	rand.Read(nonce[:])
	key := base64.StdEncoding.EncodeToString(nonce[:])
	var b strings.Builder
	fmt.Fprintf(&b, "GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n", addr, key)
	for _, o := range hs.offer {
		fmt.Fprintf(&b, "Sec-WebSocket-Extensions: %s\r\n", o)
	}
	b.WriteString("\r\n")
	if _, err := nc.Write(append([]byte(b.String()), early...)); err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(nc, 64<<10)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return nil, fmt.Errorf("the server's handshake: %w", err)
	}
	h := resp.Header
	switch {
	case resp.StatusCode != http.StatusSwitchingProtocols:
		return nil, fmt.Errorf("the server answered %s", resp.Status)
	case !strings.EqualFold(h.Get("Upgrade"), "websocket"), !strings.EqualFold(h.Get("Connection"), "upgrade"),
		!slices.Equal(h["Sec-Websocket-Accept"], []string{acceptKey(key)}), len(h["Sec-Websocket-Protocol"]) > 0:
		return nil, fmt.Errorf("the server's handshake is not right: %v", h)
	}
	answer := strings.Join(h["Sec-Websocket-Extensions"], ", ")
	if err := sameAnswer(answer, hs.agreed); err != nil {
		return nil, fmt.Errorf("to the offer %q: %w", hs.offer, err)
	}
	p := newPeer(nc, in, true)
	if answer != "" {
		if p.deflate, err = newDeflate(answer, true); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// sameAnswer compares two answers without regard to the order of parameters.
func sameAnswer(got, want string) error {
	if normal(got) != normal(want) {
		return fmt.Errorf("the server answered %q, not %q", got, want)
	}
	return nil
}

func normal(answer string) string {
	parts := strings.Split(answer, ";")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	slices.Sort(parts[1:])
	return strings.Join(parts, "; ")
}

// A call is a client's request that is waiting for the answer.
type call struct {
	nc  net.Conn
	in  *bufio.Reader
	req *http.Request
}

// receive reads a client's request and checks it against RFC 6455 section 4.1.
func receive(nc net.Conn) (*call, error) {
	nc.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReaderSize(nc, 64<<10)
	req, err := http.ReadRequest(in)
	if err != nil {
		return nil, fmt.Errorf("the client's handshake: %w", err)
	}
	h := req.Header
	nonce, err := base64.StdEncoding.DecodeString(h.Get("Sec-WebSocket-Key"))
	switch {
	case err != nil || len(nonce) != 16,
		req.Method != http.MethodGet, req.Proto != "HTTP/1.1", req.Host != nc.LocalAddr().String(), in.Buffered() > 0,
		!strings.EqualFold(h.Get("Upgrade"), "websocket"), !strings.EqualFold(h.Get("Connection"), "upgrade"),
		!slices.Equal(h["Sec-Websocket-Version"], []string{"13"}), len(h["Sec-Websocket-Key"]) != 1:
		return nil, fmt.Errorf("the client's handshake is not right: %s %v %v", req.Method, req.URL, h)
	}
	return &call{nc, in, req}, nil
}

// accept answers a client and returns the server's side of the connection. early is sent along with the answer.
func (c *call) accept(hs handshake, early []byte) (*peer, error) {
	offered := strings.Join(c.req.Header["Sec-Websocket-Extensions"], ", ")
	if len(hs.answer) > 0 && !strings.Contains(offered, "permessage-deflate") {
		return nil, fmt.Errorf("the client does not offer permessage-deflate: %q", offered)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
		acceptKey(c.req.Header.Get("Sec-WebSocket-Key")))
	for _, a := range hs.answer {
		fmt.Fprintf(&b, "Sec-WebSocket-Extensions: %s\r\n", a)
	}
	b.WriteString("\r\n")
	if _, err := c.nc.Write(append([]byte(b.String()), early...)); err != nil {
		return nil, err
	}
	p := newPeer(c.nc, c.in, false)
	if hs.refused {
		if _, err := c.in.ReadByte(); err == nil || isTimeout(err) {
			return nil, fmt.Errorf("the client took %q for an answer to %q", hs.answer, offered)
		}
		return p, nil
	}
	if len(hs.answer) > 0 {
		var err error
		if p.deflate, err = newDeflate(strings.Join(hs.answer, ", "), false); err != nil {
			return nil, err
		}
	}
	return p, nil
}
