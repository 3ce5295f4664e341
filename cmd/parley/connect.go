package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed-4a326f83/parley/websocket"
)

// connectCmd is a WebSocket client for people (at a terminal) and for pipes.
type connectCmd struct {
	URL         string        `arg:"" help:"Where to: ws://, wss://, http://, https://, or HOST[:PORT][/PATH], which means ws://."`
	Header      []string      `short:"H" sep:"none" placeholder:"'NAME: VALUE'" env:"-" help:"Header field to send with the handshake; may be repeated."`
	Subprotocol []string      `short:"s" placeholder:"NAME" env:"-" help:"Subprotocol to offer; may be repeated, the preferred first."`
	Binary      bool          `short:"b" env:"-" help:"Send lines as binary messages."`
	Insecure    bool          `short:"k" env:"-" help:"Do not verify the server's TLS certificate."`
	Wait        time.Duration `default:"1s" env:"-" help:"In a pipe: how long after the end of the input to go on printing what comes, before the connection is closed."`
	MaxSize     int64         `default:"16777216" placeholder:"BYTES" env:"-" help:"Largest message to take, and longest line of a pipe (default 16 MiB). 0: any size."`
}

// Help is what `parley connect --help` says above the flags.
func (*connectCmd) Help() string {
	return `At a terminal, each line typed is a message; /help lists the commands. Ctrl-D or Ctrl-C closes.

In a pipe, each line of the input is a message, and each message that comes is printed as it is (a terminal gets control
characters escaped) and ended by a newline. At the end of the input the connection stays open for --wait:

    echo hi | parley connect ws://127.0.0.1:9000/echo

The exit status is 0 if the connection was closed normally (1000, 1001, no code, or the code given to /close), else 1.`
}

// Run talks until one of the sides closes, or ctx is done.
func (c *connectCmd) Run(ctx context.Context) error {
	return c.run(ctx, os.Stdin, os.Stdout)
}

// An ending is why this side closes.
type ending struct {
	code   websocket.StatusCode
	reason string
	err    error // what is wrong with the input, if something is
}

func (c *connectCmd) run(ctx context.Context, in, out *os.File) error {
	s := newScreen(in, out)
	conn, err := c.dial(ctx, s)
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	if s.interactive {
		if err := s.open(); err != nil {
			return err
		}
		defer s.close()
		with := ""
		if conn.Subprotocol() != "" {
			with = " with subprotocol " + conn.Subprotocol()
		}
		s.note("connected%s; Ctrl-D closes, /help says more", with)
	}

	received := make(chan error, 1)
	go func() { received <- receive(conn, s) }()
	sent := make(chan ending, 1)
	go func() {
		if s.interactive {
			sent <- c.typed(conn, s)
		} else {
			sent <- c.piped(conn, in)
		}
	}()

	end := ending{code: websocket.StatusNormalClosure}
	select {
	case err := <-received:
		return c.closed(s, err, end)
	case <-ctx.Done():
	case end = <-sent:
		if s.interactive || end.err != nil {
			break
		}
		select {
		case err := <-received:
			return c.closed(s, err, end)
		case <-ctx.Done():
		case <-time.After(c.Wait):
		}
	}

	before := ctx.Err()
	if before == nil {
		defer context.AfterFunc(ctx, func() { conn.CloseNow() })()
	}
	// The terminal is as it was from here on, so that Ctrl-C is a signal again: it ends the wait for the server.
	s.close()
	closeErr := conn.Close(end.code, end.reason)
	err = <-received
	switch {
	case websocket.CloseStatus(err) != -1:
	case before == nil && ctx.Err() != nil:
		err = errors.New("interrupted before the server answered the close")
	case closeErr != nil && errors.Is(err, net.ErrClosed):
		err = closeErr
	}
	return c.closed(s, err, end)
}

// closed says how the connection ended, and returns an error unless it ended well.
func (c *connectCmd) closed(s *screen, err error, end ending) error {
	s.close()
	var peer websocket.CloseError
	switch {
	case !errors.As(err, &peer):
		if errors.Is(err, websocket.ErrMessageTooBig) {
			err = fmt.Errorf("the server sent a message of more than %d bytes: allow it with --max-size", c.MaxSize)
		}
		return errors.Join(end.err, err)
	case end.err != nil:
		return end.err
	}
	text := "closed " + closeText(peer)
	switch peer.Code {
	case websocket.StatusNormalClosure, websocket.StatusGoingAway, websocket.StatusNoStatusRcvd, end.code:
		s.note("%s", text)
		return nil
	}
	return errors.New(text)
}

