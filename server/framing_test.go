package server_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/server"
	"github.com/seed-4a326f83/parley/websocket"
)

// A wire is a client's end of a connection. It carries the objects of the plain
// framing, whatever the framing is, and ends with the code of a close or a bye.
type wire interface {
	Read(context.Context) (websocket.MessageType, []byte, error)
	Write(context.Context, websocket.MessageType, []byte) error
	Close(websocket.StatusCode, string) error
	CloseNow() error
}

// A framing is a way to talk with the server.
type framing string

const (
	plain       framing = "plain"
	ioWebSocket framing = "Socket.IO over WebSocket"
	ioPolling   framing = "Socket.IO by polling"
	ioUpgraded  framing = "Socket.IO upgraded"
)

var framings = []framing{plain, ioWebSocket, ioPolling, ioUpgraded}

// onEach runs a test over each framing.
func onEach(t *testing.T, test func(t *testing.T, f framing)) {
	t.Helper()
	for _, f := range framings {
		t.Run(string(f), func(t *testing.T) { test(t, f) })
	}
}

// dial opens a connection to the server at base. The response is that to the
// first request.
func (f framing) dial(ctx context.Context, client *http.Client, base string, header http.Header) (wire, *http.Response, error) {
	if f == plain {
		conn, resp, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(base, "http")+"/ws", &websocket.DialOptions{
			HTTPClient: client, HTTPHeader: header, Subprotocols: []string{server.PlainProtocol}, KeepaliveInterval: -1,
		})
		if err != nil {
			return nil, resp, err
		}
		return conn, resp, nil
	}
	c, resp, err := openIO(ctx, f, client, base, header)
	if err != nil {
		return nil, resp, err
	}
	if err := c.connect(ctx, `{}`); err != nil {
		return nil, resp, err
	}
	if f == ioUpgraded {
		if err := c.upgrade(ctx); err != nil {
			return nil, resp, err
		}
	}
	return c, resp, nil
}

// An ioClient is a client of Socket.IO that knows as much of it as the tests
// need. One goroutine reads, and another one may write.
type ioClient struct {
	client *http.Client
	url    string // of the session, but for the transport
	header http.Header
	ws     *websocket.Conn // nil: it polls

	packets      []string // that came, and were not looked at
	bye          int      // the code of the last bye
	disconnected bool     // with a DISCONNECT

	posting sync.Mutex // one POST at a time, as the protocol has it

	mu   sync.Mutex
	acks int
	refs map[string]string // of requests, by the ids of acks
}

// openIO opens a connection of Engine.IO.
func openIO(ctx context.Context, f framing, client *http.Client, base string, header http.Header) (c *ioClient, resp *http.Response, err error) {
	if client == nil {
		client = http.DefaultClient
	}
	c = &ioClient{client: client, url: base + "/socket.io/?EIO=4", header: header, refs: make(map[string]string)}
	if f == ioWebSocket {
		c.ws, resp, err = c.dialWebSocket(ctx)
	} else {
		resp, err = c.poll(ctx)
	}
	if err != nil {
		return nil, resp, err
	}
	opened, err := c.next(ctx)
	if err != nil {
		return nil, resp, err
	}
	var h struct{ SID string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(opened, "0")), &h); err != nil {
		return nil, resp, fmt.Errorf("opened with %q: %w", opened, err)
	}
	c.url += "&sid=" + h.SID
	return c, resp, nil
}

func (c *ioClient) dialWebSocket(ctx context.Context) (*websocket.Conn, *http.Response, error) {
	return websocket.Dial(ctx, "ws"+strings.TrimPrefix(c.url, "http")+"&transport=websocket", &websocket.DialOptions{
		HTTPClient: c.client, HTTPHeader: c.header, KeepaliveInterval: -1,
	})
}

// connect connects to the main namespace, or returns a [refusedIO].
func (c *ioClient) connect(ctx context.Context, auth string) error {
	if err := c.send(ctx, "40"+auth); err != nil {
		return err
	}
	p, err := c.next(ctx)
	switch {
	case err != nil:
		return err
	case strings.HasPrefix(p, "44"):
		return refusedIO(p[2:])
	case !strings.HasPrefix(p, `40{"sid":"`):
		return fmt.Errorf("connecting was answered %q", p)
	}
	return nil
}

// refusedIO is the payload of a CONNECT_ERROR.
type refusedIO string

func (r refusedIO) Error() string { return string(r) }

// upgrade goes on over WebSocket.
func (c *ioClient) upgrade(ctx context.Context) error {
	ws, _, err := c.dialWebSocket(ctx)
	if err != nil {
		return err
	}
	if err := ws.Write(ctx, websocket.MessageText, []byte("2probe")); err != nil {
		return err
	}
	if _, data, err := ws.Read(ctx); err != nil || string(data) != "3probe" {
		return fmt.Errorf("the probe was answered %q, %w", data, err)
	}
	c.ws = ws
	return ws.Write(ctx, websocket.MessageText, []byte("5"))
}

