package nats_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/seed-4a326f83/parley/nats"
)

// file writes a file for the test.
func file(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// authority makes certificates for loopback, in files.
func authority(t *testing.T) (ca string, issue func() (cert, key string)) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, caKey.Public(), caKey)
	must(err)
	caCert, err := x509.ParseCertificate(der)
	must(err)
	encode := func(typ string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der}) }
	return file(t, "ca.pem", encode("CERTIFICATE", der)), func() (string, string) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(err)
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}
		der, err := x509.CreateCertificate(rand.Reader, leaf, caCert, key.Public(), caKey)
		must(err)
		secret, err := x509.MarshalPKCS8PrivateKey(key)
		must(err)
		return file(t, "cert.pem", encode("CERTIFICATE", der)), file(t, "key.pem", encode("PRIVATE KEY", secret))
	}
}

func TestTLSWithCertificatesOnBothSides(t *testing.T) {
	ca, issue := authority(t)
	cert, key := issue()
	config, err := server.GenTLSConfig(&server.TLSConfigOpts{CertFile: cert, KeyFile: key, CaFile: ca, Verify: true})
	if err != nil {
		t.Fatal(err)
	}
	config.MinVersion = tls.VersionTLS12
	s := run(t, &server.Options{TLSConfig: config, TLSVerify: true, TLSTimeout: patience.Seconds()})
	o := nats.Options{URLs: []string{"tls://" + s.Addr().String()}, CA: ca}
	o.Cert, o.Key = issue()
	meet(t, connect(t, o), connect(t, o))

	for name, bad := range map[string]nats.Options{
		"without a certificate of its own": {URLs: o.URLs, CA: ca},
		"with no authority for the server": {URLs: o.URLs, Cert: o.Cert, Key: o.Key},
	} {
		if n := connect(t, bad); n.linked() {
			t.Errorf("a bus is connected %s", name)
		}
	}
}

func TestCredentials(t *testing.T) {
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := user.PublicKey()
	seed, _ := user.Seed()
	stranger, _ := nkeys.CreateUser()
	strange, _ := stranger.Seed()

	at := func(s *server.Server, who string) []string {
		return []string{strings.Replace(s.ClientURL(), "nats://", "nats://"+who, 1)}
	}
	password := run(t, &server.Options{Username: "parley", Password: "s3cret"})
	token := run(t, &server.Options{Authorization: "t0ken"})
	nkey := run(t, &server.Options{Nkeys: []*server.NkeyUser{{Nkey: public}}})
	operator, creds, alien := operated(t)
	for name, try := range map[string]struct{ good, bad nats.Options }{
		"a password": {nats.Options{URLs: at(password, "parley:s3cret@")}, nats.Options{URLs: at(password, "parley:secret@")}},
		"a token":    {nats.Options{URLs: at(token, "t0ken@")}, nats.Options{URLs: at(token, "")}},
		"an nkey": {
			nats.Options{URLs: at(nkey, ""), NKey: file(t, "seed", seed)},
			nats.Options{URLs: at(nkey, ""), NKey: file(t, "seed", strange)},
		},
		"a file of credentials": {
			nats.Options{URLs: at(operator, ""), Credentials: file(t, "creds", creds)},
			nats.Options{URLs: at(operator, ""), Credentials: file(t, "creds", alien)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			meet(t, connect(t, try.good), connect(t, try.good))
			if connect(t, try.bad).linked() {
				t.Error("a bus is connected with what is wrong")
			}
		})
	}
	if _, err := nats.Connect(nats.Options{URLs: at(nkey, ""), NKey: file(t, "seed", []byte("no seed"))}); err == nil {
		t.Error("what is no seed was taken for one")
	}
}

// operated starts a server that believes an operator, and returns credentials of
// a user, and of one of another operator's.
func operated(t *testing.T) (s *server.Server, creds, alien []byte) {
	t.Helper()
	operator := newKey(t, nkeys.CreateOperator)
	account, creds := issueUser(t, operator)
	_, alien = issueUser(t, newKey(t, nkeys.CreateOperator))
	claims := jwt.NewOperatorClaims(public(t, operator))
	resolver := &server.MemAccResolver{}
	id, token := account()
	if err := resolver.Store(id, token); err != nil {
		t.Fatal(err)
	}
	return run(t, &server.Options{TrustedOperators: []*jwt.OperatorClaims{claims}, AccountResolver: resolver}), creds, alien
}

func newKey(t *testing.T, create func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	t.Helper()
	key, err := create()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func public(t *testing.T, key nkeys.KeyPair) string {
	t.Helper()
	id, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// issueUser makes an account of an operator's and a user in it.
func issueUser(t *testing.T, operator nkeys.KeyPair) (account func() (id, token string), creds []byte) {
	t.Helper()
	must := func(token string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	accountKey, userKey := newKey(t, nkeys.CreateAccount), newKey(t, nkeys.CreateUser)
	id := public(t, accountKey)
	token := must(jwt.NewAccountClaims(id).Encode(operator))
	user := must(jwt.NewUserClaims(public(t, userKey)).Encode(accountKey))
	seed, err := userKey.Seed()
	if err == nil {
		creds, err = jwt.FormatUserConfig(user, seed)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() (string, string) { return id, token }, creds
}
