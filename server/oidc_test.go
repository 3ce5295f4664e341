package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"

	"github.com/seed-4a326f83/parley/server"
)

// A provider is as much of OpenID Connect as signing in needs. Who comes to it is
// signed in as subject 42, "Ann Lee".
type provider struct {
	t      *testing.T
	http   *httptest.Server
	key    *ecdsa.PrivateKey
	visits map[string]url.Values // by code: what was asked for
	change func(claims map[string]any)
}

func newProvider(t *testing.T) *provider {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{t: t, key: key, visits: map[string]url.Values{}}
	mux := http.NewServeMux()
	p.http = httptest.NewServer(mux)
	t.Cleanup(p.http.Close)
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": p.http.URL, "authorization_endpoint": p.http.URL + "/authorize", "token_endpoint": p.http.URL + "/token",
			"jwks_uri": p.http.URL + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		code := rand.Text()
		p.visits[code] = r.URL.Query()
		back, _ := url.Parse(r.FormValue("redirect_uri"))
		back.RawQuery = url.Values{"code": {code}, "state": {r.FormValue("state")}}.Encode()
		http.Redirect(w, r, back.String(), http.StatusFound)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		visit, ok := p.visits[r.FormValue("code")]
		challenge := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if !ok || base64.RawURLEncoding.EncodeToString(challenge[:]) != visit.Get("code_challenge") || r.FormValue("redirect_uri") != visit.Get("redirect_uri") {
			w.WriteHeader(http.StatusBadRequest)
			answer(w, map[string]string{"error": "invalid_grant"})
			return
		}
		delete(p.visits, r.FormValue("code"))
		answer(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": p.token(visit.Get("nonce"))})
	})
	return p
}

func (p *provider) token(nonce string) string {
	claims := map[string]any{
		"iss": p.http.URL, "sub": "42", "aud": "parley", "nonce": nonce, "preferred_username": "Ann Lee",
		"exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
	}
	if p.change != nil {
		p.change(claims)
	}
	o := (&jose.SignerOptions{}).WithHeader("kid", "k")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.key}, o)
	if err != nil {
		p.t.Fatal(err)
	}
	token, err := josejwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		p.t.Fatal(err)
	}
	return token
}

// withProvider starts a server that people sign in to with the provider.
func withProvider(t *testing.T, p *provider) (base string) {
	t.Helper()
	o, err := server.NewOIDC(t.Context(), server.OIDCClient{Name: "Them", Issuer: p.http.URL, ID: "parley"})
	if err != nil {
		t.Fatal(err)
	}
	return startServer(t, options{noGuests: true, config: server.Config{SignIns: server.SignIns{OIDC: o}}})
}

// follow makes a GET of a whole address and returns where it leads.
func (b *browser) follow(address string) string {
	b.t.Helper()
	resp, err := b.client.Get(address)
	if err != nil {
		b.t.Fatal(err)
	}
	resp.Body.Close()
	to, err := resp.Location()
	if err != nil {
		b.t.Fatalf("%s leads nowhere: %s", address, resp.Status)
	}
	return to.String()
}

func TestSigningInWithAProvider(t *testing.T) {
	p := newProvider(t)
	base := withProvider(t, p)
	var ids []string
	for range 2 {
		b := newBrowser(t, base)
		if c := b.get("GET", "/api/config", ""); c["oidc"].(map[string]any)["name"] != "Them" {
			t.Errorf("the page is offered %v", c)
		}
		there := b.follow(base + "/api/oidc/start")
		if !strings.HasPrefix(there, p.http.URL+"/authorize?") {
			t.Fatalf("led to %s", there)
		}
		back := b.follow(there)
		if !strings.HasPrefix(back, base+"/api/oidc/callback?") {
			t.Fatalf("led back to %s", back)
		}
		if home := b.follow(back); home != base+"/" {
			t.Fatalf("led home to %s", home)
		}
		me := b.get("GET", "/api/me", "")
		if me["name"] != "Ann Lee" || me["password"] != false {
			t.Errorf("signed in as %v", me)
		}
		ids = append(ids, me["id"].(string))
		if again := b.follow(back); again != base+"/#refused=oidc" {
			t.Errorf("the same way back again leads to %s", again)
		}
	}
	if ids[0] != ids[1] {
		t.Errorf("one person is %v", ids)
	}
}

func TestWaysBackThatAreNotTaken(t *testing.T) {
	p := newProvider(t)
	base := withProvider(t, p)
	for name, test := range map[string]struct {
		change func(claims map[string]any)
		back   func(string) string
		other  bool // another browser comes back
	}{
		"another browser":  {other: true},
		"another state":    {back: func(s string) string { return strings.Replace(s, "state=", "state=x", 1) }},
		"another code":     {back: func(s string) string { return strings.Replace(s, "code=", "code=x", 1) }},
		"refused there":    {back: func(s string) string { return s + "&error=access_denied" }},
		"another nonce":    {change: func(c map[string]any) { c["nonce"] = "x" }},
		"another audience": {change: func(c map[string]any) { c["aud"] = "x" }},
		"another issuer":   {change: func(c map[string]any) { c["iss"] = "https://evil.example" }},
		"expired":          {change: func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() }},
		"another key":      {change: func(map[string]any) { p.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }},
	} {
		t.Run(name, func(t *testing.T) {
			key := p.key
			defer func() { p.key, p.change = key, nil }()
			p.change = test.change
			b := newBrowser(t, base)
			back := b.follow(b.follow(base + "/api/oidc/start"))
			if test.back != nil {
				back = test.back(back)
			}
			if test.other {
				b = newBrowser(t, base)
			}
			if to := b.follow(back); to != base+"/#refused=oidc" {
				t.Errorf("led to %s", to)
			}
			b.refused(401, "unauthorized", "GET", "/api/me", "")
		})
	}
}
