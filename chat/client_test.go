package chat_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/hub"
	"github.com/seed-4a326f83/parley/sqlite"
)

// bubble runs a test with a chat on a real store, and a clock of its own.
func bubble(t *testing.T, limits chat.Limits, test func(t *testing.T, c *chat.Chat)) {
	path := filepath.Join(t.TempDir(), "parley.db")
	synctest.Test(t, func(t *testing.T) {
		store, err := sqlite.Open(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		bus := hub.NewBus(100)
		defer bus.Close()
		c := chat.New(chat.Config{Store: store, Bus: bus, Limits: limits, Guests: true})
		defer func() {
			if err := c.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		test(t, c)
	})
}

// A client is a session and what it was told.
type client struct {
	t *testing.T
	*chat.Session
	mu     sync.Mutex
	events []string
	hello  chat.HelloAck // what guest was given
	ending parley.Ending
	ended  bool
}

func connect(t *testing.T, c *chat.Chat) *client {
	cl := &client{t: t}
	cl.Session = c.Connect(cl, nil)
	return cl
}

// Deliver implements hub.Subscriber.
func (c *client) Deliver(ev *parley.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, string(ev.JSON))
}

// End implements hub.Subscriber.
func (c *client) End(e parley.Ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.ending, c.ended = e, true
	}
}

// told returns the events of a type since it was last called.
func (c *client) told(typ string) (told []string) {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ev := range c.events {
		if strings.HasPrefix(ev, `{"type":"`+typ+`"`) {
			told = append(told, ev)
		}
	}
	c.events = nil
	return told
}

// do makes a request and waits for its answer.
func (c *client) do(req chat.Request) (ack any, err error) {
	answered := make(chan struct{})
	c.Handle(context.Background(), &req, func(a any, e error) {
		ack, err = a, e
		if e != nil {
			if ending, ok := c.Refused(e); ok {
				c.ending, c.ended = ending, true
			}
		}
		close(answered)
	})
	<-answered
	return ack, err
}

// must makes a request that is granted.
func must[T any](c *client, req chat.Request) T {
	c.t.Helper()
	ack, err := c.do(req)
	if err != nil {
		c.t.Fatalf("%s: %v", req.Type, err)
	}
	return ack.(T)
}

// refuse makes a request that is refused with a code.
func (c *client) refuse(code parley.Code, req chat.Request) *parley.Error {
	c.t.Helper()
	_, err := c.do(req)
	if parley.ErrorCode(err) != code {
		c.t.Fatalf("%s: %v, want %s", req.Type, err, code)
	}
	return parley.AsError(err)
}

func guest(t *testing.T, c *chat.Chat, name string) *client {
	t.Helper()
	cl := connect(t, c)
	cl.hello = must[chat.HelloAck](cl, chat.Request{Type: "hello", Name: name})
	return cl
}

func text(room, id string) chat.Request {
	return chat.Request{Type: "publish", Room: room, ID: id, Body: json.RawMessage(`{"text":"hi"}`)}
}

func ptr[T any](v T) *T { return &v }
