package test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// connect runs `parley connect` in a pipe and returns what it prints and how it
// ends.
func connect(t *testing.T, input string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append([]string{"connect"}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("parley connect %v: %v, %v\n%s", args, err, ctx.Err(), complaints.String())
	}
	return out.String(), complaints.String(), cmd.ProcessState.ExitCode()
}

// TestConnect points the terminal client at a server of another make.
func TestConnect(t *testing.T) {
	t.Parallel()
	types := make(chan websocket.MessageType, 1)
	mux := http.NewServeMux()
	// Echoes as many messages as X-Count says, and closes.
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"second"}})
		if err != nil {
			t.Errorf("accept: %v", err)
			return
		}
		defer conn.CloseNow()
		conn.SetReadLimit(1 << 20)
		count, _ := strconv.Atoi(r.Header.Get("X-Count"))
		for range count {
			typ, data, err := conn.Read(r.Context())
			if err != nil {
				t.Errorf("read: %v", err)
				return
			}
			types <- typ
			if err := conn.Write(r.Context(), typ, data); err != nil {
				t.Errorf("write: %v", err)
			}
		}
		if count == 0 {
			conn.Close(4321, "that was "+conn.Subprotocol())
			return
		}
		conn.Close(websocket.StatusNormalClosure, "")
	})
	plain := httptest.NewServer(mux)
	defer plain.Close()
	secure := httptest.NewUnstartedServer(mux)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshake that fails below is meant to
	secure.StartTLS()
	defer secure.Close()
	echo := func(s *httptest.Server) string { return strings.Replace(s.URL, "http", "ws", 1) + "/echo" }

	line := "grüße, 世界 👋\n"
	if out, complaints, status := connect(t, line, "-H", "X-Count: 1", echo(plain)); out != line || status != 0 {
		t.Errorf("echo: printed %q, status %d, %s", out, status, complaints)
	}
	if typ := <-types; typ != websocket.MessageText {
		t.Errorf("sent as %v", typ)
	}
	if out, complaints, status := connect(t, line, "--binary", "-H", "X-Count: 1", echo(plain)); out != line || status != 0 {
		t.Errorf("binary echo: printed %q, status %d, %s", out, status, complaints)
	}
	if typ := <-types; typ != websocket.MessageBinary {
		t.Errorf("with --binary sent as %v", typ)
	}
	long := strings.Repeat("0123456789", 50_000) + "\n"
	if out, complaints, status := connect(t, long, "-H", "X-Count: 1", echo(plain)); out != long || status != 0 {
		t.Errorf("echo of 500 kB: printed %d bytes, status %d, %s", len(out), status, complaints)
	}
	<-types
	_, complaints, status := connect(t, "", "--subprotocol", "first", "--subprotocol", "second", echo(plain))
	if status == 0 || !strings.Contains(complaints, "4321") || !strings.Contains(complaints, "that was second") {
		t.Errorf("closed with 4321: status %d, says %q", status, complaints)
	}
	if _, complaints, status := connect(t, "", echo(secure)); status == 0 || !strings.Contains(complaints, "certificate") {
		t.Errorf("a certificate that nobody knows: status %d, says %q", status, complaints)
	}
	if out, complaints, status := connect(t, line, "--insecure", "-H", "X-Count: 1", echo(secure)); out != line || status != 0 {
		t.Errorf("with --insecure: printed %q, status %d, %s", out, status, complaints)
	}
	<-types
	if _, complaints, status := connect(t, "", strings.Replace(echo(plain), "/echo", "/nowhere", 1)); status == 0 || !strings.Contains(complaints, "404") {
		t.Errorf("no WebSocket there: status %d, says %q", status, complaints)
	}

	s := newServer(t)
	out, complaints, _ := connect(t,
		`{"type":"hello","ref":1,"name":"pipe"}`+"\n"+`{"type":"join","ref":2,"room":"lobby"}`+"\n",
		"--subprotocol", subprotocol, "ws://"+s.addr()+"/ws")
	if lines := strings.Split(out, "\n"); len(lines) != 3 || !strings.Contains(lines[0], `"name":"pipe"`) || !strings.Contains(lines[1], `"room":"lobby"`) {
		t.Errorf("hello and join by pipe: printed %q, says %q", out, complaints)
	}
}
