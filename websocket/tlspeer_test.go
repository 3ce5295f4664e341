package websocket_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/seed-4a326f83/parley/websocket"
)

// The types of TLS records (RFC 8446 section 5.1).
const (
	recordAlert     = 21
	recordHandshake = 22
	recordData      = 23
)

var (
	closeNotify         = []byte{1, 0}           // RFC 8446 section 6.1
	keyUpdate           = []byte{24, 0, 0, 1, 0} // section 4.6.3
	keyUpdateBothWays   = []byte{24, 0, 0, 1, 1}
	errNotACloseNotify  = errors.New("the stream ended without a close_notify")
	errUnexpectedRecord = errors.New("a record of a type that should not come")
)

// A tlsPeer is a client's end of a TLS 1.3 connection that makes each record itself, as crypto/tls would not. As a net.Conn it
// sends what is written in one record, and follows when the server changes its keys.
type tlsPeer struct {
	net.Conn // without TLS
	in, out  recordKeys
	data     []byte // decrypted, and not read yet
	records  int    // of data that have come
	ended    bool   // close_notify has come
}

// tlsPeerPipe returns the server's end of a TLS connection above NewListener, and such a client's.
func tlsPeerPipe(t *testing.T) (server *tls.Conn, client *tlsPeer) {
	t.Helper()
	near, far := accepted(t, websocket.NewListener)
	server = tls.Server(near, &tls.Config{
		Certificates:           []tls.Certificate{certificate()},
		SessionTicketsDisabled: true, // they would be the first records
	})
	var secrets bytes.Buffer
	stock := tls.Client(far, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, KeyLogWriter: &secrets})
	done := async(stock.Handshake)
	if err := server.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := done(); err != nil {
		t.Fatal(err)
	}
	p := &tlsPeer{Conn: far}
	suite := stock.ConnectionState().CipherSuite
	for line := range strings.Lines(secrets.String()) {
		f := strings.Fields(line)
		secret, err := hex.DecodeString(f[2])
		if err != nil {
			t.Fatal(err)
		}
		switch f[0] {
		case "CLIENT_TRAFFIC_SECRET_0":
			p.out = newRecordKeys(suite, secret)
		case "SERVER_TRAFFIC_SECRET_0":
			p.in = newRecordKeys(suite, secret)
		}
	}
	return server, p
}

// seal makes a record.
func (p *tlsPeer) seal(typ byte, payload []byte) []byte { return p.out.seal(typ, payload) }

func (p *tlsPeer) Write(b []byte) (int, error) {
	if _, err := p.Conn.Write(p.seal(recordData, b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// updateKeys asks the server for new keys, and changes ours.
func (p *tlsPeer) updateKeys() []byte {
	record := p.seal(recordHandshake, keyUpdateBothWays)
	p.out = p.out.next()
	return record
}

func (p *tlsPeer) Read(b []byte) (int, error) {
	for len(p.data) == 0 {
		typ, payload, err := p.open()
		switch {
		case err == io.EOF && !p.ended:
			return 0, errNotACloseNotify
		case err != nil:
			return 0, err
		case p.ended:
			return 0, errUnexpectedRecord
		case typ == recordData:
			p.data = payload
			p.records++
		case typ == recordHandshake && bytes.Equal(payload, keyUpdate):
			p.in = p.in.next()
		case typ == recordAlert && bytes.Equal(payload, closeNotify):
			p.ended = true
		default:
			return 0, fmt.Errorf("%w: %d, %x", errUnexpectedRecord, typ, payload)
		}
	}
	n := copy(b, p.data)
	p.data = p.data[n:]
	return n, nil
}

// open reads a record.
func (p *tlsPeer) open() (typ byte, payload []byte, err error) {
	header := make([]byte, 5)
	if _, err := io.ReadFull(p.Conn, header); err != nil {
		return 0, nil, err
	}
	body := make([]byte, binary.BigEndian.Uint16(header[3:]))
	if _, err := io.ReadFull(p.Conn, body); err != nil {
		return 0, nil, err
	}
	return p.in.open(header, body)
}

// recordKeys protect the records of one direction (RFC 8446 section 5).
type recordKeys struct {
	hash   func() hash.Hash
	size   int // of the key
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	seq    *uint64
}

// newRecordKeys knows the suites of AES: where crypto/tls prefers another, a test that needs it cannot run.
func newRecordKeys(suite uint16, secret []byte) recordKeys {
	k := recordKeys{hash: sha256.New, size: 16, secret: secret}
	switch suite {
	case tls.TLS_AES_128_GCM_SHA256:
	case tls.TLS_AES_256_GCM_SHA384:
		k.hash, k.size = sha512.New384, 32
	default:
		panic("no AES: " + tls.CipherSuiteName(suite))
	}
	return k.derive()
}

func (k recordKeys) derive() recordKeys {
	block, err := aes.NewCipher(k.expand("key", k.size))
	if err != nil {
		panic(err)
	}
	if k.aead, err = cipher.NewGCM(block); err != nil {
		panic(err)
	}
	k.iv = k.expand("iv", 12)
	k.seq = new(uint64)
	return k
}

// next are the keys after an update (section 7.2).
func (k recordKeys) next() recordKeys {
	k.secret = k.expand("traffic upd", len(k.secret))
	return k.derive()
}

// expand is HKDF-Expand-Label of the secret with an empty context (section 7.1).
func (k recordKeys) expand(label string, n int) []byte {
	label = "tls13 " + label
	info := append(binary.BigEndian.AppendUint16(nil, uint16(n)), byte(len(label)))
	info = append(append(info, label...), 0)
	out, err := hkdf.Expand(k.hash, k.secret, string(info), n)
	if err != nil {
		panic(err)
	}
	return out
}

func (k recordKeys) nonce() []byte {
	nonce := bytes.Clone(k.iv)
	last := nonce[4:]
	binary.BigEndian.PutUint64(last, binary.BigEndian.Uint64(last)^*k.seq)
	*k.seq++
	return nonce
}

func (k recordKeys) seal(typ byte, payload []byte) []byte {
	inner := append(bytes.Clone(payload), typ)
	header := binary.BigEndian.AppendUint16([]byte{recordData, 3, 3}, uint16(len(inner)+k.aead.Overhead()))
	return k.aead.Seal(header, k.nonce(), inner, header)
}

func (k recordKeys) open(header, body []byte) (typ byte, payload []byte, err error) {
	inner, err := k.aead.Open(nil, k.nonce(), body, header)
	if err != nil {
		return 0, nil, err
	}
	inner = bytes.TrimRight(inner, "\x00")
	return inner[len(inner)-1], inner[:len(inner)-1], nil
}
