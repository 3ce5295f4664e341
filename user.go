package parley

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// A User is a person, or a program, that talks.
type User struct {
	ID   string `json:"id"`   // ours, and never given to anybody else
	Name string `json:"name"` // theirs: 1 to [MaxUserName] characters, in use once
}

// NewUserID returns an id for a new user: "u" and 16 random letters.
func NewUserID() string { return "u" + randomText(12) }

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