// next returns the next packet of Socket.IO, or the first of Engine.IO.
func (c *ioClient) next(ctx context.Context) (string, error) {
	for {
		if len(c.packets) == 0 {
			if c.ws == nil {
				if _, err := c.poll(ctx); err != nil {
					return "", err
				}
			} else {
				typ, data, err := c.ws.Read(ctx)
				if err != nil {
					return "", err
				}
				if typ != websocket.MessageText {
					return "", fmt.Errorf("binary data: %q", data)
				}
				c.packets = []string{string(data)}
			}
		}
		p := c.packets[0]
		c.packets = c.packets[1:]
		switch p {
		case "1":
			return "", io.EOF
		case "2":
			if err := c.send(ctx, "3"); err != nil {
				return "", err
			}
		case "6":
		default:
			return p, nil
		}
	}
}

func (c *ioClient) poll(ctx context.Context) (*http.Response, error) {
	body, resp, err := c.request(ctx, "GET", "")
	if err == nil {
		c.packets = strings.Split(body, "\x1e")
	}
	return resp, err
}

func (c *ioClient) request(ctx context.Context, method, body string) (string, *http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url+"&transport=polling", strings.NewReader(body))
	if err != nil {
		return "", nil, err
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, answer)
	}
	return string(answer), resp, err
}

// send sends a packet with its attachments, if it has any.
func (c *ioClient) send(ctx context.Context, packet string, attachments ...string) error {
	if c.ws == nil {
		for _, a := range attachments {
			packet += "\x1eb" + base64.StdEncoding.EncodeToString([]byte(a))
		}
		c.posting.Lock()
		defer c.posting.Unlock()
		_, _, err := c.request(ctx, "POST", packet)
		return err
	}
	err := c.ws.Write(ctx, websocket.MessageText, []byte(packet))
	for _, a := range attachments {
		err = errors.Join(err, c.ws.Write(ctx, websocket.MessageBinary, []byte(a)))
	}
	return err
}

// Write sends a request: its type is the event, and what is not an object is the
// argument of one. A request with a ref wants an ack.
func (c *ioClient) Write(ctx context.Context, typ websocket.MessageType, data []byte) error {
	if typ == websocket.MessageBinary {
		return c.send(ctx, `451-["ping",{"_placeholder":true,"num":0}]`, string(data))
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		return c.send(ctx, `42["ping",`+strconv.Quote(string(data))+`]`)
	}
	word, ref := string(fields["type"]), string(fields["ref"])
	delete(fields, "type")
	delete(fields, "ref")
	arg, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	id := ""
	if ref != "" {
		id = c.expectAck(ref)
	}
	return c.send(ctx, `42`+id+`[`+word+`,`+string(arg)+`]`)
}

func (c *ioClient) expectAck(ref string) (id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acks++
	id = strconv.Itoa(c.acks)
	c.refs[id] = ref
	return id
}

// Read returns the next event, or the next answer with the ref of its request.
func (c *ioClient) Read(ctx context.Context) (websocket.MessageType, []byte, error) {
	for {
		p, err := c.next(ctx)
		if err != nil {
			return 0, nil, c.ended(err)
		}
		if p == "41" {
			c.disconnected = true
			continue
		}
		object, isEvent := strings.CutPrefix(p, `42[`)
		if isEvent {
			var typ string
			if typ, object, _ = strings.Cut(object, ","); !strings.HasPrefix(object, `{"type":`+typ) {
				return 0, nil, fmt.Errorf("an event that does not go by its type: %.200s", p)
			}
		} else {
			id, answer, _ := strings.Cut(strings.TrimPrefix(p, "43"), "[")
			c.mu.Lock()
			ref, asked := c.refs[id]
			delete(c.refs, id)
			c.mu.Unlock()
			if !asked {
				return 0, nil, fmt.Errorf("neither an event nor an answer: %.200s", p)
			}
			head, rest, _ := strings.Cut(answer, `"`+answerType(answer)+`"`)
			object = head + `"` + answerType(answer) + `","ref":` + ref + rest
		}
		object = strings.TrimSuffix(object, "]")
		var bye struct {
			Type string
			Code int
		}
		if json.Unmarshal([]byte(object), &bye) == nil && bye.Type == parley.EventBye {
			c.bye = bye.Code
		}
		return websocket.MessageText, []byte(object), nil
	}
}

func answerType(object string) string {
	if strings.HasPrefix(object, `{"type":"ack"`) {
		return "ack"
	}
	return parley.EventError
}

// ended returns how the connection ended. Clients of Socket.IO come back by
// themselves unless they were disconnected.
func (c *ioClient) ended(err error) error {
	stays := c.bye >= 4500 || c.bye == 1003 || c.bye == 1008 || c.bye == 1009
	switch {
	case c.bye == 0:
		return err
	case stays != c.disconnected:
		return fmt.Errorf("with a bye of %d it is %v that the client was disconnected", c.bye, c.disconnected)
	}
	return websocket.CloseError{Code: websocket.StatusCode(c.bye)}
}

// Close closes the connection as clients do.
func (c *ioClient) Close(websocket.StatusCode, string) error {
	return c.send(context.Background(), "1")
}

// CloseNow leaves, with a word where the server would wait for the next poll.
func (c *ioClient) CloseNow() error {
	if c.ws != nil {
		return c.ws.CloseNow()
	}
	return c.Close(0, "")
}
