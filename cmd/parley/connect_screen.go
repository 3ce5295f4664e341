package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/term"

	"github.com/seed-4a326f83/parley/websocket"
)

const (
	// maxTyped is where term.Terminal drops what is typed, in characters.
	maxTyped = 4096
	// maxDump is how many bytes of a binary message a terminal shows.
	maxDump = 32
)

// A screen is where messages are shown: a terminal with a prompt (interactive), a terminal that a pipe ends in, or no
// terminal. Its methods may be called from several goroutines.
type screen struct {
	interactive bool // lines are typed and shown on a terminal
	terminal    bool // the output is a terminal
	colour      bool

	in, out     *os.File
	inFD, outFD int

	editor *term.Terminal // if interactive
	mu     sync.Mutex
	cooked *term.State // what close makes of the terminal again; nil while it is so
}

func newScreen(in, out *os.File) *screen {
	s := &screen{in: in, out: out, inFD: int(in.Fd()), outFD: int(out.Fd())}
	s.terminal = term.IsTerminal(s.outFD)
	s.interactive = s.terminal && term.IsTerminal(s.inFD) && os.Getenv("TERM") != "dumb"
	s.colour = s.interactive && os.Getenv("NO_COLOR") == ""
	if s.interactive {
		s.editor = term.NewTerminal(s, "> ")
	}
	return s
}

// open puts the terminal into raw mode, in which the line editor gets every key.
func (s *screen) open() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cooked, err = term.MakeRaw(s.inFD); err != nil {
		return fmt.Errorf("the terminal cannot be used for typing: %w", err)
	}
	return nil
}

// close takes the prompt away and makes the terminal what it was before open. What is shown later follows without a prompt.
func (s *screen) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cooked != nil {
		io.WriteString(s.out, "\r\x1b[K")
		term.Restore(s.inFD, s.cooked)
		s.cooked = nil
	}
}

// Read is for the line editor, which must know how wide the terminal is now. That is asked for here, since not every
// system tells when it changes; the editor allows it during a read.
func (s *screen) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	if err == nil {
		s.resize()
	}
	return n, err
}

// Write is for the line editor.
func (s *screen) Write(p []byte) (int, error) { return s.out.Write(p) }

func (s *screen) resize() {
	// A width of 0 is a terminal that does not know it, such as a serial line: the editor's 80 stand.
	if width, height, err := term.GetSize(s.outFD); err == nil && width > 0 {
		s.editor.SetSize(width, height)
	}
}

// message shows a message that came. What goes to a pipe is left as it is. What goes to a terminal must not drive it.
func (s *screen) message(typ websocket.MessageType, data []byte) error {
	switch {
	case s.interactive:
		return s.print(colourIncoming, "< ", show(typ, data))
	case s.terminal:
		_, err := io.WriteString(s.out, show(typ, data)+"\n")
		return err
	default:
		_, err := s.out.Write(append(data, '\n'))
		return err
	}
}

func show(typ websocket.MessageType, data []byte) string {
	if typ == websocket.MessageText {
		return visible(string(data))
	}
	dump := fmt.Sprintf("% x", data[:min(len(data), maxDump)])
	if len(data) > maxDump {
		dump += " ..."
	}
	return fmt.Sprintf("binary, %d bytes: %s", len(data), dump)
}

const (
	colourIncoming = "\x1b[36m" // cyan
	colourNote     = "\x1b[33m" // yellow
	colourOff      = "\x1b[0m"
)

// note tells the person at the terminal something, if there is one. What comes from the server must have gone through
// visible or %q.
func (s *screen) note(format string, args ...any) {
	if s.interactive {
		s.print(colourNote, "* ", fmt.Sprintf(format, args...))
	}
}

// print prints a line, above the prompt if there is one. Lines that follow in text are indented, lest a message look like several, or like a note.
func (s *screen) print(colour, mark, text string) error {
	text = strings.ReplaceAll(text, "\n", "\n  ")
	if s.colour {
		mark = colour + mark + colourOff
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cooked == nil {
		_, err := io.WriteString(s.out, mark+text+"\n")
		return err
	}
	s.resize()
	_, err := io.WriteString(s.editor, mark+text+"\n")
	return err
}

// visible makes text safe for a terminal: all but line breaks, tabs and what is seen is shown escaped, as in \x1b.
func visible(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\n' || r == '\t' || unicode.IsGraphic(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}

// words splits a name such as PolicyViolation and lowers it.
func words(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
