package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

// A client is one of the crowd: it says hello, joins a room and reads what comes,
// until its connection ends.
type client struct {
	addr    string
	session string // after the first hello
	last    int64  // of the room, as the client knows it
	conn    *websocket.Conn
}

// A said is what the crowd looks at of what the server says.
type said struct {
	Type       string `json:"type"`
	Seq        int64  `json:"seq"`
	Last       int64  `json:"last"`
	Session    string `json:"session"`
	RetryAfter int64  `json:"retry_after"`
	Message    string `json:"message"`
	Recovered  *bool  `json:"recovered"`
}

// enter connects, says hello, as the person of before if there was one, and
// joins the room, going on from where the client was.
func (c *client) enter(ctx context.Context, room string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c.conn, _, err = websocket.Dial(ctx, "ws://"+c.addr+"/ws", &websocket.DialOptions{Subprotocols: []string{"parley.v1.json"}})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			c.conn.CloseNow()
		}
	}()
	c.conn.SetReadLimit(1 << 20)
	hello := map[string]any{"type": "hello", "ref": 1, "name": "one of many"}
	if c.session != "" {
		hello = map[string]any{"type": "hello", "ref": 1, "session": c.session}
	}
	ack, err := c.ask(ctx, hello)
	if err != nil {
		return err
	}
	join := map[string]any{"type": "join", "ref": 1, "room": room}
	if c.session != "" {
		join["since"] = c.last
	}
	c.session = ack.Session
	if ack, err = c.ask(ctx, join); err != nil {
		return err
	}
	if ack.Recovered != nil && !*ack.Recovered {
		return errors.New("what was missed could not be recovered")
	}
	c.last = ack.Last
	return nil
}

// ask sends a request and returns its answer, leaving out what else comes.
func (c *client) ask(ctx context.Context, request map[string]any) (said, error) {
	b, err := json.Marshal(request)
	if err == nil {
		err = c.conn.Write(ctx, websocket.MessageText, b)
	}
	for err == nil {
		_, b, err = c.conn.Read(ctx)
		var s said
		if err == nil {
			err = json.Unmarshal(b, &s)
		}
		switch {
		case err != nil:
		case s.Type == "ack":
			return s, nil
		case s.Type == "error":
			return s, fmt.Errorf("%v was refused: %s", request["type"], s.Message)
		}
	}
	return said{}, err
}

var isMessage = []byte(`{"type":"message"`)

// read reads until the connection ends. heard is called with each message, and
// what the server's goodbye says is returned.
func (c *client) read(ctx context.Context, heard func()) (bye said) {
	defer c.conn.CloseNow()
	for {
		_, b, err := c.conn.Read(ctx)
		if err != nil {
			return bye
		}
		if bytes.HasPrefix(b, isMessage) {
			c.last++ // in a room without holes
			heard()
			continue
		}
		var s said
		if json.Unmarshal(b, &s) == nil && s.Type == "bye" {
			bye = s
		}
	}
}

// gather has a crowd enter a room, spread over the nodes.
func gather(ctx context.Context, n int, nodes []*node, room string) ([]*client, error) {
	const atOnce = 32
	crowd := make([]*client, n)
	for i := range crowd {
		crowd[i] = &client{addr: nodes[i%len(nodes)].addr}
	}
	next := make(chan *client)
	failed := make(chan error, atOnce)
	var entering sync.WaitGroup
	for range atOnce {
		entering.Go(func() {
			for c := range next {
				if err := c.enter(ctx, room); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	defer entering.Wait()
	defer close(next)
	for _, c := range crowd {
		select {
		case next <- c:
		case err := <-failed:
			return nil, err
		}
	}
	return crowd, nil
}
