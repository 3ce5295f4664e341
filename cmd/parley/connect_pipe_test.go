package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

// newServer answers every handshake and hands the connection to talk. It returns its ws:// address.
func newServer(t *testing.T, opts *websocket.AcceptOptions, talk func(ctx context.Context, conn *websocket.Conn, r *http.Request)) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, opts)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		talk(context.WithoutCancel(r.Context()), conn, r)
	}))
	t.Cleanup(srv.Close)
	return "ws" + strings.TrimPrefix(srv.URL, "http")
}

// newEcho sends back what comes, and closes after the last'th message; 0: never. How the client closed comes from the channel.
func newEcho(t *testing.T, last int) (string, <-chan websocket.CloseError) {
	t.Helper()
	closed := make(chan websocket.CloseError, 1)
	return newServer(t, nil, func(ctx context.Context, conn *websocket.Conn, _ *http.Request) {
		conn.SetReadLimit(-1)
		for n := 1; ; n++ {
			typ, data, err := conn.Read(ctx)
			if err != nil {
				e, _ := err.(interface{ Unwrap() error }).Unwrap().(websocket.CloseError)
				closed <- e
				return
			}
			conn.Write(ctx, typ, data)
			if n == last {
				conn.Close(websocket.StatusGoingAway, "enough")
			}
		}
	}), closed
}

// pipe runs c with input and returns what it prints.
func pipe(t *testing.T, c *connectCmd, input string) (string, error) {
	t.Helper()
	in, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		io.WriteString(feed, input)
		feed.Close()
	}()
	return pipeFrom(t, c, in)
}

func pipeFrom(t *testing.T, c *connectCmd, in *os.File) (string, error) {
	t.Helper()
	shown, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	printed := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(shown)
		printed <- string(all)
	}()
	err = c.run(t.Context(), in, out)
	out.Close()
	return <-printed, err
}

func TestPipeSendsLinesAndPrintsReplies(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	for _, test := range []struct {
		name, input, want string
		messages          int
		binary            bool
	}{
		{"lines", "one\ntwo\n", "one\ntwo\n", 2, false},
		{"no newline at the end", "one\ntwo", "one\ntwo\n", 2, false},
		{"CRLF", "one\r\ntwo\r\n", "one\ntwo\n", 2, false},
		{"empty line", "\nx\n", "\nx\n", 2, false},
		{"long line", long + "\n", long + "\n", 1, false},
		{"commands are for terminals", "/help\n//x\n", "/help\n//x\n", 2, false},
		{"a pipe gets it raw", "\x1b[31mred\n", "\x1b[31mred\n", 1, false},
		{"binary", "\xff\x00\n", "\xff\x00\n", 1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			address, _ := newEcho(t, test.messages)
			got, err := pipe(t, &connectCmd{URL: address, Binary: test.binary, Wait: time.Hour, MaxSize: 1 << 20}, test.input)
			if err != nil || got != test.want {
				t.Errorf("printed %.100q, %v; want %.100q", got, err, test.want)
			}
		})
	}
}

func TestPipeSendsTheTypeAskedFor(t *testing.T) {
	for binary, want := range map[bool]websocket.MessageType{false: websocket.MessageText, true: websocket.MessageBinary} {
		address := newServer(t, nil, func(ctx context.Context, conn *websocket.Conn, _ *http.Request) {
			typ, _, _ := conn.Read(ctx)
			conn.Write(ctx, websocket.MessageText, []byte(typ.String()))
			conn.Close(websocket.StatusNormalClosure, "")
		})
		got, err := pipe(t, &connectCmd{URL: address, Binary: binary, Wait: time.Hour}, "x\n")
		if err != nil || got != want.String()+"\n" {
			t.Errorf("--binary=%v sent %q, %v", binary, got, err)
		}
	}
}

func TestPipePrintsWhatComesAfterTheInputEnded(t *testing.T) {
	ended := make(chan struct{})
	address := newServer(t, nil, func(ctx context.Context, conn *websocket.Conn, _ *http.Request) {
		<-ended
		conn.Write(ctx, websocket.MessageText, []byte("late"))
		conn.Close(websocket.StatusNormalClosure, "")
	})
	in, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	feed.Close()
	close(ended)
	if got, err := pipeFrom(t, &connectCmd{URL: address, Wait: time.Hour}, in); err != nil || got != "late\n" {
		t.Errorf("printed %q, %v", got, err)
	}
}

func TestPipeClosesNormallyWhenTheWaitIsOver(t *testing.T) {
	address, closed := newEcho(t, 0)
	if _, err := pipe(t, &connectCmd{URL: address}, "x\n"); err != nil {
		t.Error(err)
	}
	if e := <-closed; e.Code != websocket.StatusNormalClosure {
		t.Errorf("the server saw %v", e)
	}
}

func TestPipeInputThatCannotBeSent(t *testing.T) {
	for _, test := range []struct{ name, input, want string }{
		{"not UTF-8", "fine\n\xff\n", "line 2 of the input is not UTF-8"},
		{"too long", "fine\n1234567890\n12345678901\n", "line 3 of the input has more than 10 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			address, closed := newEcho(t, 0)
			if _, err := pipe(t, &connectCmd{URL: address, MaxSize: 10}, test.input); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if e := <-closed; e.Code != websocket.StatusNormalClosure {
				t.Errorf("the server saw %v", e)
			}
		})
	}
}

// stay is an input that does not end before the test does.
func stay(t *testing.T) *os.File {
	t.Helper()
	in, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { feed.Close() })
	return in
}

func TestHowTheServerEndsDecidesTheResult(t *testing.T) {
	closeWith := func(code websocket.StatusCode, reason string) func(context.Context, *websocket.Conn, *http.Request) {
		return func(_ context.Context, conn *websocket.Conn, _ *http.Request) { conn.Close(code, reason) }
	}
	for _, test := range []struct {
		name string
		talk func(context.Context, *websocket.Conn, *http.Request)
		want string // "": well
	}{
		{"1000", closeWith(websocket.StatusNormalClosure, "done"), ""},
		{"1001", closeWith(websocket.StatusGoingAway, ""), ""},
		{"no code", closeWith(websocket.StatusNoStatusRcvd, ""), ""},
		{"1008", closeWith(websocket.StatusPolicyViolation, "no\x1b[2J"), `closed 1008 (policy violation): no\x1b[2J`},
		{"4500", closeWith(4500, ""), "closed 4500"},
		{"dropped", func(context.Context, *websocket.Conn, *http.Request) {}, "dropped the connection"},
		{"too big", func(ctx context.Context, conn *websocket.Conn, _ *http.Request) {
			conn.Write(ctx, websocket.MessageText, make([]byte, 101))
			conn.Read(ctx)
		}, "more than 100 bytes: allow it with --max-size"},
	} {
		t.Run(test.name, func(t *testing.T) {
			address := newServer(t, nil, test.talk)
			_, err := pipeFrom(t, &connectCmd{URL: address, MaxSize: 100}, stay(t))
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestInterruptClosesNormally(t *testing.T) {
	address, closed := newEcho(t, 0)
	ctx, interrupt := context.WithCancel(t.Context())
	in, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	shown, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() { result <- (&connectCmd{URL: address, Wait: time.Hour}).run(ctx, in, out) }()
	io.WriteString(feed, "hi\n")
	io.ReadFull(shown, make([]byte, 3))
	interrupt()
	if err := <-result; err != nil {
		t.Error(err)
	}
	if e := <-closed; e.Code != websocket.StatusNormalClosure {
		t.Errorf("the server saw %v", e)
	}
}
