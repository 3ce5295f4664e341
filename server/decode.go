package server

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
)

const (
	// maxRef bounds a ref, which is kept until its request is answered, in bytes.
	maxRef = 128
	// maxDepth is how deep a body may be nested. What is stored is read by every
	// client, and the JSON of some gives up, or crashes, at a thousand.
	maxDepth = 64
)

// decode reads a request: one JSON object, its fields beside `type` and `ref`.
// With an error the ref is returned too, where there is one, so that the client
// can tell what went wrong, and the request has its type alone, where that could
// be read. Fields it does not know are ignored, and so is null.
func decode(data []byte) (ref json.RawMessage, req *chat.Request, err error) {
	var fields map[string]json.RawMessage
	if e := json.Unmarshal(data, &fields); e != nil || fields == nil {
		return nil, &chat.Request{}, parley.Errorf(parley.CodeInvalid, `send one JSON object a message, such as {"type":"ping","ref":1}`)
	}
	d := decoder{fields: fields}
	ref = d.ref()
	return d.request(ref, d.text("type"))
}

// decodeWord is decode for a word whose fields stand beside it: an object, or
// nothing, or null.
func decodeWord(word string, arg []byte) (ref json.RawMessage, req *chat.Request, err error) {
	var fields map[string]json.RawMessage
	if arg != nil && json.Unmarshal(arg, &fields) != nil {
		return nil, &chat.Request{Type: word}, errNotOneObject
	}
	d := decoder{fields: fields}
	return d.request(d.ref(), word)
}

var errNotOneObject = parley.Errorf(parley.CodeInvalid, `send all fields of a word in one object, such as emit("join", {"room":"lobby"})`)

// request returns the request of all fields.
func (d *decoder) request(ref json.RawMessage, word string) (json.RawMessage, *chat.Request, error) {
	req := &chat.Request{Type: word}
	if d.err == nil && word == "" {
		d.fail("type", "a word of the protocol")
	}
	req.Name, req.Token, req.Session = d.text("name"), d.text("token"), d.text("session")
	req.Room, req.Rooms, req.Since = d.text("room"), d.rooms(), d.integer("since")
	req.ID, req.Kind, req.Body, req.Target = d.text("id"), d.text("kind"), d.body(), d.integer("target")
	req.Before, req.After, req.Limit = d.integer("before"), d.integer("after"), d.integer("limit")
	req.User, req.Seq = d.text("user"), d.integer("seq")
	if d.err != nil {
		return ref, &chat.Request{Type: req.Type}, d.err
	}
	return ref, req, nil
}

// A decoder reads fields until the first that is wrong.
type decoder struct {
	fields map[string]json.RawMessage
	err    error
}

func (d *decoder) fail(field, want string) {
	if d.err == nil {
		d.err = parley.Errorf(parley.CodeInvalid, "%s must be %s", field, want)
	}
}

// field returns what was sent under a name, or nil for nothing or null.
func (d *decoder) field(name string) json.RawMessage {
	raw := d.fields[name]
	if bytes.Equal(raw, []byte("null")) {
		return nil
	}
	return raw
}

// ref returns the client's own mark for its request, to be sent back as it is.
func (d *decoder) ref() json.RawMessage {
	raw := d.field("ref")
	if raw != nil && !isRef(raw) {
		d.fail("ref", fmt.Sprintf("a number or a string of at most %d bytes", maxRef))
		return nil
	}
	return raw
}

// isRef reports whether a JSON value is a number or a string, and not too long.
func isRef(raw json.RawMessage) bool {
	c := raw[0]
	return len(raw) <= maxRef && (c == '"' || c == '-' || c >= '0' && c <= '9')
}

func (d *decoder) text(name string) (s string) {
	if raw := d.field(name); raw != nil && json.Unmarshal(raw, &s) != nil {
		d.fail(name, "a string")
	}
	return s
}

func (d *decoder) integer(name string) (n *int64) {
	if raw := d.field(name); raw != nil && json.Unmarshal(raw, &n) != nil {
		d.fail(name, "a whole number")
	}
	return n
}

func (d *decoder) rooms() (rooms map[string]*int64) {
	if raw := d.field("rooms"); raw != nil && json.Unmarshal(raw, &rooms) != nil {
		d.fail("rooms", `an object of room ids and the seq of each, such as {"lobby":12}`)
	}
	return rooms
}

// body returns the body as it will be kept, compact. Here null is a value.
func (d *decoder) body() json.RawMessage {
	raw, ok := d.fields["body"]
	if !ok {
		return nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil || depth(raw) > maxDepth {
		d.fail("body", fmt.Sprintf("JSON, nested at most %d deep", maxDepth))
	}
	return compact.Bytes()
}

// depth returns how deep arrays and objects are nested in a JSON value.
func depth(raw json.RawMessage) (deepest int) {
	level, inString := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inString:
			if c == '\\' {
				i++
			}
			inString = c != '"'
		case c == '"':
			inString = true
		case c == '[' || c == '{':
			level++
			deepest = max(deepest, level)
		case c == ']' || c == '}':
			level--
		}
	}
	return deepest
}

// refOfPrefix returns the ref of an object of which only the beginning is
// there, or nil where it is not in that.
func refOfPrefix(data []byte) json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for {
		name, err := dec.Token()
		if err != nil {
			return nil
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return nil
		}
		if name == "ref" && isRef(value) {
			return value
		}
	}
}
