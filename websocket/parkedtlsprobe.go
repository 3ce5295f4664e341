package websocket

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"sync"
)

// tlsParks reports whether a tls.Conn goes on after reads that found nothing, between records and in the middle of one. It
// does, by how crypto/tls treats errors that are temporary, but that is promised nowhere: so it is tried, once.
var tlsParks = sync.OnceValue(func() bool {
	client, server, err := probePair()
	if err != nil {
		return false
	}
	const text = "is anybody there?"
	got := make([]byte, 2*len(text))
	for range 2 {
		if _, err := client.Write([]byte(text)); err != nil {
			return false
		}
		record := client.wire.take()
		for _, part := range [][]byte{nil, record[:recordHeader-2], record[recordHeader-2 : recordHeader+3]} {
			server.wire.bytes = part
			if _, err := server.Read(got); err != errParked {
				return false
			}
		}
		server.wire.bytes = record[recordHeader+3:]
		if n, err := server.Read(got); err != nil || string(got[:n]) != text {
			return false
		}
	}
	return true
})

// A probe is one end of a TLS connection, and what is below it.
type probe struct {
	*tls.Conn
	wire *probeWire
}

// A probeWire is a net.Conn that can be cut off: what is written then is kept, and what is kept is read.
type probeWire struct {
	net.Conn
	cut   bool
	bytes []byte
}

func (w *probeWire) Read(b []byte) (int, error) {
	if !w.cut {
		return w.Conn.Read(b)
	}
	n := copy(b, w.bytes)
	if w.bytes = w.bytes[n:]; n == 0 {
		return 0, errParked
	}
	return n, nil
}

func (w *probeWire) Write(b []byte) (int, error) {
	if !w.cut {
		return w.Conn.Write(b)
	}
	w.bytes = append(w.bytes, b...)
	return len(b), nil
}

// take returns what is kept, which is not any more.
func (w *probeWire) take() []byte {
	b := w.bytes
	w.bytes = nil
	return b
}

// probePair returns both ends of a TLS connection whose handshake is done, cut off from each other.
func probePair() (client, server probe, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return client, server, err
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		return client, server, err
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	client.wire, server.wire = &probeWire{Conn: a}, &probeWire{Conn: b}
	client.Conn = tls.Client(client.wire, &tls.Config{InsecureSkipVerify: true}) // it knows whom it talks to
	server.Conn = tls.Server(server.wire, &tls.Config{
		Certificates:           []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		SessionTicketsDisabled: true, // nobody would read them
	})
	done := make(chan error, 1)
	go func() {
		err := client.Handshake()
		if err != nil {
			a.Close()
		}
		done <- err
	}()
	if err = server.Handshake(); err != nil {
		b.Close()
	}
	if clientErr := <-done; err == nil {
		err = clientErr
	}
	client.wire.cut, server.wire.cut = true, true
	return client, server, err
}
