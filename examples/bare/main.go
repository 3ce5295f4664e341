// Command bare is a server without net/http: the library answers the handshakes itself, on bare connections, and no connection
// has a goroutine, from its first byte on. The path is a room, the query says who comes: a text sent to
// /rooms/blue?name=ann goes to everyone in that room, the sender included, as "ann: text". Who comes and goes is told there,
// too: "ann is here", "ann has gone". Binary messages are ignored.
//
// A client that takes too little is closed with 1013 (try again later), and one that is gone without a word is found by the
// library's keepalive, within 35 s.
package main

import (
	"flag"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/seed-4a326f83/parley/websocket"
)

const (
	maxMessage = 64 << 10 // bytes; longer ones close their sender with 1009
	maxName    = 40       // bytes
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8084", "`address` to listen on")
	flag.Parse()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("bare is at ws://%s/rooms/NAME?name=YOURS", listener.Addr())
	log.Fatal(newHouse().serve(listener))
}

// A house has rooms.
type house struct {
	mu    sync.Mutex
	rooms map[string]map[*visitor]bool
}

func newHouse() *house { return &house{rooms: make(map[string]map[*visitor]bool)} }

func (h *house) serve(listener net.Listener) error {
	return websocket.Serve(listener, &websocket.UpgradeOptions{
		AcceptOptions: websocket.AcceptOptions{
			InsecureSkipVerify: true, // pages from anywhere may connect, also those opened as files
			CompressionMode:    websocket.CompressionContextTakeover,
		},
		OnRequest:        check,
		HandshakeTimeout: 5 * time.Second,
	}, h.open)
}

// check refuses requests that name no room, or nobody.
func check(r *websocket.UpgradeRequest) error {
	if room, ok := strings.CutPrefix(r.Path, "/rooms/"); !ok || room == "" {
		return websocket.Refuse(http.StatusNotFound, "there are only rooms here: /rooms/NAME?name=YOURS")
	}
	if name := nameOf(r); name == "" || len(name) > maxName || !utf8.ValidString(name) {
		return websocket.Refuse(http.StatusBadRequest, "say who you are, in up to 40 bytes: ?name=YOURS")
	}
	return nil
}

func nameOf(r *websocket.UpgradeRequest) string {
	query, err := url.ParseQuery(r.RawQuery)
	if err != nil {
		return ""
	}
	return query.Get("name")
}

// open lets somebody in.
func (h *house) open(conn *websocket.Conn, r *websocket.UpgradeRequest) websocket.Handler {
	conn.SetReadLimit(maxMessage)
	v := &visitor{house: h, conn: conn, room: r.Path, name: nameOf(r)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms[v.room] == nil {
		h.rooms[v.room] = make(map[*visitor]bool)
	}
	h.rooms[v.room][v] = true
	h.tell(v.room, v.name+" is here")
	return v
}

// tell sends a text to all in a room. Nobody is waited for: the library closes those who are too far behind. h.mu is held, so
// that all get the texts in the same order.
func (h *house) tell(room, text string) {
	message := websocket.Prepare(websocket.MessageText, []byte(text))
	for v := range h.rooms[room] {
		v.conn.SendPrepared(message)
	}
}

// A visitor is in a room.
type visitor struct {
	house      *house
	conn       *websocket.Conn
	room, name string
}

// OnMessage tells the room.
func (v *visitor) OnMessage(_ *websocket.Conn, typ websocket.MessageType, data []byte) {
	if typ != websocket.MessageText {
		return
	}
	v.house.mu.Lock()
	defer v.house.mu.Unlock()
	v.house.tell(v.room, v.name+": "+string(data))
}

// OnClose takes v out of the room.
func (v *visitor) OnClose(*websocket.Conn, error) {
	v.house.mu.Lock()
	defer v.house.mu.Unlock()
	delete(v.house.rooms[v.room], v)
	if len(v.house.rooms[v.room]) == 0 {
		delete(v.house.rooms, v.room)
		return
	}
	v.house.tell(v.room, v.name+" has gone")
}
