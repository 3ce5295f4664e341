package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

const (
	subprotocol = "interop"
	phrase      = "Ünïcödé: κόσμε, 世界, 🌍. "
)

// longText is what a server sends in fragments.
var longText = strings.Repeat(phrase, 3000)

// sizes are of the messages that are echoed, in bytes; the last is the most that all partners take by default.
var sizes = []int{0, 1, 125, 126, 127, 1000, 65535, 65536, 1 << 20}

// textOf is text of at most size bytes.
func textOf(size int) string {
	s := strings.Repeat(phrase, size/len(phrase)+1)
	for size > 0 && s[size]&0xC0 == 0x80 {
		size--
	}
	return s[:size]
}

// bytesOf is a payload that repeats itself, with every byte in it.
func bytesOf(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

// A conn is a connection of ours, of gorilla or of coder, for the Go side of the conversation.
type conn interface {
	subprotocol() string
	read(ctx context.Context) (isText bool, p []byte, err error)
	write(ctx context.Context, isText bool, p []byte) error
	// fragments sends text in fragments of size bytes.
	fragments(ctx context.Context, text string, size int) error
	// ping sends a ping and waits for the pong, which is found by a read that is under way.
	ping(ctx context.Context) error
	// close closes with a code; an error tells that the peer did not answer.
	close(code int, reason string) error
	closeNow()
}

// An end is the peer's close frame.
type end struct {
	code   int
	reason string
}

func (e end) Error() string { return fmt.Sprintf("the peer closed with %d %q", e.code, e.reason) }

// converse is the client's side of the conversation.
func converse(t *testing.T, dial func(context.Context) (conn, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { c.closeNow() }()
	if c.subprotocol() != subprotocol {
		t.Errorf("the server agreed to the subprotocol %q", c.subprotocol())
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	want := func(wantText bool, want []byte) {
		t.Helper()
		isText, got, err := c.read(ctx)
		if err != nil || isText != wantText || !bytes.Equal(got, want) {
			t.Fatalf("came %d bytes (text: %v), %v; want %d bytes (text: %v)", len(got), isText, err, len(want), wantText)
		}
	}
	for _, size := range sizes {
		must(c.write(ctx, true, []byte(textOf(size))))
		want(true, []byte(textOf(size)))
		must(c.write(ctx, false, bytesOf(size)))
		want(false, bytesOf(size))
	}
	for n := range 50 {
		must(c.write(ctx, true, fmt.Appendf(nil, "%s number %d", phrase, n)))
	}
	for n := range 50 {
		want(true, fmt.Appendf(nil, "%s number %d", phrase, n))
	}
	must(c.fragments(ctx, longText, 999)) // which cuts characters in two
	want(true, []byte(longText))
	must(c.write(ctx, true, []byte("!fragments")))
	want(true, []byte(longText))
	must(c.write(ctx, true, []byte("!ping")))
	want(true, []byte("ponged"))

	got := make(chan error, 1)
	go func() {
		_, p, err := c.read(ctx)
		if err == nil && string(p) != "after the pong" {
			err = fmt.Errorf("came %q", p)
		}
		got <- err
	}()
	must(c.ping(ctx))
	must(c.write(ctx, true, []byte("after the pong")))
	must(<-got)
	must(c.close(4001, "thanks"))

	c, err = dial(ctx)
	must(err)
	must(c.write(ctx, true, []byte("!close")))
	_, _, err = c.read(ctx)
	if e := (end{}); !errors.As(err, &e) || e != (end{4321, "as you wish"}) {
		t.Fatalf("the connection ended with %v", err)
	}
}

// answer is the server's side of the conversation. It returns an error if the connection did not end as it should.
func answer(c conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	defer c.closeNow()
	for {
		isText, p, err := c.read(ctx)
		if err != nil {
			if e := (end{}); errors.As(err, &e) && e == (end{4001, "thanks"}) {
				return nil
			}
			return err
		}
		switch string(p) {
		case "!fragments":
			err = c.fragments(ctx, longText, 1000)
		case "!ping":
			go func() {
				if c.ping(ctx) == nil {
					c.write(ctx, true, []byte("ponged"))
				}
			}()
		case "!close":
			return c.close(4321, "as you wish")
		default:
			err = c.write(ctx, isText, p)
		}
		if err != nil {
			return err
		}
	}
}
