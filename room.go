package parley

import (
	"crypto/rand"
	"strings"
)

// A RoomKind says who may join a room.
type RoomKind string

const (
	// Public rooms are open to everyone who is signed in.
	Public RoomKind = "public"
	// Direct rooms belong to exactly two people, and nobody can join one.
	Direct RoomKind = "direct"
)

// A Room is a numbered log of messages and the people who may read it.
type Room struct {
	ID   string   `json:"id"`
	Name string   `json:"name"`
	Kind RoomKind `json:"kind"`
	// First is the lowest seq that is still kept, 1 unless older ones were
	// dropped; Last is the highest, 0 in a room where nothing was said.
	First int64 `json:"-"`
	Last  int64 `json:"last"`
}

// A Membership is a room as one of its members sees it.
type Membership struct {
	Room
	Read     int64 `json:"read"`     // the highest seq the member has read
	Unread   int64 `json:"unread"`   // messages of others after Read that count (see [Counts])
	Mentions int64 `json:"mentions"` // those of them that name the member
}

// ValidRoomID reports whether id matches [a-z0-9][a-z0-9-]{0,63}.
func ValidRoomID(id string) bool {
	if id == "" || len(id) > MaxRoomID || id[0] == '-' {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// NewRoomID returns an id for a room that nobody named: chance alone, so that
// no one can take it first.
func NewRoomID() string { return strings.ToLower(rand.Text()) }
