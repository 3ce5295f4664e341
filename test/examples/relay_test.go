package examples

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestRelayOfAGibibyte sends 1 GiB in fragments of 16 KiB to two receivers that are fast and one that is slow. The slow one
// is closed with 1013, as the program says; the fast ones get all of it, and the program's memory stays flat.
func TestRelayOfAGibibyte(t *testing.T) {
	const fragments, receivers = 1 << 16, 4 // the sender is one of them
	p := start(t, "relay")
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()

	fast := []*websocket.Conn{join(t, ctx, p), join(t, ctx, p)}
	slow := join(t, ctx, p)
	sender := dialRaw(t, p)
	before := memory(t, p, "VmRSS")

	type result struct {
		sum [sha256.Size]byte
		err error
	}
	received := make(chan result, len(fast))
	for _, conn := range fast {
		go func() {
			sum, err := digest(ctx, conn)
			received <- result{sum, err}
		}()
	}
	slowEnd := make(chan error, 1)
	go func() { slowEnd <- readSlowly(ctx, slow) }()
	go io.Copy(io.Discard, sender)

	begun := time.Now()
	sum, err := sendFragments(sender, fragments)
	if err != nil {
		t.Fatal(err)
	}
	for range fast {
		if got := <-received; got.err != nil || got.sum != sum {
			t.Errorf("a fast receiver got %x, %v; want %x", got.sum, got.err, sum)
		}
	}
	t.Logf("1 GiB in %s", time.Since(begun).Round(time.Millisecond))
	if err := <-slowEnd; websocket.CloseStatus(err) != websocket.StatusTryAgainLater {
		t.Errorf("the slow receiver's connection ended with %v; want 1013", err)
	}
	peak := memory(t, p, "VmHWM")
	t.Logf("memory grew from %d KiB to %d KiB", before, peak)
	if limit := receivers * 8 << 10; peak-before > limit {
		t.Errorf("memory grew by %d KiB for %d receivers; at most %d KiB may be", peak-before, receivers, limit)
	}
}

// join returns a connection that is in the room: the program has told it so.
func join(t *testing.T, ctx context.Context, p *program) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial(ctx, "ws://"+p.addr+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(-1)
	t.Cleanup(func() { conn.CloseNow() })
	if err := conn.Write(ctx, websocket.MessageText, []byte(`{"type":"join"}`)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.Read(ctx); err != nil {
		t.Fatal(err)
	}
	return conn
}

// digest reads up to the first binary message and returns its hash, without the sender's name.
func digest(ctx context.Context, conn *websocket.Conn) (sum [sha256.Size]byte, err error) {
	for {
		typ, body, err := conn.Reader(ctx)
		if err != nil {
			return sum, err
		}
		if typ == websocket.MessageText {
			if _, err := io.Copy(io.Discard, body); err != nil {
				return sum, err
			}
			continue
		}
		in := bufio.NewReaderSize(body, 64<<10)
		length, err := in.ReadByte()
		if err != nil {
			return sum, err
		}
		if _, err := in.Discard(int(length)); err != nil {
			return sum, err
		}
		hash := sha256.New()
		_, err = io.Copy(hash, in)
		return [sha256.Size]byte(hash.Sum(nil)), err
	}
}

// readSlowly takes about 1 MiB/s, until the connection ends.
func readSlowly(ctx context.Context, conn *websocket.Conn) error {
	pace := time.NewTicker(25 * time.Millisecond)
	defer pace.Stop()
	for {
		_, body, err := conn.Reader(ctx)
		for err == nil {
			<-pace.C
			_, err = io.CopyN(io.Discard, body, 25<<10)
		}
		if err != io.EOF {
			return err
		}
	}
}

// dialRaw does a handshake on a socket of its own.
func dialRaw(t *testing.T, p *program) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", p.addr)
	head := bufio.NewReaderSize(conn, 16) // nothing comes behind the answer until something is said
	line, err := head.ReadString('\n')
	if err != nil || !strings.Contains(line, strconv.Itoa(http.StatusSwitchingProtocols)) {
		t.Fatalf("the handshake was answered %q, %v", line, err)
	}
	for line != "\r\n" && err == nil {
		line, err = head.ReadString('\n')
	}
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// sendFragments sends one binary message of so many fragments of 16 KiB, no two alike, and returns its hash.
func sendFragments(conn io.Writer, fragments int) (sum [sha256.Size]byte, err error) {
	const size = 16 << 10
	const headerLength = 8
	var key = [4]byte{0x37, 0xfa, 0x21, 0x3d}
	var data, frame [headerLength + size]byte
	chance := rand.NewChaCha8([32]byte{})
	chance.Read(data[headerLength:])
	hash := sha256.New()
	binary.BigEndian.PutUint16(frame[2:], size)
	copy(frame[4:], key[:])
	for i := headerLength; i < len(frame); i++ {
		frame[i] = data[i] ^ key[i%4]
	}
	out := bufio.NewWriterSize(conn, 4*len(frame))
	for n := range fragments {
		frame[0] = 0 // continuation
		if n == 0 {
			frame[0] = 2
		}
		if n == fragments-1 {
			frame[0] |= 0x80
		}
		frame[1] = 0x80 | 126
		payload := data[headerLength:]
		binary.BigEndian.PutUint64(payload, uint64(n))
		for i := range 8 {
			frame[headerLength+i] = payload[i] ^ key[i%4]
		}
		hash.Write(payload)
		if _, err := out.Write(frame[:]); err != nil {
			return sum, err
		}
	}
	return [sha256.Size]byte(hash.Sum(nil)), out.Flush()
}

// memory returns a line of the program's /proc/PID/status, in KiB.
func memory(t *testing.T, p *program, name string) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.Atoi(strings.Fields(value)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no %s in %s", name, status)
	return 0
}
