package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"
)

// The opcodes of RFC 6455 section 5.2.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

// A wire is a client's side of a connection, in bare frames: what is to be proved of the library must not rest on it.
type wire struct {
	tcp *net.TCPConn
	nc  net.Conn // tcp, or TLS over it
	in  *bufio.Reader

	writing sync.Mutex // held from the first to the last byte of a frame
}

func (w *wire) String() string {
	kind := "plain"
	if w.nc != net.Conn(w.tcp) {
		kind = "TLS"
	}
	return fmt.Sprintf("%s from %s to %s", kind, w.tcp.LocalAddr(), w.tcp.RemoteAddr())
}

// kernel returns what the kernel knows of both ends, from /proc/net/tcp: what rests in a receive queue has been forgotten by the
// process that should read it; what rests in a send queue, with a timer, TCP has not got across.
func (w *wire) kernel() string {
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return err.Error()
	}
	local := fmt.Sprintf(":%04X ", w.tcp.LocalAddr().(*net.TCPAddr).Port)
	remote := fmt.Sprintf(":%04X ", w.tcp.RemoteAddr().(*net.TCPAddr).Port)
	var ends strings.Builder
	for line := range strings.Lines(string(table)) {
		if strings.Contains(line, local) && strings.Contains(line, remote) || strings.Contains(line, "tx_queue") {
			ends.WriteString(line)
		}
	}
	return ends.String()
}

// write sends whole frames. That the connection has ended, those who read see.
func (w *wire) write(frames []byte) {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.nc.Write(frames)
}

// anybody is who may be the server: that is not what is tested here.
var anybody = &tls.Config{InsecureSkipVerify: true}

// handshakeTime bounds what comes before the first frame.
const handshakeTime = time.Minute

// narrow gives a socket little room to receive, and segments that fit in: TCP would wait for its timers if they did not.
func narrow(_, _ string, raw syscall.RawConn) (err error) {
	controlErr := raw.Control(func(fd uintptr) {
		err = errors.Join(
			syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 8<<10),
			syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1400))
	})
	return errors.Join(controlErr, err)
}

// dial connects and shakes hands (RFC 6455 section 4.1). early is sent along with the request. slow is for who takes what comes
// slowly.
func dial(addr string, secure, slow bool, early []byte) (*wire, error) {
	dialer := net.Dialer{Timeout: handshakeTime}
	if slow {
		dialer.Control = narrow
	}
	nc, err := dialer.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	w := &wire{tcp: nc.(*net.TCPConn), nc: nc}
	if err := w.shake(addr, secure, early); err != nil {
		nc.Close()
		return nil, fmt.Errorf("the handshake: %w", err)
	}
	return w, nil
}

func (w *wire) shake(addr string, secure bool, early []byte) error {
	w.tcp.SetDeadline(time.Now().Add(handshakeTime))
	if secure {
		w.nc = tls.Client(w.tcp, anybody)
	}
	request := fmt.Appendf(nil, "GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", addr)
	if _, err := w.nc.Write(append(request, early...)); err != nil {
		return err
	}
	w.in = bufio.NewReaderSize(w.nc, 2048)
	resp, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("the server answered %s", resp.Status)
	}
	return w.tcp.SetDeadline(time.Time{})
}

// appendFrame adds a frame to what is to be sent, masked with a key from rng.
func appendFrame(dst []byte, rng *rand.Rand, op byte, fin bool, payload []byte) []byte {
	if fin {
		op |= 0x80
	}
	dst = append(dst, op)
	switch n := len(payload); {
	case n <= 125:
		dst = append(dst, 0x80|byte(n))
	case n <= 0xFFFF:
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	}
	key := binary.LittleEndian.AppendUint32(nil, rng.Uint32())
	dst = append(dst, key...)
	for i, b := range payload {
		dst = append(dst, b^key[i&3])
	}
	return dst
}

// A message is a whole one, or a control frame.
type message struct {
	op      byte
	payload []byte
}

func (m message) String() string {
	if m.op == opClose && len(m.payload) >= 2 {
		return fmt.Sprintf("close frame %d %q", binary.BigEndian.Uint16(m.payload), m.payload[2:])
	}
	return fmt.Sprintf("message of opcode %d and %d bytes, %.20q", m.op, len(m.payload), m.payload)
}

func (m message) equal(other message) bool {
	return m.op == other.op && bytes.Equal(m.payload, other.payload)
}

var errFraming = errors.New("the server broke the protocol")

// read returns the next message or control frame; the server fragments nothing.
func (w *wire) read() (m message, err error) {
	var head [2]byte
	var long [8]byte
	if _, err := io.ReadFull(w.in, head[:]); err != nil {
		return m, err
	}
	m.op = head[0] & 0x0F
	length := uint64(head[1])
	if size := map[uint64]int{126: 2, 127: 8}[length]; size > 0 {
		if _, err := io.ReadFull(w.in, long[8-size:]); err != nil {
			return m, err
		}
		length = binary.BigEndian.Uint64(long[:])
	}
	if head[0]&0xF0 != 0x80 || length > 1<<20 {
		return m, fmt.Errorf("%w: a frame came that begins %x, of %d bytes", errFraming, head, length)
	}
	m.payload = make([]byte, length)
	_, err = io.ReadFull(w.in, m.payload)
	return m, err
}

// samples are what messages are cut from.
var sampleText, sampleBytes = samples()

// largest is the size of the largest message, in bytes.
const largest = 64 << 10

func samples() (text, any []byte) {
	rng := rand.New(rand.NewPCG(1, 2))
	runes := []rune("etaoin shrdlu äöü κόσμε 世界 😀")
	for len(text) < 4*largest {
		text = utf8.AppendRune(text, runes[rng.IntN(len(runes))])
	}
	any = make([]byte, 4*largest)
	for i := range any {
		any[i] = byte(rng.Uint32())
	}
	return text, any
}
