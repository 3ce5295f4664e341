//go:build unix

package main

import (
	"context"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"github.com/seed-4a326f83/parley/websocket"
)

// A person sits at a terminal in which connect runs.
type person struct {
	t      *testing.T
	keys   *os.File
	chunks chan string // what the screen gets
	seen   string      // and what of it no expect has taken
	result chan error
	before *term.State
	tty    *os.File
}

// sit starts connect. The context is what a signal ends.
func sit(t *testing.T, ctx context.Context, address string, env ...string) *person {
	t.Helper()
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "1")
	for i := 0; i < len(env); i += 2 {
		t.Setenv(env[i], env[i+1])
	}
	keys, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, keys: keys, chunks: make(chan string, 1000), result: make(chan error, 1), before: before, tty: tty}
	t.Cleanup(func() {
		p.types("\n\x04") // ends the reads that connect has left behind
		tty.Close()
		for range p.chunks {
		}
		keys.Close()
	})
	go func() {
		defer close(p.chunks)
		for b := make([]byte, 4096); ; {
			n, err := keys.Read(b)
			if err != nil {
				return
			}
			p.chunks <- string(b[:n])
		}
	}()
	go func() { p.result <- (&connectCmd{URL: address, MaxSize: 1 << 20}).run(ctx, tty, tty) }()
	return p
}

func (p *person) types(keys string) {
	p.t.Helper()
	if _, err := p.keys.WriteString(keys); err != nil {
		p.t.Fatal(err)
	}
}

// expect waits for text on the screen and returns what came before it since the last one.
func (p *person) expect(text string) string {
	p.t.Helper()
	for {
		if before, after, ok := strings.Cut(p.seen, text); ok {
			p.seen = after
			return before
		}
		select {
		case chunk, ok := <-p.chunks:
			if !ok {
				p.t.Fatalf("the terminal is gone; it shows %q, not %q", p.seen, text)
			}
			p.seen += chunk
		case <-time.After(20 * time.Second):
			p.t.Fatalf("the screen shows %q, not %q", p.seen, text)
		}
	}
}

// leaves waits for connect to end, and looks at what it did to the terminal.
func (p *person) leaves() error {
	p.t.Helper()
	err := <-p.result
	after, stateErr := term.GetState(int(p.tty.Fd()))
	if stateErr != nil || !reflect.DeepEqual(p.before, after) {
		p.t.Errorf("the terminal is not as it was: %v", stateErr)
	}
	return err
}

func TestTerminalTalk(t *testing.T) {
	address, closed := newEcho(t, 0)
	p := sit(t, t.Context(), address)
	p.expect("connected")
	p.expect("> ")
	p.types("hello\r")
	p.expect("< hello\r\n")
	p.types("\x1b[A!\r") // up: the line before
	p.expect("< hello!\r\n")
	p.types("acb\x1b[D\x7fx\r") // left, backspace
	p.expect("< axb\r\n")
	p.types("//help\r")
	p.expect("< /help\r\n")
	p.types("\r/help\r")
	p.expect("/close [CODE [REASON]]")
	p.types("/nonsense\r")
	p.expect(`no command "/nonsense"`)
	p.types("/ping\r")
	p.expect("* pong after ")
	p.types("/close 1005\r")
	p.expect("not closed: CODE is")
	p.types(strings.Repeat("x", maxTyped+1) + "\r")
	p.expect("not sent: a typed line ends at 4096 characters")
	p.types("\x04") // Ctrl-D
	p.expect("* closed 1000 (normal closure)\r\n")
	if err := p.leaves(); err != nil {
		t.Error(err)
	}
	if e := <-closed; e.Code != websocket.StatusNormalClosure {
		t.Errorf("the server saw %v", e)
	}
}

func TestTerminalCloseWithACode(t *testing.T) {
	address, closed := newEcho(t, 0)
	p := sit(t, t.Context(), address)
	p.expect("> ")
	p.types("/close 4001 good night\r")
	p.expect("* closed 4001")
	if err := p.leaves(); err != nil {
		t.Error(err)
	}
	if e := <-closed; e.Code != 4001 || e.Reason != "good night" {
		t.Errorf("the server saw %v", e)
	}
}

