package nats

import "strings"

// subjects are the names under which an installation's news goes over NATS.
type subjects struct{ prefix string }

func newSubjects(name, installation string) subjects {
	prefix := token(name) + "."
	if installation != "" {
		prefix += token(installation) + "."
	}
	return subjects{prefix}
}

// all is heard by every node.
func (s subjects) all() string { return s.prefix + "all" }

// room is heard by the nodes that follow the room.
func (s subjects) room(id string) string { return s.prefix + "room." + token(id) }

// of returns where news about a room, or none, goes.
func (s subjects) of(room string) string {
	if room == "" {
		return s.all()
	}
	return s.room(room)
}

// token spells a name as one token of a subject: what is no letter, digit or -
// is written as _ and two hexadecimal digits, byte by byte. In subjects, `.`,
// `*`, `>` and space mean something, and CR LF ends a line of the protocol. An
// empty name is "_".
func token(name string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-':
			b.WriteByte(c)
		default:
			b.Write([]byte{'_', hex[c>>4], hex[c&15]})
		}
	}
	if name == "" {
		return "_"
	}
	return b.String()
}
