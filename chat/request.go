package chat

import (
	"encoding/json"

	"github.com/seed-4a326f83/parley"
)

// A Request is one word of a client's with its fields, as any framing carries
// it. A field that was not sent, or was null, is nil or "".
type Request struct {
	Type string

	Name, Token, Session string // hello

	Room  string
	Rooms map[string]*int64 // join: several rooms, each with its since
	Since *int64

	ID     string
	Kind   string
	Body   json.RawMessage // compact
	Target *int64

	Before, After *int64
	Limit         *int64

	User string
	Seq  *int64
}

// The acks, as the protocol spells them. A framing adds `type` and `ref`.
type (
	// HelloAck says who the client is.
	HelloAck struct {
		User      parley.User         `json:"user"`
		Session   parley.SessionToken `json:"session,omitempty"` // not where one came with a cookie or a token
		Heartbeat heartbeatAck        `json:"heartbeat"`
		Limits    limitsAck           `json:"limits"`
	}
	heartbeatAck struct {
		Interval int64 `json:"interval"` // ms
		Timeout  int64 `json:"timeout"`  // ms
	}
	limitsAck struct {
		Body  int     `json:"body"`  // bytes
		Rate  float64 `json:"rate"`  // publishes a second; 0: no limit
		Burst int     `json:"burst"` // publishes
	}
	// RoomsAck lists the rooms one is a member of.
	RoomsAck struct {
		Rooms []parley.Membership `json:"rooms"`
	}
	// JoinAck is a room as it stands at the moment of joining.
	JoinAck struct {
		Room      string           `json:"room"`
		First     int64            `json:"first"`
		Last      int64            `json:"last"`
		Messages  []parley.Message `json:"messages"`
		More      bool             `json:"more"`
		Recovered *bool            `json:"recovered,omitempty"` // with since alone
		Users     []parley.User    `json:"users"`
		Count     int              `json:"count"`
	}
	// JoinsAck answers a join of several rooms: a [JoinAck] or a
	// [JoinRefused] each, by room id.
	JoinsAck struct {
		Rooms []any `json:"rooms"`
	}
	// JoinRefused is a room of several that could not be joined.
	JoinRefused struct {
		Room  string       `json:"room"`
		Error ErrorMessage `json:"error"`
	}
	// PublishAck says that the message is on disk.
	PublishAck struct {
		Seq  int64       `json:"seq"`
		Time parley.Time `json:"time"`
	}
	// HistoryAck is a page of a room's log, ascending.
	HistoryAck struct {
		Messages []parley.Message `json:"messages"`
		More     bool             `json:"more"` // in the direction asked for
	}
	// PresenceAck names who is in a room now.
	PresenceAck struct {
		Users []parley.User `json:"users"`
		Count int           `json:"count"`
	}
	// DirectAck names the room of two people.
	DirectAck struct {
		Room string `json:"room"`
	}
	// Done is the ack of what needs no answer but that.
	Done struct{}
)

// An ErrorMessage is what a client is told of an error.
type ErrorMessage struct {
	Code       parley.Code `json:"code"`
	Message    string      `json:"message"`
	RetryAfter int64       `json:"retry_after,omitempty"` // ms
}

// ErrorOf returns what a client is told of err.
func ErrorOf(err error) ErrorMessage {
	e := parley.AsError(err)
	return ErrorMessage{e.Code, e.Message, e.RetryAfter.Milliseconds()}
}
