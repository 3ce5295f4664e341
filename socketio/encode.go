package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/seed-4a326f83/parley/socketio/engineio"
	"github.com/seed-4a326f83/parley/socketio/internal/packet"
)

// A header is a packet but for its payload.
type header struct {
	typ       packet.Type // Event or Ack: the binary kinds are for append to choose
	namespace string
	id        uint64
	hasID     bool
}

// An encoding is an event or an ack, encoded.
type encoding struct {
	text        []byte // with Engine.IO's type in front
	attachments [][]byte
}

// buffers holds the text of what is encoded for one client.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}

// giveBack gives a buffer back, if it did not grow too much.
func giveBack(buf *[]byte) {
	if cap(*buf) <= 64<<10 {
		buffers.Put(buf)
	}
}

var errNotJSON = errors.New("socketio: a json.RawMessage that is not JSON")

// encode encodes a packet into buf: an event if it has a name. The offset, if there is one, is its last argument.
func encode(buf []byte, h header, name string, args []any, offset string) (encoding, error) {
	buf = h.append(buf[:0], 0)
	start := len(buf)
	var x extractor
	buf = append(buf, '[')
	var err error
	if h.typ == packet.Event {
		if buf, err = appendJSON(buf, name); err != nil {
			return encoding{}, err
		}
		buf = append(buf, ',')
	}
	for _, arg := range args {
		if buf, err = x.append(buf, arg); err != nil {
			return encoding{}, err
		}
		buf = append(buf, ',')
	}
	if offset != "" {
		buf = append(buf, '"')
		buf = append(buf, offset...)
		buf = append(buf, '"', ',')
	}
	if buf[len(buf)-1] == ',' {
		buf = buf[:len(buf)-1]
	}
	buf = append(buf, ']')
	switch n := len(x.attachments); {
	case n > packet.MaxAttachments:
		return encoding{}, ErrTooManyAttachments
	case n > 0:
		payload := buf[start:]
		buf = append(h.append(make([]byte, 0, len(buf)+8), n), payload...)
	}
	return encoding{buf, x.attachments}, nil
}

// append appends the header of a packet with attachments.
func (h header) append(dst []byte, attachments int) []byte {
	p := packet.Packet{Type: h.typ, Attachments: attachments, Namespace: h.namespace, ID: h.id, HasID: h.hasID}
	if attachments > 0 {
		p.Type += packet.BinaryEvent - packet.Event
	}
	return packet.Append(append(dst, '4'), p)
}

// append appends an argument.
func (x *extractor) append(dst []byte, arg any) ([]byte, error) {
	switch arg := arg.(type) {
	case []byte:
		if arg == nil {
			break
		}
		x.attachments = append(x.attachments, arg)
		return appendPlaceholder(dst, len(x.attachments)-1), nil
	case unchanged:
		return append(dst, arg...), nil
	case json.RawMessage:
		if arg == nil {
			break
		}
		if !json.Valid(arg) {
			return nil, errNotJSON
		}
		return append(dst, arg...), nil
	case string, int, bool, nil:
		return appendJSON(dst, arg)
	}
	arg = x.extract(arg)
	if x.err != nil {
		return nil, x.err
	}
	return appendJSON(dst, arg)
}

// appendJSON appends v as JSON.
func appendJSON(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case string:
		if isPlain(v) {
			dst = append(dst, '"')
			dst = append(dst, v...)
			return append(dst, '"'), nil
		}
	}
	e := encoders.Get().(*encoder)
	e.dst = dst
	err := e.json.Encode(v)
	dst, e.dst = e.dst, nil
	encoders.Put(e)
	if err != nil {
		return nil, fmt.Errorf("socketio: encoding an argument: %w", err)
	}
	return bytes.TrimSuffix(dst, []byte("\n")), nil
}

// An encoder appends JSON to dst.
type encoder struct {
	dst  []byte
	json *json.Encoder
}

// Write implements io.Writer.
func (e *encoder) Write(p []byte) (int, error) {
	e.dst = append(e.dst, p...)
	return len(p), nil
}

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.json = json.NewEncoder(e)
	e.json.SetEscapeHTML(false)
	return e
}}

// isPlain reports whether s is the same in JSON.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// send sends the encoding to one client.
func (e *encoding) send(session *engineio.Session, volatile bool) (err error) {
	if len(e.attachments) == 0 && !volatile {
		return sendError(session.Send(engineio.Wire(e.text)))
	}
	packets := make([]engineio.Packet, 0, 1+len(e.attachments))
	packets = append(packets, engineio.Wire(e.text))
	for _, a := range e.attachments {
		packets = append(packets, engineio.Binary(a))
	}
	if volatile {
		_, err = session.SendVolatile(packets...)
	} else {
		err = session.Send(packets...)
	}
	return sendError(err)
}

// prepare returns the packets for sending them to many.
func (e encoding) prepare() []engineio.Packet {
	packets := make([]engineio.Packet, 0, 1+len(e.attachments))
	packets = append(packets, engineio.Wire(e.text).Prepare())
	for _, a := range e.attachments {
		packets = append(packets, engineio.Binary(bytes.Clone(a)).Prepare())
	}
	return packets
}

// sendError returns what the caller of Emit is told.
func sendError(err error) error {
	if err != nil && errors.Is(err, engineio.ErrClosed) {
		return ErrDisconnected
	}
	return err
}
