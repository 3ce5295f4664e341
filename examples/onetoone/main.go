// Command onetoone carries messages between two people. A client says whose messages to whom it is for,
//
//	{"type":"open","fromUserId":"a","toUserId":"b"}
//
// which opens the session a-b, and then sends any JSON with both ids, which goes unchanged to the sessions b-a. A session
// may be open on several connections, all of which get the message, and a connection may open several sessions. If no
// session b-a is open, the message is dropped and nobody is told. JSON without both ids is ignored.
//
// A text that is not JSON is a heartbeat: it is answered with a pong frame. Binary messages are ignored. Whoever is gone
// without a word is found by the library's keepalive, within 35 s.
//
// Nobody proves to be who they say they are: this is a toy.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

const (
	maxMessage  = 64 << 10        // bytes; longer ones close their sender with 1009
	maxSessions = 1024            // that a connection may open; more close it with 1008
	patience    = 5 * time.Second // a receiver that does not take a message for so long is closed with 1013
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9000", "`address` to listen on")
	flag.Parse()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("onetoone is at ws://%s/", listener.Addr())
	server := &http.Server{Handler: newSwitchboard(), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.Serve(listener))
}

// A session is what "from" wants to hear from "to".
type session struct{ from, to string }

type conns map[*websocket.Conn]bool

// A switchboard knows which sessions are open, and on which connections.
type switchboard struct {
	mu       sync.Mutex
	sessions map[session]conns
}

func newSwitchboard() *switchboard { return &switchboard{sessions: make(map[session]conns)} }

func (s *switchboard) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	conn, err := websocket.Accept(w, req, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // pages from anywhere may connect, also those opened as files
		CompressionMode:    websocket.CompressionContextTakeover,
	})
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow()
	conn.SetReadLimit(maxMessage)
	var opened []session
	defer func() { s.close(conn, opened) }()
	for {
		typ, message, err := conn.Read(context.Background())
		if err != nil {
			return // the client closed, broke the protocol, or is lost
		}
		if typ != websocket.MessageText {
			continue
		}
		if !json.Valid(message) {
			if conn.Pong(context.Background(), nil) != nil {
				return
			}
			continue
		}
		kind, from, to := parse(message)
		switch {
		case from == "" || to == "":
		case kind != "open":
			s.forward(session{to, from}, message)
		case slices.Contains(opened, session{from, to}):
		case len(opened) == maxSessions:
			conn.Close(websocket.StatusPolicyViolation, "too many sessions")
			return
		default:
			opened = append(opened, session{from, to})
			s.open(conn, session{from, to})
		}
	}
}

// parse returns what a message says of itself; "" where it says nothing that can be used.
func parse(message []byte) (kind, from, to string) {
	var m struct {
		Type       any
		FromUserID any `json:"fromUserId"`
		ToUserID   any `json:"toUserId"`
	}
	json.Unmarshal(message, &m) // what is not an object has no ids
	kind, _ = m.Type.(string)
	return kind, id(m.FromUserID), id(m.ToUserID)
}

// id returns an id as text: 7 and "7" are the same.
func id(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

func (s *switchboard) open(conn *websocket.Conn, key session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[key] == nil {
		s.sessions[key] = make(conns)
	}
	s.sessions[key][conn] = true
}

func (s *switchboard) close(conn *websocket.Conn, keys []session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		delete(s.sessions[key], conn)
		if len(s.sessions[key]) == 0 {
			delete(s.sessions, key)
		}
	}
}

// forward sends a message to every connection of a session. The sender waits for them meanwhile, and thereby sends no
// faster than they take it.
func (s *switchboard) forward(key session, message []byte) {
	s.mu.Lock()
	receivers := slices.Collect(maps.Keys(s.sessions[key]))
	s.mu.Unlock()
	for _, conn := range receivers {
		slow := time.AfterFunc(patience, func() { conn.Close(websocket.StatusTryAgainLater, "too slow") })
		conn.Write(context.Background(), websocket.MessageText, message) // an error means that the receiver is going
		slow.Stop()
	}
}
