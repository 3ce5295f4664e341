package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/seed-4a326f83/parley/websocket"
)

// A room is everyone who is connected.
type room struct {
	// Whoever says something holds mu until it is in everyone's queue, so that all hear everything in one order. Otherwise two
	// senders could each wait, at different receivers, for the other's message to end. Streams flow without it.
	mu      sync.Mutex
	clients map[*client]bool
	unnamed int
}

func newRoom() *room { return &room{clients: make(map[*client]bool)} }

func (r *room) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	// Before the handshake, so that whoever knows to be connected misses nothing.
	c := newClient()
	r.mu.Lock()
	r.clients[c] = true
	r.mu.Unlock()
	defer func() {
		c.leave()
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.clients, c)
		if c.name != "" {
			r.tell(event{Type: "leave", Data: c.name})
		}
	}()
	conn, err := websocket.Accept(w, req, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // pages from anywhere may connect, also those opened as files
		MaxFragments:       -1,   // a stream has as many as it takes
		CompressionMode:    websocket.CompressionContextTakeover,
	})
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow()
	conn.SetReadLimit(-1) // texts are counted by readText; the rest is never held whole
	c.conn = conn
	go c.write()
	for err == nil {
		err = r.receive(c)
	}
}

// receive handles one message of c's. Its error is the connection's end.
func (r *room) receive(c *client) error {
	typ, body, err := c.nextMessage()
	if err != nil {
		return err
	}
	if typ == websocket.MessageBinary {
		return r.relay(c, body)
	}
	text, err := c.readText(body)
	if err != nil {
		return err
	}
	var in struct{ Type, Data string }
	if json.Unmarshal(text, &in) != nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch in.Type {
	case "join":
		r.join(c, in.Data)
	case "message":
		r.ensureNamed(c)
		r.tell(event{Type: "message", Username: c.name, Data: in.Data})
	}
	return nil
}

// join gives c a name. r.mu is held.
func (r *room) join(c *client, name string) {
	if c.name != "" {
		r.tell(event{Type: "leave", Data: c.name})
	}
	if strings.TrimSpace(name) == "" {
		r.unnamed++
		name = fmt.Sprintf("Anonymous(%d)", r.unnamed)
	}
	c.name = name
	r.tell(event{Type: "join", Data: name})
}

// ensureNamed is for those who talk before they join. r.mu is held.
func (r *room) ensureNamed(c *client) {
	if c.name == "" {
		r.join(c, "")
	}
}

type event struct {
	Type     string `json:"type"`
	Username string `json:"username,omitempty"`
	Data     string `json:"data"`
}

// tell queues an event for everyone. r.mu is held.
func (r *room) tell(e event) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.Encode(e) // strings can be encoded
	message := outgoing{text: bytes.TrimSpace(text.Bytes())}
	for c := range r.clients {
		c.enqueue(message)
	}
}
