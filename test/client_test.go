package test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// subprotocol is the framing that these clients speak.
const subprotocol = "parley.v1.json"

// A frame is anything the server says; the fields that it lacks are zero.
type frame struct {
	Type       string          `json:"type"`
	Ref        json.RawMessage `json:"ref"`
	Code       any             `json:"code"`    // a string in an error, a number in a bye
	Message    string          `json:"message"` // for a person
	RetryAfter *int            `json:"retry_after"`
	Reason     string          `json:"reason"`
	message
	Session   string    `json:"session"`
	User      user      `json:"user"`
	First     int64     `json:"first"`
	Last      int64     `json:"last"`
	Messages  []message `json:"messages"`
	More      bool      `json:"more"`
	Recovered *bool     `json:"recovered"`
	Users     []user    `json:"users"`
	Count     int       `json:"count"`
	Rooms     []roomRow `json:"rooms"`
	Online    bool      `json:"online"`
	Limits    struct {
		Body  int     `json:"body"`
		Rate  float64 `json:"rate"`
		Burst int     `json:"burst"`
	} `json:"limits"`
	Heartbeat struct {
		Interval int `json:"interval"`
		Timeout  int `json:"timeout"`
	} `json:"heartbeat"`

	raw []byte
}

type user struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type message struct {
	Room string          `json:"room"`
	Seq  int64           `json:"seq"`
	ID   string          `json:"id"`
	From user            `json:"from"`
	Time string          `json:"time"`
	Kind string          `json:"kind"`
	Body json.RawMessage `json:"body"`
}

func same(a, b message) bool {
	return a.Seq == b.Seq && a.ID == b.ID && a.From == b.From && a.Time == b.Time &&
		a.Kind == b.Kind && string(a.Body) == string(b.Body)
}

// roomRow is an entry of the answers to rooms and to a join of many.
type roomRow struct {
	ID        string    `json:"id"`
	Room      string    `json:"room"`
	Name      string    `json:"name"`
	Kind      string    `json:"kind"`
	Last      int64     `json:"last"`
	Read      int64     `json:"read"`
	Unread    int64     `json:"unread"`
	Messages  []message `json:"messages"`
	More      bool      `json:"more"`
	Recovered *bool     `json:"recovered"`
	Error     *struct {
		Code string `json:"code"`
	} `json:"error"`
}

// object is a request's JSON.
type object map[string]any

// A client speaks the plain framing over a WebSocket implementation that is
// not ours. Requests may come from any number of goroutines.
type client struct {
	t    testing.TB
	conn *websocket.Conn

	write   sync.Mutex // keeps the order of numbers and frames the same
	mu      sync.Mutex
	lastRef int
	waiting map[string]chan frame
	events  chan frame    // what answers no request
	done    chan struct{} // closed when the connection has ended
	err     error         // why, once done is closed
}

// dial connects to the server at addr without saying hello.
func dial(t testing.TB, addr string) (*client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://"+addr+"/ws", &websocket.DialOptions{
		Subprotocols: []string{subprotocol},
		HTTPClient:   &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	})
	if err != nil {
		return nil, err
	}
	if conn.Subprotocol() != subprotocol {
		conn.CloseNow()
		return nil, fmt.Errorf("subprotocol %q, want %q", conn.Subprotocol(), subprotocol)
	}
	conn.SetReadLimit(4 << 20)
	c := &client{
		t: t, conn: conn,
		waiting: map[string]chan frame{},
		events:  make(chan frame, 1<<16),
		done:    make(chan struct{}),
	}
	go c.read()
	return c, nil
}

// mustDial is dial for a test that needs the connection, and ends it with it.
func mustDial(t testing.TB, addr string) *client {
	t.Helper()
	c, err := dial(t, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.conn.CloseNow() })
	return c
}

// guest connects and says hello under a name.
func guest(t testing.TB, addr, name string) (*client, frame) {
	t.Helper()
	c := mustDial(t, addr)
	return c, c.must(object{"type": "hello", "name": name})
}

