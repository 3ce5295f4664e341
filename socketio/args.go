package socketio

import (
	"encoding/json"
	"fmt"

	"github.com/seed-4a326f83/parley/socketio/internal/packet"
)

// Args are the arguments of an event, or of an acknowledgement, that came from a client. They may be kept.
type Args struct {
	raw    []json.RawMessage // nil where there are attachments
	values []any             // where there are: see packet.Message
}

func newArgs(m *packet.Message) Args {
	if m.Values != nil {
		return Args{values: m.Values}
	}
	return Args{raw: packet.Split(m.Data)}
}

// Len returns how many there are.
func (a Args) Len() int { return len(a.raw) + len(a.values) }

// HasBinary reports whether there is binary data in any of them.
func (a Args) HasBinary() bool { return a.values != nil }

// Decode stores argument i, from 0 on, in what v points to, as json.Unmarshal does; but binary data, wherever it is in the
// argument, goes into a []byte, or Binary, as it is.
func (a Args) Decode(i int, v any) error {
	if i < 0 || i >= a.Len() {
		return fmt.Errorf("socketio: there is no argument %d of %d", i, a.Len())
	}
	if a.values == nil {
		if err := json.Unmarshal(a.raw[i], v); err != nil {
			return fmt.Errorf("socketio: argument %d: %w", i, err)
		}
		return nil
	}
	value := a.values[i]
	switch v := v.(type) {
	case *[]byte:
		if b, ok := value.([]byte); ok {
			*v = b
			return nil
		}
	case *Binary:
		if b, ok := value.([]byte); ok {
			*v = b
			return nil
		}
	case *any:
		*v = plain(value)
		return nil
	case *map[string]any:
		if m, ok := plain(value).(map[string]any); ok {
			*v = m
			return nil
		}
	case *[]any:
		if s, ok := plain(value).([]any); ok {
			*v = s
			return nil
		}
	}
	text, err := json.Marshal(value) // binary data in base64, which is what json.Unmarshal wants
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return fmt.Errorf("socketio: argument %d: %w", i, err)
	}
	return nil
}

// Scan is Decode for the first len(vs) arguments. Nil among vs skips one.
func (a Args) Scan(vs ...any) error {
	for i, v := range vs {
		if v == nil {
			continue
		}
		if err := a.Decode(i, v); err != nil {
			return err
		}
	}
	return nil
}

// Raw returns argument i, from 0 on, as JSON, with binary data in base64; nil if there is none.
func (a Args) Raw(i int) json.RawMessage {
	switch {
	case i < 0 || i >= a.Len():
		return nil
	case a.values == nil:
		return a.raw[i]
	}
	text, err := json.Marshal(a.values[i])
	if err != nil {
		return nil // what was JSON can be JSON again
	}
	return text
}

// An unchanged argument is sent as it came, which was JSON.
type unchanged json.RawMessage

// MarshalJSON implements json.Marshaler.
func (u unchanged) MarshalJSON() ([]byte, error) { return u, nil }

// Values returns all arguments in a form that can be sent on: Emit(event, args.Values()...) sends the same.
func (a Args) Values() []any {
	if a.values != nil {
		return a.values
	}
	vs := make([]any, len(a.raw))
	for i, raw := range a.raw {
		vs[i] = unchanged(raw)
	}
	return vs
}

// plain returns a copy with numbers as json.Unmarshal makes them.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return v // out of range: better than nothing
		}
		return f
	case []any:
		c := make([]any, len(v))
		for i := range v {
			c[i] = plain(v[i])
		}
		return c
	case map[string]any:
		c := make(map[string]any, len(v))
		for key := range v {
			c[key] = plain(v[key])
		}
		return c
	default:
		return v
	}
}
