package parley

import (
	"encoding/json"
	"strings"
	"time"
)

// The kinds of message that the protocol knows. Applications add their own,
// which begin with [KindApp].
const (
	KindText     = "text"
	KindFile     = "file"
	KindEdit     = "edit"     // an entry of its own that changes its Target
	KindDelete   = "delete"   // likewise
	KindReaction = "reaction" // likewise
	KindApp      = "x-"
)

// Counts reports whether a message of this kind is news to a reader: edits,
// deletes and reactions are not.
func Counts(kind string) bool {
	return kind == KindText || kind == KindFile || strings.HasPrefix(kind, KindApp)
}

// A Message is an entry of a room's log. Entries are never changed: an edit, a
// delete or a reaction is an entry of its own with a Target.
type Message struct {
	Room   string
	Seq    int64  // 1, 2, 3... within the room, without holes
	ID     string // the client's: publishing is idempotent by user, room and ID
	From   User
	Time   time.Time // UTC, whole milliseconds
	Kind   string
	Body   json.RawMessage // compact JSON; of a message that was edited, the newest
	Target int64           // the seq that an edit, a delete or a reaction is about, else 0

	// What later entries say of it, as of now. A fresh message has none of it.
	Edited    bool
	Deleted   bool // its Body, and those of its edits, are {} for good
	Reactions []Reaction
}

// A Reaction is an emoji that people have put beside a message.
type Reaction struct {
	Emoji string `json:"emoji"`
	Count int    `json:"count"`
	Users []User `json:"users"` // the first [MaxReactors] of them
	Mine  bool   `json:"mine,omitempty"`
}

// wireMessage is a Message in the protocol's spelling and order.
type wireMessage struct {
	Type   string          `json:"type,omitempty"`
	Room   string          `json:"room"`
	Seq    int64           `json:"seq"`
	ID     string          `json:"id"`
	From   User            `json:"from"`
	Time   Time            `json:"time"`
	Kind   string          `json:"kind"`
	Body   json.RawMessage `json:"body"`
	Target int64           `json:"target,omitempty"`

	Edited    bool       `json:"edited,omitempty"`
	Deleted   bool       `json:"deleted,omitempty"`
	Reactions []Reaction `json:"reactions,omitempty"`
}

// MarshalJSON writes the message as it stands in a history or a join answer.
func (m Message) MarshalJSON() ([]byte, error) { return EncodeJSON(m.wire("")), nil }

func (m Message) wire(typ string) wireMessage {
	return wireMessage{typ, m.Room, m.Seq, m.ID, m.From, Time{m.Time}, m.Kind, m.Body, m.Target, m.Edited, m.Deleted, m.Reactions}
}

// Size is about how many bytes the message takes as JSON: enough to bound an
// answer with ([PageBytes]).
func (m Message) Size() int {
	const fields = 120 // names, quotes, seq, time
	size := fields
	for _, r := range m.Reactions {
		size += fields + len(r.Users)*fields
	}
	return size + len(m.Room) + len(m.ID) + len(m.From.ID) + len(m.From.Name) + len(m.Kind) + len(m.Body)
}

// A Signal is said to those who listen now and kept nowhere: typing, a cursor,
// a move in a game.
type Signal struct {
	Room string
	From User
	Kind string
	Body json.RawMessage // compact JSON, at most [MaxSignal] bytes
	// Origin names the connection that sent it, which does not hear it again.
	Origin string
}

// A Time is a moment as the protocol writes it: RFC 3339, UTC, milliseconds.
type Time struct{ time.Time }

// TimeFormat is the protocol's spelling of a moment.
const TimeFormat = "2006-01-02T15:04:05.000Z"

// MarshalJSON writes the moment in [TimeFormat].
func (t Time) MarshalJSON() ([]byte, error) {
	return []byte(t.UTC().Format(`"` + TimeFormat + `"`)), nil
}
