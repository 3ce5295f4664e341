package extension

import (
	"errors"
	"fmt"
	"strconv"
)

// The names of RFC 7692 section 7.
const (
	permessageDeflate       = "permessage-deflate"
	serverNoContextTakeover = "server_no_context_takeover"
	clientNoContextTakeover = "client_no_context_takeover"
	serverMaxWindowBits     = "server_max_window_bits"
	clientMaxWindowBits     = "client_max_window_bits"
)

// The bounds of the window sizes, as logarithms to base 2 of a number of bytes (RFC 7692 section 7.1.2).
const (
	MinWindowBits = 8
	MaxWindowBits = 15
)

// Deflate holds the parameters of permessage-deflate: those that one side wishes for, or those that were agreed on.
type Deflate struct {
	// The side named does not use what it sent in earlier messages (RFC 7692 section 7.1.1), so that neither side need
	// remember it.
	ServerNoContextTakeover, ClientNoContextTakeover bool
	// The side named refers back by no more than 1<<bits bytes: MinWindowBits to MaxWindowBits (section 7.1.2). In a wish,
	// 0 means MaxWindowBits.
	ServerMaxWindowBits, ClientMaxWindowBits int
}

// withDefaults returns d with every field in its range.
func (d Deflate) withDefaults() Deflate {
	for _, bits := range []*int{&d.ServerMaxWindowBits, &d.ClientMaxWindowBits} {
		if *bits == 0 {
			*bits = MaxWindowBits
		}
		*bits = min(max(*bits, MinWindowBits), MaxWindowBits)
	}
	return d
}

// Accept chooses for a server: the first offer of permessage-deflate that can be met, in the client's order of preference.
// It returns what is agreed on then, and the answer for the Sec-WebSocket-Extensions field. ok is false when there is no
// such offer: the connection is then used without compression and the answer has no such field.
//
// Each side's limits are the lower of what the client offers and what want says. There is one thing a server cannot ask of
// a client that does not offer it: to limit its window (section 7.1.2.2). If want does, such a client is asked to use no
// context takeover, so that a connection that waits still remembers no more than want allows.
func Accept(offers []Extension, want Deflate) (agreed Deflate, answer string, ok bool) {
	want = want.withDefaults()
	for _, offer := range offers {
		if offer.Name != permessageDeflate {
			continue
		}
		p, err := readParams(offer, true)
		if err != nil {
			continue // section 7: the server must decline the offer
		}
		agreed := Deflate{
			ServerNoContextTakeover: p.serverNoTakeover || want.ServerNoContextTakeover,
			ClientNoContextTakeover: p.clientNoTakeover || want.ClientNoContextTakeover,
			ServerMaxWindowBits:     want.ServerMaxWindowBits,
			ClientMaxWindowBits:     MaxWindowBits,
		}
		if p.hasServerBits {
			agreed.ServerMaxWindowBits = min(agreed.ServerMaxWindowBits, p.serverBits)
		}
		switch {
		case p.hasClientBits:
			agreed.ClientMaxWindowBits = min(want.ClientMaxWindowBits, p.clientBits)
		case want.ClientMaxWindowBits < MaxWindowBits:
			agreed.ClientNoContextTakeover = true
		}
		// Limits that are no limits are left out, except that an offered server_max_window_bits must be answered with itself.
		return agreed, agreed.extension(p.hasServerBits).String(), true
	}
	return Deflate{}, "", false
}

// Offer returns what a client puts into the Sec-WebSocket-Extensions field to ask for want. It always says that the server
// may limit the client's window.
func Offer(want Deflate) string {
	want = want.withDefaults()
	e := want.extension(false)
	if want.ClientMaxWindowBits == MaxWindowBits {
		e.Params = append(e.Params, Param{Name: clientMaxWindowBits})
	}
	return e.String()
}

