package parley

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"
)

// A User is a person, or a program, that talks.
type User struct {
	ID   string `json:"id"`   // ours, and never given to anybody else
	Name string `json:"name"` // theirs: 1 to [MaxUserName] characters, in use once
}

// NewUserID returns an id for a new user: "u" and 16 random letters.
func NewUserID() string { return "u" + randomText(12) }

// A Role is what a person may do beyond what everybody may: on the whole
// installation, or in one room.
type Role string

const (
	// Admin may do everything: in a room to the room, on an installation to
	// people and rooms.
	Admin Role = "admin"
	// Guest is a person who only gave a name.
	Guest Role = "guest"
	// Ordinary is everybody else.
	Ordinary Role = ""
)

// An Account is a person as the installation knows them.
type Account struct {
	User
	Role    Role      `json:"role,omitempty"`
	Seen    time.Time `json:"seen"` // when they were here last, see [People.SetSeen]; at first, when they came
	Removed bool      `json:"removed,omitempty"`
	// HasPassword is false for guests and for those whom another system
	// vouches for.
	HasPassword bool `json:"-"`
}

// Claims is what another system says of a person, in words that were checked.
type Claims struct {
	Issuer, Subject string    // who they are there
	Name            string    // what they are called; "": Subject
	Expires         time.Time // when it ends to be believed
}

// ErrExpired is the cause of a CodeUnauthorized for what was believed once.
var ErrExpired = errors.New("expired")

// SessionLife is for how long a session is good after it was last used.
const SessionLife = 90 * 24 * time.Hour

// A Ticket lets somebody in who has no account yet, or who lost the password:
// the secret of a link that is given to them. Its Hash is kept alone.
type Ticket struct {
	Hash    SessionHash
	ID      string // ours, to list and to revoke it by
	By      string // the user who made it; "": whoever runs the server
	Reset   string // the user whose password it sets; "": it invites a new person
	Uses    int    // how often it can still be used
	Expires time.Time
}

// A SessionToken proves to be the same user again: 128 random bits in URL-safe
// base64. It is the user's secret; we keep its hash alone.
type SessionToken string

// NewSessionToken returns a fresh token.
func NewSessionToken() SessionToken { return SessionToken(randomText(16)) }

// A SessionHash is what a [Store] keeps of a token. The token is 128 bits of
// chance, so a plain SHA-256 cannot be searched back.
type SessionHash [sha256.Size]byte

// Hash returns what is kept of the token.
func (t SessionToken) Hash() SessionHash { return sha256.Sum256([]byte(t)) }

// randomText returns n random bytes as URL-safe base64.
func randomText(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand crashes the program rather than return a weak number
	return base64.RawURLEncoding.EncodeToString(b)
}
