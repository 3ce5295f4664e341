// Package jwt believes JSON Web Tokens (RFC 7519) that another system has
// signed, by keys that the operator gave. It is how Parley is embedded in a
// product that has its own sign-in.
package jwt

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"

	"github.com/seed-4a326f83/parley"
)

const (
	// maxToken is the longest token that is read, in bytes.
	maxToken = 4 << 10
	// skew is by how much two systems' clocks may differ.
	skew = 30 * time.Second
	// minSecret and minRSA are what RFC 7518, sections 3.2 and 3.3, asks of
	// keys, in bytes and bits.
	minSecret = 32
	minRSA    = 2048
)

// A Verifier checks tokens. It is safe for concurrent use.
type Verifier struct {
	keys []key
	o    Options
	now  func() time.Time
}

// Options say whose tokens are believed. The zero value believes every token
// that one of the keys has signed.
type Options struct {
	Issuer   string // must be the token's iss
	Audience string // must be in the token's aud
}

// A key is bound to one algorithm: a token cannot choose how it is checked.
type key struct {
	id        string // a token with a kid is checked by the key of that id
	algorithm jose.SignatureAlgorithm
	key       any
}

// FromKey returns a verifier with one key: a public key in PEM (RSA, of at least
// 2,048 bits, P-256, or Ed25519), or else a secret that both share, of at least
// 32 bytes, for HS256. Space around a secret does not belong to it.
func FromKey(data []byte, o Options) (*Verifier, error) {
	block, _ := pem.Decode(data)
	var k any = trimmed(data)
	if block != nil {
		var err error
		if k, err = x509.ParsePKIXPublicKey(block.Bytes); err != nil {
			return nil, fmt.Errorf("jwt: the PEM block %q is not a public key (a private one stays with whoever signs): %w", block.Type, err)
		}
	}
	bound, err := bind("", k)
	if err != nil {
		return nil, err
	}
	return &Verifier{[]key{bound}, o, time.Now}, nil
}

// FromSet returns a verifier with the keys of a JSON Web Key Set (RFC 7517).
func FromSet(data []byte, o Options) (*Verifier, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("jwt: this is no JSON Web Key Set: %w", err)
	}
	v := &Verifier{nil, o, time.Now}
	for i, k := range set.Keys {
		if k.Use != "" && k.Use != "sig" {
			continue
		}
		bound, err := bind(k.KeyID, k.Key)
		if err != nil {
			return nil, fmt.Errorf("jwt: key %d (%q) of the set: %w", i, k.KeyID, err)
		}
		if k.Algorithm != "" && k.Algorithm != string(bound.algorithm) {
			return nil, fmt.Errorf("jwt: key %d (%q) of the set is for %s; only %s is done with such a key", i, k.KeyID, k.Algorithm, bound.algorithm)
		}
		v.keys = append(v.keys, bound)
	}
	if len(v.keys) == 0 {
		return nil, errors.New("jwt: the set has no key for signatures")
	}
	return v, nil
}

// bind chooses the one algorithm that a key is good for.
func bind(id string, k any) (key, error) {
	switch k := k.(type) {
	case []byte:
		if len(k) < minSecret {
			return key{}, fmt.Errorf("a secret has at least %d bytes, this one has %d", minSecret, len(k))
		}
		return key{id, jose.HS256, k}, nil
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSA {
			return key{}, fmt.Errorf("an RSA key has at least %d bits, this one has %d", minRSA, k.N.BitLen())
		}
		return key{id, jose.RS256, k}, nil
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return key{id, jose.ES256, k}, nil
		}
	case ed25519.PublicKey:
		return key{id, jose.EdDSA, k}, nil
	}
	if signer, ok := k.(crypto.Signer); ok {
		return key{}, fmt.Errorf("this is a private key (%T); give the public one", signer)
	}
	return key{}, fmt.Errorf("keys of this kind (%T) are not taken; take RSA, P-256 or Ed25519", k)
}

func trimmed(data []byte) []byte {
	for len(data) > 0 && data[len(data)-1] <= ' ' {
		data = data[:len(data)-1]
	}
	for len(data) > 0 && data[0] <= ' ' {
		data = data[1:]
	}
	return data
}

// Verify returns what a token says of its bearer, or [parley.CodeUnauthorized]:
// it must be signed by one of the keys, by the algorithm of that key, and have
// sub and an exp that is not past. It reads name, or else preferred_username. It
// is what package chat wants.
func (v *Verifier) Verify(_ context.Context, token string) (parley.Claims, error) {
	claims, err := v.verify(token)
	if errors.Is(err, josejwt.ErrExpired) {
		return parley.Claims{}, &parley.Error{Code: parley.CodeUnauthorized, Message: "this token has expired; sign in again", Err: parley.ErrExpired}
	}
	if err != nil {
		return parley.Claims{}, &parley.Error{Code: parley.CodeUnauthorized, Message: "this token is not believed here; sign in again", Err: err}
	}
	return claims, nil
}

func (v *Verifier) verify(token string) (parley.Claims, error) {
	if len(token) > maxToken {
		return parley.Claims{}, fmt.Errorf("a token of %d bytes", len(token))
	}
	var algorithms []jose.SignatureAlgorithm
	for _, k := range v.keys {
		algorithms = append(algorithms, k.algorithm)
	}
	parsed, err := josejwt.ParseSigned(token, algorithms)
	if err != nil {
		return parley.Claims{}, err
	}
	var standard josejwt.Claims
	var names struct {
		Name     string `json:"name"`
		Username string `json:"preferred_username"`
	}
	header := parsed.Headers[0]
	err = errors.New("no key has signed it")
	for _, k := range v.keys {
		if string(k.algorithm) != header.Algorithm || header.KeyID != "" && k.id != "" && k.id != header.KeyID {
			continue
		}
		if err = parsed.Claims(k.key, &standard, &names); err == nil {
			break
		}
	}
	if err != nil {
		return parley.Claims{}, err
	}
	expected := josejwt.Expected{Issuer: v.o.Issuer, Time: v.now()}
	if v.o.Audience != "" {
		expected.AnyAudience = josejwt.Audience{v.o.Audience}
	}
	if err := standard.ValidateWithLeeway(expected, skew); err != nil {
		return parley.Claims{}, err
	}
	if standard.Expiry == nil || standard.Subject == "" {
		return parley.Claims{}, errors.New("it has no exp, or no sub")
	}
	name := names.Name
	if name == "" {
		name = names.Username
	}
	return parley.Claims{
		Issuer: standard.Issuer, Subject: standard.Subject, Name: name,
		Expires: standard.Expiry.Time().Add(skew),
	}, nil
}
