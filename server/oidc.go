package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/seed-4a326f83/parley"
)

// OIDC is a provider of OpenID Connect that people can sign in with. Make one
// with [NewOIDC].
type OIDC struct {
	name     string
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	client   OIDCClient
}

// OIDCClient is how this server is known to the provider, where its redirect
// URI is [Config.PublicURL] and /api/oidc/callback.
type OIDCClient struct {
	Name   string // of the provider, to show
	Issuer string // its address
	ID     string
	Secret string // "": a public client, which PKCE protects alone
}

// NewOIDC asks the provider how it is talked to (OpenID Connect Discovery 1.0,
// section 4).
func NewOIDC(ctx context.Context, client OIDCClient) (*OIDC, error) {
	provider, err := oidc.NewProvider(ctx, client.Issuer)
	if err != nil {
		return nil, fmt.Errorf("asking the OpenID provider %s: %w", client.Issuer, err)
	}
	if client.Name == "" {
		client.Name = "OpenID Connect"
	}
	return &OIDC{
		name:     client.Name,
		provider: provider,
		verifier: provider.Verifier(&oidc.Config{ClientID: client.ID}),
		client:   client,
	}, nil
}

const (
	oidcCookie = "parley-oidc"
	// oidcTime is how long signing in with the provider may take.
	oidcTime = 10 * time.Minute
)

// An oidcVisit is one way to the provider and back: what the browser keeps of it
// in a cookie, so that nobody can be led back who did not leave.
type oidcVisit struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"` // of PKCE (RFC 7636)
}

func (s *Server) oauth(r *http.Request) *oauth2.Config {
	return &oauth2.Config{
		ClientID: s.signIns.OIDC.client.ID, ClientSecret: s.signIns.OIDC.client.Secret,
		Endpoint:    s.signIns.OIDC.provider.Endpoint(),
		RedirectURL: s.origin(r) + "/api/oidc/callback",
		Scopes:      []string{oidc.ScopeOpenID, "profile"},
	}
}

func (s *Server) oidcStart(w http.ResponseWriter, r *http.Request) {
	visit := oidcVisit{rand.Text(), rand.Text(), oauth2.GenerateVerifier()}
	s.setVisit(w, r, visit, int(oidcTime/time.Second))
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, s.oauth(r).AuthCodeURL(visit.State, oidc.Nonce(visit.Nonce), oauth2.S256ChallengeOption(visit.Verifier)), http.StatusFound)
}

func (s *Server) oidcCallback(w http.ResponseWriter, r *http.Request) {
	s.setVisit(w, r, oidcVisit{}, -1)
	w.Header().Set("Cache-Control", "no-store")
	session, err := s.oidcSession(r)
	if err != nil {
		s.log.Info("signing in with the provider failed", "error", err)
		// The page tells; what the provider or an attacker wrote is not shown.
		http.Redirect(w, r, "/#refused=oidc", http.StatusFound)
		return
	}
	s.setSession(w, r, session)
	http.Redirect(w, r, "/", http.StatusFound)
}

// oidcSession signs in whoever comes back from the provider.
func (s *Server) oidcSession(r *http.Request) (parley.SessionToken, error) {
	visit, err := s.visit(r)
	if err != nil {
		return "", err
	}
	if r.FormValue("state") != visit.State {
		return "", errors.New("the state is another one's")
	}
	if reason := r.FormValue("error"); reason != "" {
		return "", fmt.Errorf("the provider says %q", reason)
	}
	token, err := s.oauth(r).Exchange(r.Context(), r.FormValue("code"), oauth2.VerifierOption(visit.Verifier))
	if err != nil {
		return "", err
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return "", errors.New("the provider sent no id_token")
	}
	id, err := s.signIns.OIDC.verifier.Verify(r.Context(), raw)
	if err != nil {
		return "", err
	}
	if id.Nonce != visit.Nonce {
		return "", errors.New("the nonce is another one's")
	}
	var names struct {
		Name     string `json:"name"`
		Username string `json:"preferred_username"`
	}
	if err := id.Claims(&names); err != nil {
		return "", err
	}
	if names.Name == "" {
		names.Name = names.Username
	}
	account, err := s.chat.External(r.Context(), parley.Claims{Issuer: id.Issuer, Subject: id.Subject, Name: names.Name})
	if err != nil {
		return "", err
	}
	return s.chat.StartSession(r.Context(), account.ID)
}

func (s *Server) setVisit(w http.ResponseWriter, r *http.Request, visit oidcVisit, age int) {
	value, _ := json.Marshal(visit)
	http.SetCookie(w, &http.Cookie{
		Name: oidcCookie, Value: base64.RawURLEncoding.EncodeToString(value), Path: "/api/oidc/", MaxAge: age,
		HttpOnly: true, Secure: s.secure(r), SameSite: http.SameSiteLaxMode,
	})
}

func (s *Server) visit(r *http.Request) (visit oidcVisit, err error) {
	cookie, err := r.Cookie(oidcCookie)
	if err != nil {
		return visit, err
	}
	value, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err == nil {
		err = json.Unmarshal(value, &visit)
	}
	if err == nil && (visit.State == "" || visit.Nonce == "" || visit.Verifier == "") {
		err = errors.New("the cookie of the visit is empty")
	}
	return visit, err
}