func TestTerminalCtrlCAndSignalsClose(t *testing.T) {
	for name, end := range map[string]func(*person, context.CancelFunc){
		"Ctrl-C": func(p *person, _ context.CancelFunc) { p.types("half a line\x03") },
		"signal": func(_ *person, signal context.CancelFunc) { signal() },
	} {
		t.Run(name, func(t *testing.T) {
			address, closed := newEcho(t, 0)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			p := sit(t, ctx, address)
			p.expect("> ")
			end(p, cancel)
			p.expect("* closed 1000 (normal closure)\r\n")
			if err := p.leaves(); err != nil {
				t.Error(err)
			}
			if e := <-closed; e.Code != websocket.StatusNormalClosure {
				t.Errorf("the server saw %v", e)
			}
		})
	}
}

func TestTerminalSecondInterruptDoesNotWaitForTheServer(t *testing.T) {
	deaf := make(chan struct{})
	defer close(deaf)
	address := newServer(t, nil, func(ctx context.Context, conn *websocket.Conn, _ *http.Request) { <-deaf })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := sit(t, ctx, address)
	p.expect("> ")
	p.types("\x04")
	p.expect("\r\x1b[K") // the prompt is gone: it closes
	cancel()
	if err := p.leaves(); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("got %v", err)
	}
}

func TestTerminalIsNotDrivenByTheServer(t *testing.T) {
	address := newServer(t, nil, func(ctx context.Context, conn *websocket.Conn, _ *http.Request) {
		conn.Write(ctx, websocket.MessageText, []byte("\x1b]0;title\a\u009b\r\u202e\b{\n\t\"a\": 日本}"))
		conn.Write(ctx, websocket.MessageBinary, append([]byte("\x1b[2J"), make([]byte, 100)...))
		go conn.Ping(ctx)
		conn.Read(ctx)
	})
	p := sit(t, t.Context(), address)
	p.expect(`< \x1b]0;title\a\u009b\r\u202e\b{` + "\r\n  \t\"a\": 日本}\r\n")
	p.expect("< binary, 104 bytes: 1b 5b 32 4a " + strings.Repeat("00 ", maxDump-4) + "...\r\n")
	p.expect("* ping \"1\"\r\n")
	p.types("\x04")
	if err := p.leaves(); err != nil {
		t.Error(err)
	}
}

func TestTerminalErrorOfTheServer(t *testing.T) {
	address := newServer(t, nil, func(_ context.Context, conn *websocket.Conn, _ *http.Request) {
		conn.Close(websocket.StatusPolicyViolation, "not here")
	})
	p := sit(t, t.Context(), address)
	if err := p.leaves(); err == nil || err.Error() != "closed 1008 (policy violation): not here" {
		t.Errorf("got %v", err)
	}
}

func TestTerminalColours(t *testing.T) {
	address, _ := newEcho(t, 0)
	p := sit(t, t.Context(), address, "NO_COLOR", "")
	p.expect("> ")
	p.types("hi\r")
	p.expect("\x1b[36m< \x1b[0mhi\r\n")
	p.types("\x04")
	if err := p.leaves(); err != nil {
		t.Error(err)
	}
}

func TestDumbTerminalIsNotWrittenEscapesTo(t *testing.T) {
	address := newServer(t, nil, func(ctx context.Context, conn *websocket.Conn, _ *http.Request) {
		conn.Write(ctx, websocket.MessageText, []byte("\x1b[2J"))
		conn.Write(ctx, websocket.MessageBinary, []byte{1, 2})
		conn.Close(websocket.StatusNormalClosure, "")
	})
	p := sit(t, t.Context(), address, "TERM", "dumb")
	p.expect("\\x1b[2J\r\nbinary, 2 bytes: 01 02\r\n")
	if err := p.leaves(); err != nil {
		t.Error(err)
	}
}
