package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// parse reads a command line as main does.
func parse(args ...string) (serveCmd, error) {
	var c cli
	parser, err := kong.New(&c, kong.Exit(func(int) {}), kong.Writers(io.Discard, io.Discard))
	if err == nil {
		_, err = parser.Parse(append([]string{"serve"}, args...))
	}
	return c.Serve, err
}

func TestWhoMayComeIn(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("s", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	oidc := "--oidc-issuer=https://id.example --oidc-client=parley --public-url=https://chat.example"
	for _, test := range []struct {
		args   string
		guests bool
		wrong  string
	}{
		{"", true, ""},
		{"--listen=localhost:0", true, ""},
		{"--listen=[::1]:0", true, ""},
		{"--accounts", false, ""},
		{"--accounts --guests", true, ""},
		{"--listen=:8080", false, "--accounts"},
		{"--listen=0.0.0.0:8080 --guests", true, ""},
		{"--listen=:8080 --accounts", false, ""},
		{"--jwt-key=" + key, false, ""},
		{"--jwt-key=" + key + " --jwt-jwks=" + key, false, "not both"},
		{"--jwt-audience=x", false, "--jwt-key"},
		{oidc, false, ""},
		{"--oidc-issuer=https://id.example", false, "--oidc-client"},
		{"--oidc-issuer=https://id.example --oidc-client=parley", false, "--public-url"},
		{"--tls-cert=" + key, true, "--tls-key"},
		{"--http-listen=:80", true, "--tls-cert"},
		{"--trusted-proxies=10.0.0.0/8 --trusted-proxies=::1", true, ""},
	} {
		c, err := parse(strings.Fields(test.args)...)
		if (err != nil) != (test.wrong != "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
			t.Errorf("%q: %v, want %q", test.args, err, test.wrong)
		}
		if err == nil && c.guests() != test.guests {
			t.Errorf("%q: guests come in: %v", test.args, c.guests())
		}
	}
}

func TestOriginsAndProxies(t *testing.T) {
	for _, wrong := range []string{"intranet.example", "https://", "ftp://x", "https://x/path", "https://u@x"} {
		if _, err := (&serveCmd{AllowOrigin: []string{wrong}}).origins(); err == nil {
			t.Errorf("%s is an origin", wrong)
		}
	}
	if got, err := (&serveCmd{AllowOrigin: []string{"https://intranet.example:8443"}}).origins(); err != nil || got[0].Host != "intranet.example:8443" {
		t.Errorf("%v, %v", got, err)
	}
	for _, wrong := range []string{"proxy", "10.0.0.0/40", ""} {
		if _, err := (&serveCmd{TrustedProxies: []string{wrong}}).proxies(); err == nil {
			t.Errorf("%q is a proxy", wrong)
		}
	}
	if got, err := (&serveCmd{TrustedProxies: []string{"10.1.2.3/8", "192.0.2.1"}}).proxies(); err != nil || got[0].String() != "10.0.0.0/8" || got[1].String() != "192.0.2.1/32" {
		t.Errorf("%v, %v", got, err)
	}
}

// certificate writes a certificate for 127.0.0.1 and its key.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "parley"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err1 := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	keyDER, err2 := x509.MarshalPKCS8PrivateKey(private)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	err1 = os.WriteFile(cert, certPEM, 0o600)
	err2 = os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return cert, key, pool
}

// freeAddress returns an address that nobody listens on for now.
func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestHTTPSAndTheWayToIt(t *testing.T) {
	cert, key, pool := certificate(t)
	secure, plain := freeAddress(t), freeAddress(t)
	c, err := parse("--listen="+secure, "--http-listen="+plain, "--tls-cert="+cert, "--tls-key="+key, "--data="+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serving ended: %v", err)
		}
	}()
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	get := func(address string) *http.Response {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); ; {
			resp, err := client.Get(address)
			if err == nil {
				resp.Body.Close()
				return resp
			}
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond) // until it listens
		}
	}
	if resp := get("https://" + secure + "/healthz"); resp.StatusCode != http.StatusOK {
		t.Errorf("over HTTPS: %s", resp.Status)
	}
	resp := get("http://" + plain + "/some/page?q=1")
	if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusPermanentRedirect || to != "https://"+secure+"/some/page?q=1" {
		t.Errorf("over HTTP: %s to %s", resp.Status, to)
	}
}
