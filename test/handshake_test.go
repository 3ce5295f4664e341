package test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// upgrade is a handshake that the server accepts, but for its Host.
const upgrade = "GET /ws HTTP/1.1\r\n" +
	"Upgrade: websocket\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
	"Sec-WebSocket-Protocol: parley.v1.json\r\n"

// rawDial opens a TCP connection that gives up after patience.
func rawDial(t testing.TB, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { conn.Close() })
	return conn
}

// rawRequest writes a request head as it stands and reads the answer's.
func rawRequest(t testing.TB, addr, head string) *http.Response {
	t.Helper()
	conn := rawDial(t, addr)
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		t.Logf("writing the request: %v", err) // it may be refused before it was read to its end
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%.200q: %v", head, err)
	}
	res.Body.Close()
	return res
}

// TestHandshake holds the server to its word about requests for a WebSocket
// that a browser on a foreign page, a confused client, or nobody decent sends.
func TestHandshake(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	addr := s.addr()
	_, port, _ := net.SplitHostPort(addr)
	host := "Host: " + addr + "\r\n"
	without := func(header string) string {
		var kept []string
		for line := range strings.Lines(upgrade) {
			if !strings.HasPrefix(line, header) {
				kept = append(kept, line)
			}
		}
		return strings.Join(kept, "")
	}
	for _, tc := range []struct {
		name string
		head string
		want int
	}{
		{"no origin", upgrade + host, 101},
		{"own origin", upgrade + host + "Origin: http://" + addr + "\r\n", 101},
		{"localhost", upgrade + "Host: localhost:" + port + "\r\nOrigin: http://localhost:" + port + "\r\n", 101},
		{"foreign origin", upgrade + host + "Origin: http://evil.example\r\n", 403},
		{"null origin", upgrade + host + "Origin: null\r\n", 403},
		{"origin of another port", upgrade + host + "Origin: http://127.0.0.1:1\r\n", 403},
		{"origin of another scheme", upgrade + host + "Origin: https://" + addr + "\r\n", 403},
		{"origin that only begins like ours", upgrade + host + "Origin: http://" + addr + ".evil.example\r\n", 403},
		{"origin with our host as its user", upgrade + host + "Origin: http://" + addr + "@evil.example\r\n", 403},
		{"origin of another name for this machine", upgrade + host + "Origin: http://localhost:" + port + "\r\n", 403},
		{"two origins", upgrade + host + "Origin: http://" + addr + "\r\nOrigin: http://evil.example\r\n", 403},
		{"origin that is no URL", upgrade + host + "Origin: ://\r\n", 403},
		{"foreign host", upgrade + "Host: evil.example\r\n", 421},
		{"foreign host, same origin: DNS rebinding", upgrade + "Host: evil.example:" + port + "\r\nOrigin: http://evil.example:" + port + "\r\n", 421},
		{"host that only begins like ours", upgrade + "Host: 127.0.0.1.evil.example\r\n", 421},
		{"host that only ends like ours", upgrade + "Host: evil-localhost\r\n", 421},
		{"foreign host for the page", "GET / HTTP/1.1\r\nHost: evil.example\r\n", 421},
		{"no host", upgrade, 400},
		{"two hosts", upgrade + host + "Host: evil.example\r\n", 400},
		{"no upgrade", "GET /ws HTTP/1.1\r\n" + host, 426},
		{"post", strings.Replace(upgrade, "GET", "POST", 1) + host, 405},
		{"no key", without("Sec-WebSocket-Key") + host, 400},
		{"short key", without("Sec-WebSocket-Key") + "Sec-WebSocket-Key: AAAA\r\n" + host, 400},
		{"two keys", upgrade + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + host, 400},
		{"no version", without("Sec-WebSocket-Version") + host, 426},
		{"version 8", without("Sec-WebSocket-Version") + "Sec-WebSocket-Version: 8\r\n" + host, 426},
		{"a header of 20 KiB", upgrade + host + "X-Long: " + strings.Repeat("a", 20<<10) + "\r\n", 431},
		{"100 header fields", upgrade + host + strings.Repeat("X-Many: a\r\n", 100), 431},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			res := rawRequest(t, addr, tc.head)
			if res.StatusCode != tc.want {
				t.Errorf("%s, want %d", res.Status, tc.want)
			}
			if tc.want == 426 && res.Header.Get("Sec-WebSocket-Version") != "13" {
				t.Errorf("Sec-WebSocket-Version: %q, want 13", res.Header.Get("Sec-WebSocket-Version"))
			}
			if tc.want == 101 && res.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
				t.Errorf("Sec-WebSocket-Accept: %q", res.Header.Get("Sec-WebSocket-Accept"))
			}
			lives(t, addr)
		})
	}
}

