package jwt

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"

	"github.com/seed-4a326f83/parley"
)

var (
	start  = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	secret = []byte(strings.Repeat("s", minSecret))
)

// claims are what a good token says.
func claims() map[string]any {
	return map[string]any{
		"iss": "https://them.example", "sub": "42", "aud": []string{"parley"}, "name": "Ann Lee",
		"exp": start.Add(time.Hour).Unix(),
	}
}

func sign(t *testing.T, alg jose.SignatureAlgorithm, key any, header map[jose.HeaderKey]any, claims any) string {
	t.Helper()
	o := &jose.SignerOptions{}
	for k, v := range header {
		o.WithHeader(k, v)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, o)
	if err != nil {
		t.Fatal(err)
	}
	token, err := josejwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// unsigned makes a token by hand, with a signature that is none.
func unsigned(header string, claims map[string]any) string {
	body, _ := json.Marshal(claims)
	b64 := base64.RawURLEncoding.EncodeToString
	return b64([]byte(header)) + "." + b64(body) + "."
}

func publicPEM(t *testing.T, public any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func with(name string, value any) map[string]any {
	c := claims()
	if value == nil {
		delete(c, name)
	} else {
		c[name] = value
	}
	return c
}

func TestWhatIsBelieved(t *testing.T) {
	ed, edPrivate, _ := ed25519.GenerateKey(rand.Reader)
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rs, _ := rsa.GenerateKey(rand.Reader, minRSA)
	for _, test := range []struct {
		name    string
		key     []byte
		alg     jose.SignatureAlgorithm
		private any
	}{
		{"a shared secret", append(secret, '\n'), jose.HS256, secret},
		{"RSA", publicPEM(t, &rs.PublicKey), jose.RS256, rs},
		{"P-256", publicPEM(t, &ec.PublicKey), jose.ES256, ec},
		{"Ed25519", publicPEM(t, ed), jose.EdDSA, edPrivate},
	} {
		v, err := FromKey(test.key, Options{Issuer: "https://them.example", Audience: "parley"})
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		v.now = func() time.Time { return start }
		got, err := v.Verify(t.Context(), sign(t, test.alg, test.private, nil, claims()))
		want := parley.Claims{Issuer: "https://them.example", Subject: "42", Name: "Ann Lee", Expires: start.Add(time.Hour + skew)}
		got.Expires = got.Expires.UTC()
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", test.name, got, err, want)
		}
	}
}

func TestWhatIsNotBelieved(t *testing.T) {
	rs, _ := rsa.GenerateKey(rand.Reader, minRSA)
	rsPEM := publicPEM(t, &rs.PublicKey)
	o := Options{Issuer: "https://them.example", Audience: "parley"}
	shared, err1 := FromKey(secret, o)
	public, err2 := FromKey(rsPEM, o)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	hs := func(c map[string]any) string { return sign(t, jose.HS256, secret, nil, c) }
	long := claims()
	long["more"] = strings.Repeat("x", maxToken)
	good := hs(claims())
	for _, test := range []struct {
		name  string
		v     *Verifier
		token string
	}{
		{"nothing", shared, ""},
		{"no token", shared, "a.b.c"},
		{"alg none", shared, unsigned(`{"alg":"none"}`, claims())},
		{"alg None", shared, unsigned(`{"alg":"None"}`, claims())},
		{"no signature", shared, good[:strings.LastIndexByte(good, '.')+1]},
		{"another secret", shared, sign(t, jose.HS256, []byte(strings.Repeat("x", 32)), nil, claims())},
		{"another algorithm of the same kind", shared, sign(t, jose.HS512, []byte(strings.Repeat("s", 64)), nil, claims())},
		{"the public key as a secret", public, sign(t, jose.HS256, rsPEM, nil, claims())},
		{"a critical header that nobody knows", shared, sign(t, jose.HS256, secret, map[jose.HeaderKey]any{"crit": []string{"x"}, "x": 1}, claims())},
		{"no exp", shared, hs(with("exp", nil))},
		{"expired", shared, hs(with("exp", start.Add(-skew-time.Second).Unix()))},
		{"not yet", shared, hs(with("nbf", start.Add(skew+time.Second).Unix()))},
		{"another issuer", shared, hs(with("iss", "https://others.example"))},
		{"no issuer", shared, hs(with("iss", nil))},
		{"another audience", shared, hs(with("aud", "others"))},
		{"no audience", shared, hs(with("aud", nil))},
		{"no subject", shared, hs(with("sub", nil))},
		{"too long", shared, hs(long)},
		{"a changed word", shared, good[:len(good)/2] + "A" + good[len(good)/2+1:]},
	} {
		test.v.now = func() time.Time { return start }
		got, err := test.v.Verify(t.Context(), test.token)
		if parley.ErrorCode(err) != parley.CodeUnauthorized {
			t.Errorf("%s: %+v, %v; want unauthorized", test.name, got, err)
		}
		if expired := errors.Is(err, parley.ErrExpired); expired != (test.name == "expired") {
			t.Errorf("%s: expired is %v", test.name, expired)
		}
	}
}

func TestClocksMayDiffer(t *testing.T) {
	v, _ := FromKey(secret, Options{})
	v.now = func() time.Time { return start }
	for _, c := range []map[string]any{with("exp", start.Add(-skew+time.Second).Unix()), with("nbf", start.Add(skew-time.Second).Unix())} {
		if _, err := v.Verify(t.Context(), sign(t, jose.HS256, secret, nil, c)); err != nil {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestSetsChooseByKeyID(t *testing.T) {
	one, onePrivate, _ := ed25519.GenerateKey(rand.Reader)
	two, twoPrivate, _ := ed25519.GenerateKey(rand.Reader)
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: one, KeyID: "one", Algorithm: "EdDSA", Use: "sig"}, {Key: two, KeyID: "two"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	v, err := FromSet(set, Options{})
	if err != nil {
		t.Fatal(err)
	}
	v.now = func() time.Time { return start }
	for _, test := range []struct {
		name string
		key  ed25519.PrivateKey
		kid  string
		good bool
	}{
		{"the first", onePrivate, "one", true}, {"the second", twoPrivate, "two", true}, {"no kid", twoPrivate, "", true},
		{"another's kid", twoPrivate, "one", false}, {"an unknown kid", onePrivate, "three", false},
	} {
		header := map[jose.HeaderKey]any{}
		if test.kid != "" {
			header["kid"] = test.kid
		}
		// What a token brings along is never asked.
		header["jku"], header["x5u"] = "https://evil.example/keys", "https://evil.example/chain"
		_, err := v.Verify(t.Context(), sign(t, jose.EdDSA, test.key, header, claims()))
		if (err == nil) != test.good {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestKeysThatAreNotTaken(t *testing.T) {
	ec, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	weak, _ := rsa.GenerateKey(rand.Reader, 1024)
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	private, _ := x509.MarshalPKCS8PrivateKey(p256)
	for name, data := range map[string][]byte{
		"a short secret": []byte("short"), "P-384": publicPEM(t, &ec.PublicKey),
		"a private key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	} {
		if _, err := FromKey(data, Options{}); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := bind("", &weak.PublicKey); err == nil {
		t.Error("a weak RSA key was taken")
	}
	for name, set := range map[string]string{
		"no set": `{}`, "no JSON": `x`, "only encryption": `{"keys":[{"kty":"oct","k":"` + base64.RawURLEncoding.EncodeToString(secret) + `","use":"enc"}]}`,
		"another algorithm": `{"keys":[{"kty":"oct","k":"` + base64.RawURLEncoding.EncodeToString(secret) + `","alg":"RS256"}]}`,
		"a private key":     privateSet(t, p256),
	} {
		if _, err := FromSet([]byte(set), Options{}); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func privateSet(t *testing.T, k *ecdsa.PrivateKey) string {
	t.Helper()
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k, KeyID: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(set)
}
