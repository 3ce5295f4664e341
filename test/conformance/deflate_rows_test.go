package conformance

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// volumes are the rows of each set of parameters: the size of the messages, and that of the fragments they come in, 0 for whole
// messages.
var volumes = []struct{ size, fragment int }{
	{16, 0}, {64, 0}, {256, 0}, {1 << 10, 0}, {4 << 10, 0}, {8 << 10, 0}, {16 << 10, 0}, {32 << 10, 0}, {64 << 10, 0}, {128 << 10, 0},
	{8 << 10, 256}, {16 << 10, 256}, {32 << 10, 256}, {64 << 10, 256}, {128 << 10, 256},
	{128 << 10, 1 << 10}, {128 << 10, 4 << 10}, {128 << 10, 32 << 10},
}

// A set is one of parameters. Where the suite only asks something of the subject, its peer promises the same of itself.
type set struct {
	offer   []string // of a client
	agreed  string   // what a server must answer to it
	answer  string   // of a server, to a client that offers permessage-deflate; client_max_window_bits
	corpora []int
}

const (
	plain   = "permessage-deflate"
	limits  = "permessage-deflate; client_max_window_bits"
	autobas = "permessage-deflate; client_no_context_takeover; client_max_window_bits" // what the suite offers at least
	noTakes = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
)

var sets = []set{
	{[]string{autobas}, plain + "; client_no_context_takeover", plain + "; server_no_context_takeover", nil},
	{[]string{autobas + "; server_no_context_takeover"}, noTakes, noTakes, nil},
	{[]string{autobas + "; server_max_window_bits=9"}, plain + "; client_no_context_takeover; server_max_window_bits=9",
		plain + "; client_max_window_bits=9", nil},
	{[]string{autobas + "; server_max_window_bits=15"}, plain + "; client_no_context_takeover; server_max_window_bits=15",
		plain + "; client_max_window_bits=15", nil},
	{[]string{autobas + "; server_no_context_takeover; server_max_window_bits=9"}, noTakes + "; server_max_window_bits=9",
		noTakes + "; client_max_window_bits=9", nil},
	{[]string{autobas + "; server_no_context_takeover; server_max_window_bits=15"}, noTakes + "; server_max_window_bits=15",
		noTakes + "; client_max_window_bits=15", nil},
	{[]string{autobas + "; server_no_context_takeover; server_max_window_bits=9, " + autobas + "; server_no_context_takeover, " + autobas},
		noTakes + "; server_max_window_bits=9", noTakes + "; client_max_window_bits=9; server_max_window_bits=9", nil},
	// Beyond the suite: windows that are kept across messages, the smallest ones, and several fields.
	{[]string{plain + "; server_max_window_bits=10; client_max_window_bits=9"},
		plain + "; server_max_window_bits=10; client_max_window_bits=9", plain + "; server_max_window_bits=9; client_max_window_bits=10", nil},
	{[]string{"x-unknown; a=b", plain + "; server_max_window_bits=8; client_max_window_bits=8"},
		plain + "; server_max_window_bits=8; client_max_window_bits=8", plain + "; server_max_window_bits=8; client_max_window_bits=8", nil},
}

// deflateRows are the groups 12 and 13: kinds of content, and sets of parameters.
func deflateRows(group int) (rows []row) {
	add := func(id string, s set, corpus int) {
		for n, v := range volumes {
			what := fmt.Sprintf("messages of %d bytes of %s", v.size, corpora[corpus].name)
			if v.fragment > 0 {
				what += fmt.Sprintf(" in fragments of %d", v.fragment)
			}
			rows = append(rows, row{
				id:    fmt.Sprintf("%s.%d", id, n+1),
				what:  what,
				hs:    handshake{offer: s.offer, agreed: s.agreed, answer: []string{s.answer}},
				steps: steps(volume(corpus, v.size, v.fragment), goodbye),
			})
		}
	}
	if group == 12 {
		for corpus := range corpora {
			add(fmt.Sprintf("12.%d", corpus+1), set{offer: []string{limits}, agreed: plain, answer: plain}, corpus)
		}
		return rows
	}
	for n, s := range sets {
		add(fmt.Sprintf("13.%d", n+1), s, 0)
	}
	return rows
}

// volume sends messages of a corpus, each when the last one's echo has come.
func volume(corpus, size, fragment int) step {
	return func(p *peer) error {
		c := corpora[corpus]
		messages := cutter{corpus: c.make(max(4*size, 200_000)), text: c.op == opText}
		sent, came := 0, 0
		for n := range messageCount(size) {
			payload := messages.next(size)
			compressed := p.deflate.deflate(payload)
			cut := fragment
			if cut == 0 {
				cut = len(compressed)
			}
			p.write(p.encode(fragments(c.op, rsv1, compressed, cut)))
			e, err := p.next()
			switch {
			case err != nil:
				return fmt.Errorf("message %d: %w", n+1, err)
			case e.op != c.op || !bytes.Equal(e.payload, payload):
				return fmt.Errorf("message %d: a %v came for a %v", n+1, e, frame{op: c.op, payload: payload})
			}
			sent, came = sent+len(payload), came+e.wire
		}
		if size >= 4<<10 && c.name != "what is compressed already" && came > sent*3/4 {
			return fmt.Errorf("the subject sent %d bytes of %s in %d", sent, c.name, came)
		}
		return nil
	}
}

// messageCount is how many messages of a size a row sends: enough for what is remembered to matter.
func messageCount(size int) int {
	if n, err := strconv.Atoi(os.Getenv("PARLEY_MESSAGES")); err == nil {
		return n
	}
	return min(max(150_000/size, 3), 40)
}