func (c *client) read() {
	defer close(c.done)
	defer close(c.events)
	for {
		_, data, err := c.conn.Read(context.Background())
		if err != nil {
			c.err = err
			return
		}
		f := frame{raw: data}
		if err := json.Unmarshal(data, &f); err != nil {
			c.err = fmt.Errorf("%w: %.200q: %v", errNotJSON, data, err)
			return
		}
		c.mu.Lock()
		answer := c.waiting[string(f.Ref)]
		delete(c.waiting, string(f.Ref))
		c.mu.Unlock()
		if answer != nil {
			answer <- f
		} else {
			c.events <- f
		}
	}
}

// send writes a text message as it stands.
func (c *client) send(text string) error {
	return c.sendAs(websocket.MessageText, []byte(text))
}

func (c *client) sendAs(typ websocket.MessageType, data []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.conn.Write(ctx, typ, data)
}

// begin sends a request under a fresh ref and returns where its answer will
// come.
func (c *client) begin(req object) (<-chan frame, error) {
	c.write.Lock()
	defer c.write.Unlock()
	answer := make(chan frame, 1)
	c.mu.Lock()
	c.lastRef++
	ref := c.lastRef
	c.waiting[fmt.Sprint(ref)] = answer
	c.mu.Unlock()
	full := object{"ref": ref}
	for k, v := range req {
		full[k] = v
	}
	data, err := json.Marshal(full)
	if err != nil {
		return nil, err
	}
	return answer, c.send(string(data))
}

var (
	errNotJSON = errors.New("the server said what is no frame of the protocol")
	errSilent  = errors.New("no answer in " + patience.String())
)

// errRefused is an answer of type error.
type errRefused struct{ frame }

func (e *errRefused) Error() string { return "the server answered " + string(e.raw) }

// call sends a request and waits for its ack.
func (c *client) call(req object) (frame, error) {
	answer, err := c.begin(req)
	if err != nil {
		return frame{}, err
	}
	return c.await(answer)
}

func (c *client) await(answer <-chan frame) (frame, error) {
	select {
	case f := <-answer:
		return result(f)
	case <-c.done:
		select {
		case f := <-answer:
			return result(f)
		default:
			return frame{}, c.err
		}
	case <-time.After(patience):
		return frame{}, errSilent
	}
}

func result(f frame) (frame, error) {
	if f.Type != "ack" {
		return f, &errRefused{f}
	}
	return f, nil
}

// must is call where anything but an ack fails the test.
func (c *client) must(req object) frame {
	c.t.Helper()
	f, err := c.call(req)
	if err != nil {
		c.t.Fatalf("%v: %v", req, err)
	}
	return f
}

// refused is call where anything but an error of this code fails the test.
func (c *client) refused(code string, req object) frame {
	c.t.Helper()
	f, err := c.call(req)
	var refused *errRefused
	if !errors.As(err, &refused) || f.Code != code {
		c.t.Errorf("%.300v: got %v, err %v; want the error %q", req, string(f.raw), err, code)
	}
	return f
}

// next waits for the next event of one of these types; others are passed over.
func (c *client) next(types ...string) frame {
	c.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case f, ok := <-c.events:
			if !ok {
				c.t.Fatalf("waiting for %v: the connection ended: %v", types, c.err)
			}
			for _, t := range types {
				if f.Type == t {
					return f
				}
			}
		case <-timeout:
			c.t.Fatalf("waiting for %v: none in %s", types, patience)
		}
	}
}

// closed waits for the end of the connection and returns its close code, -1
// where it ended without one.
func (c *client) closed() websocket.StatusCode {
	c.t.Helper()
	select {
	case <-c.done:
		return websocket.CloseStatus(c.err)
	case <-time.After(patience):
		c.t.Fatalf("the connection was still open after %s", patience)
		return 0
	}
}

// wholeHistory reads a room from its first message to its last, in pages.
func (c *client) wholeHistory(room string) []message {
	c.t.Helper()
	var all []message
	for {
		var after int64
		if len(all) > 0 {
			after = all[len(all)-1].Seq
		}
		page := c.must(object{"type": "history", "room": room, "after": after, "limit": 200})
		all = append(all, page.Messages...)
		if !page.More {
			return all
		}
		if len(page.Messages) == 0 {
			c.t.Fatalf("history of %q after %d: no messages but more", room, after)
		}
	}
}