// TestFrames sends what no WebSocket client may, past the handshake.
func TestFrames(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, tc := range []struct {
		name  string
		bytes string
		want  int // close code
	}{
		{"unmasked", "\x81\x02{}", 1002},
		{"reserved bit", "\xc1\x82\x00\x00\x00\x00{}", 1002},
		{"reserved opcode", "\x83\x80\x00\x00\x00\x00", 1002},
		{"long ping", "\x89\xfe\x00\x7e\x00\x00\x00\x00", 1002},
		{"fragmented ping", "\x09\x80\x00\x00\x00\x00", 1002},
		{"continuation of nothing", "\x80\x80\x00\x00\x00\x00", 1002},
		{"text within text", "\x01\x80\x00\x00\x00\x00\x81\x80\x00\x00\x00\x00", 1002},
		{"length not in its shortest form", "\x81\xfe\x00\x02\x00\x00\x00\x00{}", 1002},
		{"length of 2^63", "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 1002},
		{"declared length of 1 TiB that does not come", "\x81\xff\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00", 4000},
		{"bad UTF-8", "\x81\x82\x00\x00\x00\x00\xc3\x28", 1007},
		{"half a character", "\x81\x81\x00\x00\x00\x00\xc3", 1007},
		{"close with one byte", "\x88\x81\x00\x00\x00\x00\x03", 1002},
		{"close with a code that is not for the wire", "\x88\x82\x00\x00\x00\x00\x03\xee", 1002},
		{"close with bad UTF-8", "\x88\x83\x00\x00\x00\x00\x03\xe8\xff", 1007},
		{"2,000 empty fragments", "\x01\x80\x00\x00\x00\x00" + strings.Repeat("\x00\x80\x00\x00\x00\x00", 2000), 1008},
		{"binary", "\x82\x80\x00\x00\x00\x00", 1003},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			conn := rawDial(t, s.addr())
			go io.WriteString(conn, upgrade+"Host: "+s.addr()+"\r\n\r\n"+tc.bytes)
			r := bufio.NewReader(conn)
			if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 101 {
				t.Fatalf("handshake: %v, %v", res, err)
			}
			code, err := readClose(r)
			if err != nil || code != tc.want {
				t.Errorf("close code %d, err %v; want %d", code, err, tc.want)
			}
			lives(t, s.addr())
		})
	}
}

// readClose reads a server's frames up to its close frame and returns the code.
func readClose(r *bufio.Reader) (int, error) {
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(r, head); err != nil {
			return 0, err
		}
		n := int(head[1])
		if n > 125 {
			ext := make([]byte, 2)
			if n != 126 {
				return 0, fmt.Errorf("frame with length byte %d", n)
			}
			if _, err := io.ReadFull(r, ext); err != nil {
				return 0, err
			}
			n = int(ext[0])<<8 | int(ext[1])
		}
		payload := make([]byte, n)
		if _, err := io.ReadFull(r, payload); err != nil {
			return 0, err
		}
		if head[0] == 0x88 {
			if n < 2 {
				return 1005, nil
			}
			return int(payload[0])<<8 | int(payload[1]), nil
		}
	}
}
