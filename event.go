package parley

import (
	"encoding/json"
	"sync"
)

// An Event is what a connection is told without having asked, encoded once for
// all who are told. JSON is the object of the protocol, `type` included; each
// framing puts around it what it needs.
type Event struct {
	Type string
	Room string // "" where it is about no room
	Seq  int64  // of a message; 0 otherwise
	JSON []byte
	// Droppable events are the first to go when a reader is slow: presence and
	// signals, which the next ones make good.
	Droppable bool

	once   sync.Once
	framed any
}

// Framed returns what frame makes of the event, and has it made once: for a
// framing whose encoding of the event is more than its JSON. There is one such,
// so all callers mean the same.
func (e *Event) Framed(frame func(*Event) any) any {
	e.once.Do(func() { e.framed = frame(e) })
	return e.framed
}

// The types of event.
const (
	EventMessage  = "message"
	EventSignal   = "signal"
	EventPresence = "presence"
	EventRead     = "read"
	EventRoom     = "room"
	EventError    = "error"
	EventBye      = "bye"
)

// MessageEvent tells a room's subscribers of a message.
func MessageEvent(m *Message) *Event {
	return &Event{Type: EventMessage, Room: m.Room, Seq: m.Seq, JSON: EncodeJSON(m.wire(EventMessage))}
}

// SignalEvent tells a room's subscribers of a signal.
func SignalEvent(s *Signal) *Event {
	return &Event{Type: EventSignal, Room: s.Room, Droppable: true, JSON: EncodeJSON(struct {
		Type string          `json:"type"`
		Room string          `json:"room"`
		From User            `json:"from"`
		Kind string          `json:"kind"`
		Body json.RawMessage `json:"body"`
	}{EventSignal, s.Room, s.From, s.Kind, s.Body})}
}

// PresenceEvent tells a room's subscribers that a user came or went.
func PresenceEvent(room string, u User, online bool) *Event {
	return &Event{Type: EventPresence, Room: room, Droppable: true, JSON: EncodeJSON(struct {
		Type   string `json:"type"`
		Room   string `json:"room"`
		User   User   `json:"user"`
		Online bool   `json:"online"`
	}{EventPresence, room, u, online})}
}

// ReadEvent tells a user's other connections how far they have read.
func ReadEvent(r *ReadMark) *Event {
	return &Event{Type: EventRead, Room: r.Room, JSON: EncodeJSON(struct {
		Type string `json:"type"`
		Room string `json:"room"`
		Seq  int64  `json:"seq"`
	}{EventRead, r.Room, r.Seq})}
}

// RoomEvent tells a member who has not joined the room on this connection that
// it was made, changed, or has news.
func RoomEvent(r Room) *Event {
	return &Event{Type: EventRoom, Room: r.ID, JSON: EncodeJSON(struct {
		Type string `json:"type"`
		Room
	}{EventRoom, r})}
}

// LeftEvent tells somebody that they are no member of a room any more: the last
// that they hear of it.
func LeftEvent(room string) *Event {
	return &Event{Type: EventRoom, Room: room, JSON: EncodeJSON(struct {
		Type string `json:"type"`
		ID   string `json:"id"`
		Left bool   `json:"left"`
	}{EventRoom, room, true})}
}