// Check reads, for a client, the Sec-WebSocket-Extensions fields of a server's answer to Offer(want). ok says whether
// permessage-deflate is in use, and agreed how. On an error the client must fail the connection: the server agreed to what
// was not offered, or in a way it may not (RFC 6455 section 4.1, RFC 7692 section 7.1).
func Check(fields []string, want Deflate) (agreed Deflate, ok bool, err error) {
	want = want.withDefaults()
	list, err := Parse(fields)
	if err != nil {
		return Deflate{}, false, err
	}
	switch {
	case len(list) == 0:
		return Deflate{}, false, nil
	case len(list) > 1:
		return Deflate{}, false, errors.New("the server agreed to more than one extension, where one was offered")
	case list[0].Name != permessageDeflate:
		return Deflate{}, false, fmt.Errorf("the server agreed to the extension %q, which was not offered", list[0].Name)
	}
	p, err := readParams(list[0], false)
	if err != nil {
		return Deflate{}, false, fmt.Errorf("the server's answer %q: %w", list[0], err)
	}
	agreed = Deflate{
		ServerNoContextTakeover: p.serverNoTakeover,
		// What the client offered of itself holds even if the server does not repeat it (sections 7.1.1.2 and 7.1.2.2).
		ClientNoContextTakeover: p.clientNoTakeover || want.ClientNoContextTakeover,
		ServerMaxWindowBits:     p.serverBits,
		ClientMaxWindowBits:     min(p.clientBits, want.ClientMaxWindowBits),
	}
	switch {
	case want.ServerNoContextTakeover && !agreed.ServerNoContextTakeover:
		// Sections 7.1.1.1 and 7.1.2.1: to accept an offer with these is to repeat them.
		err = errors.New("the server agreed to permessage-deflate, but not to server_no_context_takeover, which was asked for")
	case agreed.ServerMaxWindowBits > want.ServerMaxWindowBits:
		err = fmt.Errorf("the server agreed to permessage-deflate with a window of %d bits, where at most %d were asked for",
			agreed.ServerMaxWindowBits, want.ServerMaxWindowBits)
	}
	if err != nil {
		return Deflate{}, false, err
	}
	return agreed, true, nil
}

// extension returns d as it is written. withServerBits: server_max_window_bits is named even if it is MaxWindowBits.
func (d Deflate) extension(withServerBits bool) Extension {
	e := Extension{Name: permessageDeflate}
	if d.ServerNoContextTakeover {
		e.Params = append(e.Params, Param{Name: serverNoContextTakeover})
	}
	if d.ClientNoContextTakeover {
		e.Params = append(e.Params, Param{Name: clientNoContextTakeover})
	}
	if withServerBits || d.ServerMaxWindowBits < MaxWindowBits {
		e.Params = append(e.Params, Param{serverMaxWindowBits, strconv.Itoa(d.ServerMaxWindowBits), true})
	}
	if d.ClientMaxWindowBits < MaxWindowBits {
		e.Params = append(e.Params, Param{clientMaxWindowBits, strconv.Itoa(d.ClientMaxWindowBits), true})
	}
	return e
}

// params is what an offer or an answer says. Bits that it does not say are MaxWindowBits.
type params struct {
	serverNoTakeover, clientNoTakeover bool
	hasServerBits, hasClientBits       bool
	serverBits, clientBits             int
}

// readParams reads the parameters of e, an offer or an answer. What is unknown, doubled or has no right value is an error
// (RFC 7692 section 7). Only in an offer may client_max_window_bits come without a value.
func readParams(e Extension, offer bool) (params, error) {
	p := params{serverBits: MaxWindowBits, clientBits: MaxWindowBits}
	for _, param := range e.Params {
		var seen *bool
		var bits *int
		switch param.Name {
		case serverNoContextTakeover:
			seen = &p.serverNoTakeover
		case clientNoContextTakeover:
			seen = &p.clientNoTakeover
		case serverMaxWindowBits:
			seen, bits = &p.hasServerBits, &p.serverBits
		case clientMaxWindowBits:
			seen, bits = &p.hasClientBits, &p.clientBits
		default:
			return p, fmt.Errorf("parameter %q is unknown", param.Name)
		}
		if *seen {
			return p, fmt.Errorf("parameter %q comes twice", param.Name)
		}
		*seen = true
		switch {
		case bits == nil && param.HasValue:
			return p, fmt.Errorf("parameter %q has a value, %q, and takes none", param.Name, param.Value)
		case bits == nil, offer && bits == &p.clientBits && !param.HasValue:
			continue
		}
		n, ok := windowBits(param.Value)
		if !ok {
			return p, fmt.Errorf("parameter %q has the value %q, and takes 8 to 15", param.Name, param.Value)
		}
		*bits = n
	}
	return p, nil
}

// windowBits reads 8 to 15: decimal, without leading zeros (RFC 7692 section 7.1.2).
func windowBits(s string) (int, bool) {
	switch s {
	case "8", "9", "10", "11", "12", "13", "14", "15":
		n, err := strconv.Atoi(s)
		return n, err == nil
	default:
		return 0, false
	}
}
