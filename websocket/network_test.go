package websocket_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/poll"
)

// A network is what a connection can run on.
type network struct {
	name  string
	pipe  func(t *testing.T) (server, client net.Conn)
	parks bool // in event mode there is no goroutine
}

var (
	overTCP      = network{"tcp", tcpPipe, poll.Supported}
	overTLS      = network{"tls", tlsPipe, poll.Supported}
	overTLS12    = network{"tls 1.2", oldTLSPipe, poll.Supported}
	overStockTLS = network{"tls without NewListener", stockTLSPipe, false}
	overMemory   = network{"memory", func(*testing.T) (net.Conn, net.Conn) { return net.Pipe() }, false}
)

// overNetworks runs f over each network.
func overNetworks(t *testing.T, networks []network, f func(t *testing.T, on network)) {
	t.Helper()
	for _, on := range networks {
		t.Run(on.name, func(t *testing.T) { f(t, on) })
	}
}

// overAll runs f over every network.
func overAll(t *testing.T, f func(t *testing.T, on network)) {
	t.Helper()
	overNetworks(t, []network{overTCP, overTLS, overStockTLS, overMemory}, f)
}

// overParked runs f over the networks on which event mode needs no goroutine.
func overParked(t *testing.T, f func(t *testing.T, on network)) {
	t.Helper()
	if poll.Supported {
		overNetworks(t, []network{overTCP, overTLS}, f)
	}
}

// overSockets runs f over the networks that have buffers in between.
func overSockets(t *testing.T, f func(t *testing.T, on network)) {
	t.Helper()
	overNetworks(t, []network{overTCP, overTLS, overTLS12, overStockTLS}, f)
}

// tcpPipe returns the two ends of a TCP connection over loopback.
func tcpPipe(t *testing.T) (server, client net.Conn) {
	t.Helper()
	return accepted(t, func(l net.Listener) net.Listener { return l })
}

// accepted returns the two ends of a connection over loopback, which the listener that wrap returns has accepted.
func accepted(t *testing.T, wrap func(net.Listener) net.Listener) (server, client net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = wrap(l).Accept(); err != nil {
		t.Fatal(err)
	}
	return server, client
}

// tlsPipe is tcpPipe with TLS, whose handshake is done, above a connection of NewListener.
func tlsPipe(t *testing.T) (server, client net.Conn) {
	t.Helper()
	return withTLS(t, &tls.Config{}, websocket.NewListener)
}

// oldTLSPipe is tlsPipe with TLS 1.2.
func oldTLSPipe(t *testing.T) (server, client net.Conn) {
	t.Helper()
	return withTLS(t, &tls.Config{MaxVersion: tls.VersionTLS12}, websocket.NewListener)
}

// stockTLSPipe is tlsPipe without NewListener.
func stockTLSPipe(t *testing.T) (server, client net.Conn) {
	t.Helper()
	return withTLS(t, &tls.Config{}, func(l net.Listener) net.Listener { return l })
}

func withTLS(t *testing.T, config *tls.Config, wrap func(net.Listener) net.Listener) (server, client *tls.Conn) {
	t.Helper()
	near, far := accepted(t, wrap)
	return handshake(t, config, near, far)
}

// handshake has both ends speak TLS.
func handshake(t testing.TB, config *tls.Config, near, far net.Conn) (server, client *tls.Conn) {
	t.Helper()
	config.Certificates = []tls.Certificate{certificate()}
	server = tls.Server(near, config)
	client = tls.Client(far, &tls.Config{InsecureSkipVerify: true})
	done := async(client.Handshake)
	if err := server.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := done(); err != nil {
		t.Fatal(err)
	}
	return server, client
}

var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})
