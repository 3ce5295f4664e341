package parley

import (
	"crypto/rand"
	"strings"
	"time"
)

// A RoomKind says who may join a room.
type RoomKind string

const (
	// Public rooms are open to everyone who is signed in.
	Public RoomKind = "public"
	// Private rooms are open to whom a member invites, and unknown to others.
	Private RoomKind = "private"
	// Direct rooms belong to exactly two people, and nobody can join one.
	Direct RoomKind = "direct"
)

// A Room is a numbered log of messages and the people who may read it.
type Room struct {
	ID   string   `json:"id"`
	Name string   `json:"name"`
	Kind RoomKind `json:"kind"`
	// Topic says what the room is about, in at most [MaxTopic] characters.
	Topic string `json:"topic,omitempty"`
	// Archived rooms can be read, and nothing is said in them any more.
	Archived bool `json:"archived,omitempty"`
	// First is the lowest seq that is still kept, 1 unless older ones were
	// dropped; Last is the highest, 0 in a room where nothing was said.
	First int64 `json:"-"`
	Last  int64 `json:"last"`
}

// A Membership is a room as one of its members sees it.
type Membership struct {
	Room
	Role     Role  `json:"role,omitempty"` // [Admin], or ""
	Read     int64 `json:"read"`           // the highest seq the member has read
	Unread   int64 `json:"unread"`         // messages of others after Read that count (see [Counts])
	Mentions int64 `json:"mentions"`       // those of them that name the member
}

// A RoomMember is a person of a room, as the others see them.
type RoomMember struct {
	User
	Role Role      `json:"role,omitempty"` // [Admin], or ""
	Seen time.Time `json:"seen"`           // when they were here last, as in [Account]
}

// A RoomChange says what is to be different; nil stays as it is.
type RoomChange struct {
	Name, Topic *string
	Archived    *bool
}

// A RoomOffer is a public room that one may join.
type RoomOffer struct {
	Room
	Members int  `json:"members"`
	Member  bool `json:"member"` // one has
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
