package conformance

import "strings"

// A row is one behaviour.
type row struct {
	id, what string
	roles    roles
	hs       handshake
	steps    []step
}

// roles says which subjects a row is for.
type roles uint8

const (
	both roles = iota
	servers
	clients
)

// A handshake is what is special about a row's. The peer plays the client towards servers, and the server towards clients.
type handshake struct {
	offer   []string // Sec-WebSocket-Extensions of a client's request
	agreed  string   // what a server must answer to offer; "": nothing
	answer  []string // Sec-WebSocket-Extensions of a server's answer
	refused bool     // the client must refuse the answer
	early   bool     // the first step's bytes are sent together with the handshake
}

// A group is what the count is given for.
type group struct {
	prefix, name string
	rows         func() []row
}

// groups are numbered as in the suite, which has none with a letter.
var groups = []group{
	{"1.", "echo", echoRows},
	{"2.", "ping and pong", pingRows},
	{"3.", "reserved bits", reservedBitRows},
	{"4.", "reserved opcodes", reservedOpcodeRows},
	{"5.", "fragmentation", fragmentRows},
	{"6.", "UTF-8", utf8Rows},
	{"7.", "close", closeRows},
	{"9.", "large and many", volumeRows},
	{"10.", "auto-fragmentation", autoFragmentRows},
	{"12.", "compression: contents", func() []row { return deflateRows(12) }},
	{"13.", "compression: parameters", func() []row { return deflateRows(13) }},
	{"F.", "framing, besides", framingRows},
	{"N.", "compression: negotiation", negotiationRows},
	{"D.", "compression, besides", deflateExtraRows},
}

// allRows returns the rows of all groups whose number begins with prefix.
func allRows(prefix string) (rows []row) {
	for _, g := range groups {
		for _, r := range g.rows() {
			if strings.HasPrefix(r.id, prefix) {
				rows = append(rows, r)
			}
		}
	}
	return rows
}

func (r row) is(role roles) bool { return r.roles == both || r.roles == role }

// long reports whether r is of the groups that take the most time, by what they send.
func (r row) long() bool {
	return strings.HasPrefix(r.id, "9.") || strings.HasPrefix(r.id, "12.") || strings.HasPrefix(r.id, "13.")
}

func (r row) in(g group) bool { return strings.HasPrefix(r.id, g.prefix) }

// steps writes a list of steps as one.
func steps(s ...step) []step { return s }