// negotiationRows are about who agrees to what (RFC 7692 section 7.1): the suite takes any answer.
func negotiationRows() (rows []row) {
	for n, r := range []struct{ what, offer, agreed string }{
		{"nothing", plain, plain},
		{"a limit for the client, if the server likes", limits, plain},
		{"a limit for the client", plain + "; client_max_window_bits=10", plain + "; client_max_window_bits=10"},
		{"the smallest limit for the client", plain + "; client_max_window_bits=8", plain + "; client_max_window_bits=8"},
		{"a limit for the server", plain + "; server_max_window_bits=10", plain + "; server_max_window_bits=10"},
		{"the smallest limit for the server", plain + "; server_max_window_bits=8", plain + "; server_max_window_bits=8"},
		{"a limit in quotes", plain + `; server_max_window_bits="10"`, plain + "; server_max_window_bits=10"},
		{"no takeover by the server", plain + "; server_no_context_takeover", plain + "; server_no_context_takeover"},
		{"no takeover by the client", plain + "; client_no_context_takeover", plain + "; client_no_context_takeover"},
		{"white space", "permessage-deflate ;\tserver_no_context_takeover  ", plain + "; server_no_context_takeover"},
		{"an unknown extension before it", "x-foo; bar, " + plain, plain},
		{"an unknown parameter", plain + "; foo", ""},
		{"an unknown parameter, then a fallback", plain + "; foo, " + plain, plain},
		{"a window of 7", plain + "; server_max_window_bits=7", ""},
		{"a window of 16", plain + "; server_max_window_bits=16", ""},
		{"a window of 08", plain + "; server_max_window_bits=08", ""},
		{"a window of +9", plain + "; client_max_window_bits=+9", ""},
		{"a window of nothing", plain + "; server_max_window_bits", ""},
		{"a window of 7 for the client", plain + "; client_max_window_bits=7", ""},
		{"a window of 16 for the client", plain + "; client_max_window_bits=16", ""},
		{"a value where none is", plain + "; server_no_context_takeover=true", ""},
		{"a doubled parameter", plain + "; server_no_context_takeover; server_no_context_takeover", ""},
		{"a doubled window", plain + "; client_max_window_bits; client_max_window_bits=10", ""},
		{"another extension", "x-webkit-deflate-frame", ""},
		{"another case", "Permessage-Deflate", ""},
		{"a bad offer, then a good one", plain + "; server_max_window_bits=20, " + plain + "; server_max_window_bits=12", plain + "; server_max_window_bits=12"},
	} {
		s := steps(echoedCompressed, echoed(text(hello)), goodbye)
		if r.agreed == "" {
			s = steps(echoed(text(sample(1000))), send(text("a").bits(rsv1)), failed(1002))
		}
		rows = append(rows, row{id: fmt.Sprintf("N.1.%d", n+1), what: "offered: " + r.what, roles: servers,
			hs: handshake{offer: []string{r.offer}, agreed: r.agreed}, steps: s})
	}
	for n, r := range []struct {
		what    string
		answer  []string
		refused bool
	}{
		{"nothing", []string{plain}, false},
		{"a limit for the client", []string{plain + "; client_max_window_bits=8"}, false},
		{"a limit for the client that is none", []string{plain + "; client_max_window_bits=15"}, false},
		{"a limit for the server that nobody asked for", []string{plain + "; server_max_window_bits=8"}, false},
		{"no takeover by the client", []string{plain + "; client_no_context_takeover"}, false},
		{"no takeover by the server, of its own", []string{plain + "; server_no_context_takeover"}, false},
		{"a limit in quotes", []string{plain + `; client_max_window_bits="10"`}, false},
		{"an extension that was not offered", []string{"x-foo"}, true},
		{"one that was not offered besides", []string{plain + ", x-foo"}, true},
		{"two answers", []string{plain + ", " + plain}, true},
		{"two answers in two fields", []string{plain, plain}, true},
		{"an unknown parameter", []string{plain + "; foo"}, true},
		{"a limit for the client without a value", []string{plain + "; client_max_window_bits"}, true},
		{"a window of 7", []string{plain + "; client_max_window_bits=7"}, true},
		{"a window of 16", []string{plain + "; client_max_window_bits=16"}, true},
		{"a window of 08", []string{plain + "; server_max_window_bits=08"}, true},
		{"a window of nothing", []string{plain + "; server_max_window_bits="}, true},
		{"a doubled parameter", []string{plain + "; client_no_context_takeover; client_no_context_takeover"}, true},
		{"a value where none is", []string{plain + "; client_no_context_takeover=1"}, true},
		{"what is no list", []string{plain + ";;"}, true},
	} {
		rows = append(rows, row{id: fmt.Sprintf("N.2.%d", n+1), what: "answered: " + r.what, roles: clients,
			hs: handshake{answer: r.answer, refused: r.refused}, steps: steps(echoedCompressed, echoed(text(hello)), goodbye)})
	}
	return rows
}

// echoedCompressed sends the same message three times, compressed: the second time around it refers to the first.
func echoedCompressed(p *peer) error {
	for n := range 3 {
		payload := jsonText(3000)
		p.write(p.encode([]frame{{op: opText, rsv: rsv1, payload: p.deflate.deflate(payload)}}))
		e, err := p.next()
		switch {
		case err != nil:
			return err
		case !bytes.Equal(e.payload, payload) || e.op != opText:
			return fmt.Errorf("a %v came for the message", e)
		case e.wire > 2000, n > 0 && p.deflate.in.takeover && p.deflate.in.window > 4096 && e.wire > 100:
			return fmt.Errorf("the echo has %d bytes on the wire, time %d", e.wire, n+1)
		}
	}
	return nil
}
