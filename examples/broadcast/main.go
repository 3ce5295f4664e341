// Command broadcast sends every text message that it receives to everyone who is connected, the sender included, and every
// 30 s the time: {"type":"time","content":1767225600000}, in milliseconds since 1970. It agrees to the subprotocol "app".
// Binary messages are ignored.
//
// Nobody waits for a slow client: each has a queue, and one whose queue is full is closed with 1013 (try again later).
// Whoever is gone without a word is found by the library's keepalive, within 35 s.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

const (
	maxMessage = 64 << 10 // bytes; longer ones close their sender with 1009
	maxQueue   = 256      // messages that a client may be behind
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "`address` to listen on")
	flag.Parse()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("broadcast is at ws://%s/", listener.Addr())
	r := newRoom()
	go r.tellTime(context.Background())
	server := &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.Serve(listener))
}

// A room is everyone who is connected.
type room struct {
	mu      sync.Mutex
	clients map[*client]bool
}

func newRoom() *room { return &room{clients: make(map[*client]bool)} }

type client struct {
	conn  *websocket.Conn // nil during the handshake; guarded by room.mu
	queue chan []byte     // closed when the client is removed
}

func (r *room) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	// Before the handshake, so that whoever knows to be connected misses nothing.
	c := &client{queue: make(chan []byte, maxQueue)}
	r.mu.Lock()
	r.clients[c] = true
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.remove(c)
	}()
	conn, err := websocket.Accept(w, req, &websocket.AcceptOptions{
		Subprotocols:       []string{"app"},
		InsecureSkipVerify: true, // pages from anywhere may connect, also those opened as files
		CompressionMode:    websocket.CompressionContextTakeover,
	})
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow()
	conn.SetReadLimit(maxMessage)
	r.mu.Lock()
	c.conn = conn
	tooSlow := !r.clients[c]
	r.mu.Unlock()
	if tooSlow {
		conn.Close(websocket.StatusTryAgainLater, "too slow")
		return
	}
	go write(conn, c.queue)
	for {
		typ, message, err := conn.Read(context.Background())
		if err != nil {
			return // the client closed, broke the protocol, or is lost
		}
		if typ == websocket.MessageText {
			r.send(message)
		}
	}
}

// send queues a text message for everyone, in the same order for all.
func (r *room) send(message []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.clients {
		select {
		case c.queue <- message:
		default:
			r.remove(c)
			if c.conn != nil {
				go c.conn.Close(websocket.StatusTryAgainLater, "too slow")
			}
		}
	}
}

func (r *room) tellTime(ctx context.Context) {
	ticker := time.NewTicker(30 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			r.send(fmt.Appendf(nil, `{"type":"time","content":%d}`, now.UnixMilli()))
		}
	}
}

// remove lets nothing more be queued for c. r.mu is held.
func (r *room) remove(c *client) {
	if r.clients[c] {
		delete(r.clients, c)
		close(c.queue)
	}
}

// write sends what is queued, until the client is removed or the connection is closed.
func write(conn *websocket.Conn, queue <-chan []byte) {
	for message := range queue {
		if conn.Write(context.Background(), websocket.MessageText, message) != nil {
			return
		}
	}
}