// closeText is a close frame in words: "1008 (policy violation): the reason".
func closeText(e websocket.CloseError) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", int(e.Code))
	if name, ok := strings.CutPrefix(e.Code.String(), "Status"); ok && !strings.HasPrefix(name, "Code(") {
		b.WriteString(" (" + words(name) + ")")
	}
	if e.Reason != "" {
		b.WriteString(": " + visible(e.Reason))
	}
	return b.String()
}

// receive shows what comes until the connection ends, and returns why it did.
func receive(conn *websocket.Conn, s *screen) error {
	for {
		typ, data, err := conn.Read(context.Background())
		if err != nil {
			return err
		}
		if err := s.message(typ, data); err != nil {
			return fmt.Errorf("what comes cannot be shown any more: %w", err)
		}
	}
}

// write sends a message. An error means that the connection has been closed: receive knows why.
func (c *connectCmd) write(conn *websocket.Conn, data []byte) error {
	typ := websocket.MessageText
	if c.Binary {
		typ = websocket.MessageBinary
	}
	return conn.Write(context.Background(), typ, data)
}

// piped sends each line of in, and returns what to close with.
func (c *connectCmd) piped(conn *websocket.Conn, in io.Reader) ending {
	end := ending{code: websocket.StatusNormalClosure}
	lines := bufio.NewScanner(in)
	limit := math.MaxInt
	if c.MaxSize > 0 && c.MaxSize < math.MaxInt {
		limit = int(c.MaxSize) + 1 // the newline
	}
	lines.Buffer(nil, limit)
	n := 1
	for ; lines.Scan(); n++ {
		if !c.Binary && !utf8.Valid(lines.Bytes()) {
			end.err = fmt.Errorf("line %d of the input is not UTF-8: --binary sends it as it is", n)
			return end
		}
		if c.write(conn, lines.Bytes()) != nil {
			return end
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		end.err = fmt.Errorf("line %d of the input has more than %d bytes: allow it with --max-size", n, c.MaxSize)
	} else if err != nil {
		end.err = fmt.Errorf("the input cannot be read: %w", err)
	}
	return end
}

const commands = `/ping                   measure the way to the server and back
/close [CODE [REASON]]  close, with 1000 unless told
/help                   this
//TEXT                  send /TEXT
Ctrl-D, Ctrl-C          close with 1000; up and down: earlier lines`

// typed sends each line from the terminal, does what the commands among them say, and returns what to close with.
func (c *connectCmd) typed(conn *websocket.Conn, s *screen) ending {
	for {
		line, err := s.editor.ReadLine()
		if err != nil {
			return ending{code: websocket.StatusNormalClosure}
		}
		command, args, _ := strings.Cut(line, " ")
		switch {
		case line == "":
		case !strings.HasPrefix(line, "/") || strings.HasPrefix(line, "//"):
			if utf8.RuneCountInString(line) >= maxTyped {
				s.note("not sent: a typed line ends at %d characters; longer ones go through a pipe", maxTyped)
			} else if c.write(conn, []byte(strings.TrimPrefix(line, "/"))) != nil {
				return ending{code: websocket.StatusNormalClosure}
			}
		case command == "/ping":
			// Not here: the answer may never come.
			go measure(conn, s)
		case command == "/close":
			end, err := parseClose(args)
			if err == nil {
				return end
			}
			s.note("%v", err)
		case command == "/help":
			s.note("%s", commands)
		default:
			s.note("not sent: no command %q (/help lists them; begin with // to send it)", command)
		}
	}
}

func measure(conn *websocket.Conn, s *screen) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), pongTime)
	defer cancel()
	switch err := conn.Ping(ctx); {
	case err == nil:
		s.note("pong after %v", time.Since(start).Round(time.Microsecond))
	case ctx.Err() != nil:
		s.note("no pong within %v", pongTime)
	}
}

// parseClose reads the arguments of /close. Codes are those that RFC 6455 section 7.4 lets an endpoint send.
func parseClose(args string) (ending, error) {
	end := ending{code: websocket.StatusNormalClosure}
	text, reason, _ := strings.Cut(strings.TrimSpace(args), " ")
	if text == "" {
		return end, nil
	}
	code, err := strconv.Atoi(text)
	if err != nil || code < 1000 || code >= 5000 || code > 1014 && code < 3000 || code >= 1004 && code <= 1006 {
		return end, errors.New("not closed: CODE is 1000-1003, 1007-1014 or 3000-4999")
	}
	if end.reason = strings.TrimSpace(reason); len(end.reason) > 123 {
		return end, fmt.Errorf("not closed: REASON has %d bytes, at most 123 fit", len(end.reason))
	}
	end.code = websocket.StatusCode(code)
	return end, nil
}
