package chat

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/seed-4a326f83/parley"
)

const (
	minPassword = 8   // characters
	maxPassword = 256 // characters
)

// The cost of a guess: 19 MiB and two passes, which OWASP names as the least for
// argon2id. What is stored says its own cost, so this can be raised.
var passwordCost = argonCost{memory: 19 << 10, time: 2, threads: 1}

const (
	saltBytes = 16
	keyBytes  = 32
	// hashesAtOnce bounds the memory and the cores that signing in can take.
	hashesAtOnce = 2
)

type argonCost struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

// Passwords hashes and checks passwords, a few at a time.
type passwords struct{ slots chan struct{} }

func newPasswords() passwords { return passwords{make(chan struct{}, hashesAtOnce)} }

// hash returns what is stored of a password: argon2id in the usual spelling,
// $argon2id$v=19$m=...,t=...,p=...$salt$key.
func (p passwords) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	key, err := p.derive(ctx, password, salt, passwordCost)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		passwordCost.memory, passwordCost.time, passwordCost.threads, b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

// check reports whether the password is the one that was stored. Where nothing
// was stored it takes as long to say no.
func (p passwords) check(ctx context.Context, stored, password string) (bool, error) {
	cost, salt, want, ok := parseHash(stored)
	if !ok {
		cost, salt, want = passwordCost, make([]byte, saltBytes), make([]byte, keyBytes)
	}
	got, err := p.derive(ctx, password, salt, cost)
	return ok && err == nil && subtle.ConstantTimeCompare(got, want) == 1, err
}

func (p passwords) derive(ctx context.Context, password string, salt []byte, cost argonCost) ([]byte, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, parley.Errorf(parley.CodeUnavailable, "too many people sign in just now; try again")
	}
	// One person's keyboard composes an accent, another's does not.
	return argon2.IDKey([]byte(norm.NFC.String(password)), salt, cost.time, cost.memory, cost.threads, keyBytes), nil
}

func parseHash(stored string) (cost argonCost, salt, key []byte, ok bool) {
	parts := strings.Split(stored, "$")
	var version int
	if len(parts) != 6 || parts[1] != "argon2id" {
		return
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &cost.memory, &cost.time, &cost.threads); err != nil || cost.time == 0 || cost.threads == 0 {
		return
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	return cost, salt, key, err1 == nil && err2 == nil && len(key) == keyBytes
}

// checkPassword says what is wrong with a password that somebody picks.
func checkPassword(password, name string) error {
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password) || n < minPassword:
		return parley.Errorf(parley.CodeInvalid, "a password has at least %d characters; several words are easy to remember", minPassword)
	case n > maxPassword:
		return parley.Errorf(parley.CodeInvalid, "a password has at most %d characters", maxPassword)
	case parley.NameKey(password) == parley.NameKey(name):
		return parley.Errorf(parley.CodeInvalid, "a password must not be your name; pick another one")
	}
	return nil
}
