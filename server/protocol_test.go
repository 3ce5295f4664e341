package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

// TestProtocolDocument replays every conversation of docs/protocol.md.
func TestProtocolDocument(t *testing.T) {
	doc, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	heading, language, block := "", "", []string(nil)
	inBlock := false
	blocks := 0
	for i, line := range strings.Split(string(doc), "\n") {
		switch {
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimLeft(line, "# ")
		case strings.HasPrefix(line, "```") && !inBlock:
			inBlock, language, block = true, line[3:], nil
		case line == "```":
			inBlock = false
			lines, play, over := block, replay, framings
			switch language {
			case "":
			case "socketio":
				play, over = replayPackets, ioFramings
			default: // a program
				continue
			}
			blocks++
			for _, f := range over {
				t.Run(fmt.Sprintf("%s line %d, %s", heading, i, f), func(t *testing.T) {
					t.Parallel()
					play(t, f, lines)
				})
			}
		case inBlock:
			block = append(block, line)
		}
	}
	if blocks < 10 {
		t.Fatalf("found %d conversations: has the document's form changed?", blocks)
	}
}

// replay plays one conversation on a server of its own.
func replay(t *testing.T, f framing, lines []string) {
	base := startServer(t, options{})
	sides := map[byte]*side{} // by who says: C and S are the two ends of one connection, D and T of another
	names := map[string]string{}
	get := func(who byte) *side {
		switch who {
		case 'S':
			who = 'C'
		case 'T':
			who = 'D'
		}
		if sides[who] == nil {
			sides[who] = newSide(t, dial(t, f, base))
		}
		return sides[who]
	}
	for _, line := range lines {
		who, what := line[0], line[2:]
		s := get(who)
		switch {
		case who == 'D' && what == "gone":
			s.conn.Close(websocket.StatusNormalClosure, "")
		case what == "binary":
			s.send(websocket.MessageBinary, "binary")
		case who == 'C' || who == 'D':
			for name, value := range names {
				what = strings.ReplaceAll(what, name, value)
			}
			s.send(websocket.MessageText, what)
			s.barrier()
		case strings.HasPrefix(what, "closed "):
			code, _ := strconv.Atoi(strings.TrimPrefix(what, "closed "))
			s.expectClose(websocket.StatusCode(code))
		default:
			s.expect(what, names)
		}
	}
}

// replayPackets plays a conversation in packets of Socket.IO.
func replayPackets(t *testing.T, f framing, lines []string) {
	c, _, err := openIO(t.Context(), f, nil, startServer(t, options{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	upgrade := f == ioUpgraded
	for _, line := range lines {
		who, what := line[0], line[2:]
		switch {
		case who == 'C':
			c.tell(t, what)
		case what == "closed":
			if p, err := c.next(t.Context()); err == nil {
				t.Fatalf("got %s, want the end", p)
			}
		default:
			got, err := c.next(t.Context())
			if err != nil {
				t.Fatalf("the connection ended (%v), want %s", err, what)
			}
			// The digits and what is behind them.
			at := strings.IndexAny(what+"[", "[{")
			if at > len(got) || got[:at] != what[:at] || at < len(what) && !matchesJSON(t, got[at:], what[at:]) {
				t.Fatalf("got  %s\nwant %s", got, what)
			}
			if upgrade && strings.HasPrefix(got, "40") {
				if err := c.upgrade(t.Context()); err != nil {
					t.Fatal(err)
				}
				upgrade = false
			}
		}
	}
}

func matchesJSON(t *testing.T, got, want string) bool {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("the document is wrong: %s: %v", want, err)
	}
	return json.Unmarshal([]byte(got), &g) == nil && matches(g, w, map[string]string{})
}

// A side is a connection whose messages are read as they come.
type side struct {
	t        *testing.T
	conn     wire
	incoming chan string // closed at the end of the connection
	pending  []string
	closed   error
	pings    int
}

func newSide(t *testing.T, conn wire) *side {
	s := &side{t: t, conn: conn, incoming: make(chan string, 1000)}
	go func() {
		defer close(s.incoming)
		for {
			_, data, err := conn.Read(context.Background())
			if err != nil {
				s.closed = err
				return
			}
			s.incoming <- string(data)
		}
	}()
	return s
}

func (s *side) send(typ websocket.MessageType, text string) {
	s.t.Helper()
	if err := s.conn.Write(s.t.Context(), typ, []byte(text)); err != nil {
		s.t.Fatalf("sending %s: %v", text, err)
	}
}

// barrier waits until what was sent has been handled: requests of a connection
// are, one after the other.
func (s *side) barrier() {
	s.pings++
	ref := fmt.Sprintf(`"ref":"barrier %d"`, s.pings)
	if s.conn.Write(s.t.Context(), websocket.MessageText, []byte(`{"type":"ping",`+ref+`}`)) != nil {
		return // it ended: the next lines say how
	}
	for text := range s.incoming {
		if strings.Contains(text, ref) {
			return
		}
		s.pending = append(s.pending, text)
	}
}

// next returns the next message, or false at the end.
func (s *side) next() (string, bool) {
	if len(s.pending) > 0 {
		text := s.pending[0]
		s.pending = s.pending[1:]
		return text, true
	}
	select {
	case text, ok := <-s.incoming:
		return text, ok
	case <-time.After(30 * time.Second):
		s.t.Fatal("nothing came for 30 s")
		return "", false
	}
}

var assignment = regexp.MustCompile(`"=[a-z]+"`)

// expect reads messages up to one that is as the document says. Comings and
// goings that the document does not speak of may come in between.
func (s *side) expect(want string, names map[string]string) {
	s.t.Helper()
	for {
		got, ok := s.next()
		if !ok {
			s.t.Fatalf("the connection ended (%v), want %s", s.closed, want)
		}
		var g, w any
		if err := json.Unmarshal([]byte(got), &g); err != nil {
			s.t.Fatalf("%s: %v", got, err)
		}
		if err := json.Unmarshal([]byte(want), &w); err != nil {
			s.t.Fatalf("the document is wrong: %s: %v", want, err)
		}
		if matches(g, w, names) {
			return
		}
		if strings.HasPrefix(got, `{"type":"presence"`) && !strings.HasPrefix(want, `{"type":"presence"`) {
			continue
		}
		s.t.Fatalf("got  %s\nwant %s", got, want)
	}
}

func (s *side) expectClose(code websocket.StatusCode) {
	s.t.Helper()
	if text, ok := s.next(); ok {
		s.t.Fatalf("got %s, want a close", text)
	}
	if got := websocket.CloseStatus(s.closed); got != code {
		s.t.Fatalf("closed with %v (%v), want %v", got, s.closed, code)
	}
}

// matches compares JSON values. "…" stands for any string but the empty one,
// "=name" too, and gives it a name.
func matches(got, want any, names map[string]string) bool {
	switch w := want.(type) {
	case string:
		g, ok := got.(string)
		switch {
		case !ok:
			return false
		case w == "…":
			return g != ""
		case assignment.MatchString(`"` + w + `"`):
			names[w] = g
			return true
		}
		return g == w
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for k := range w {
			if _, ok := g[k]; !ok || !matches(g[k], w[k], names) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !matches(g[i], w[i], names) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(got, want)
}
