// Package packet is the encoding of Socket.IO packets, protocol version 5: text, of which binary attachments are cut out and
// follow.
package packet

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
)

// A Type is what a packet is for.
type Type byte

const (
	Connect Type = iota
	Disconnect
	Event
	Ack
	ConnectError
	BinaryEvent
	BinaryAck
)

// MaxAttachments is the most binary attachments a packet may have.
const MaxAttachments = 10

// maxName is the most bytes a namespace may have.
const maxName = 256

// A Packet is a Socket.IO packet, without its attachments.
type Packet struct {
	Type        Type
	Attachments int    // how many follow; of BinaryEvent and BinaryAck
	Namespace   string // begins with "/"
	ID          uint64 // for the ack, if HasID
	HasID       bool
	Data        []byte // JSON; nil: there is none
}

var (
	errEmpty       = errors.New("a packet without a type")
	errType        = errors.New("a packet of no known type")
	errAttachments = errors.New("a number of attachments that may not be")
	errNamespace   = errors.New("a namespace that is too long")
	errID          = errors.New("an ack id that may not be")
	errPayload     = errors.New("a payload that is not right for the type of the packet")
)

// Parse parses the text of a packet. What is returned refers to text, but for Namespace.
func Parse(text []byte) (p Packet, err error) {
	if len(text) == 0 {
		return p, errEmpty
	}
	p.Type = Type(text[0] - '0')
	if p.Type > BinaryAck {
		return p, errType
	}
	rest := text[1:]
	if p.Type == BinaryEvent || p.Type == BinaryAck {
		count, after, ok := bytes.Cut(rest, []byte("-"))
		if !ok || len(count) == 0 || len(count) > 2 {
			return p, errAttachments
		}
		n, after2, ok := digits(count)
		if !ok || len(after2) > 0 || n < 1 || n > MaxAttachments {
			return p, errAttachments
		}
		p.Attachments, rest = int(n), after
	}
	p.Namespace = "/"
	if len(rest) > 0 && rest[0] == '/' {
		name, after, _ := bytes.Cut(rest, []byte(","))
		rest = after
		name, _, _ = bytes.Cut(name, []byte("?"))
		if len(name) > maxName {
			return p, errNamespace
		}
		if len(name) > 1 {
			p.Namespace = string(name)
		}
	}
	if len(rest) > 0 && isDigit(rest[0]) {
		id, after, ok := digits(rest)
		if !ok {
			return p, errID
		}
		p.ID, p.HasID, rest = id, true, after
	}
	if len(rest) > 0 {
		p.Data = rest
	}
	return p, p.check()
}

// check looks at the payload.
func (p *Packet) check() error {
	ok := false
	switch p.Type {
	case Connect:
		ok = p.Data == nil || first(p.Data) == '{' && json.Valid(p.Data)
	case Disconnect:
		ok = p.Data == nil
	case ConnectError:
		ok = p.Data == nil || (first(p.Data) == '{' || first(p.Data) == '"') && json.Valid(p.Data)
	case Event, BinaryEvent:
		ok = first(p.Data) == '[' && json.Valid(p.Data) && nameIsGood(p.Data)
	case Ack, BinaryAck:
		ok = p.HasID && first(p.Data) == '[' && json.Valid(p.Data)
	}
	if !ok {
		return errPayload
	}
	return nil
}

func first(data []byte) byte {
	data = bytes.TrimLeft(data, " \t\r\n")
	if len(data) == 0 {
		return 0
	}
	return data[0]
}

// nameIsGood reports whether the array begins with an event's name.
func nameIsGood(array []byte) bool {
	i := skipSpace(array, bytes.IndexByte(array, '[')+1)
	if array[i] == ']' {
		return false
	}
	raw := array[i:skipValue(array, i)]
	if raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 {
		return !Reserved(string(raw[1 : len(raw)-1]))
	}
	name, ok := Name(raw)
	return ok && !Reserved(name)
}

// Name returns the event's name, which the first element of its payload is.
func Name(raw json.RawMessage) (name string, ok bool) {
	switch {
	case raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0:
		return string(raw[1 : len(raw)-1]), true
	case raw[0] == '"':
		return name, json.Unmarshal(raw, &name) == nil
	case raw[0] == '-' || isDigit(raw[0]): // as clients may, too
		return string(raw), true
	default:
		return "", false
	}
}

// Reserved reports whether name is the name of something that happens on either side, which the other must not send.
func Reserved(name string) bool { return slices.Contains(reserved, name) }

var reserved = []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// digits parses the decimal number that text begins with.
func digits(text []byte) (n uint64, rest []byte, ok bool) {
	const most = 1 << 53 // what JavaScript can count to
	i := 0
	for i < len(text) && isDigit(text[i]) {
		n = n*10 + uint64(text[i]-'0')
		if i++; n > most {
			return 0, nil, false
		}
	}
	return n, text[i:], i > 0
}

// Append appends the text of the packet.
func Append(dst []byte, p Packet) []byte {
	dst = append(dst, '0'+byte(p.Type))
	if p.Type == BinaryEvent || p.Type == BinaryAck {
		dst = strconv.AppendInt(dst, int64(p.Attachments), 10)
		dst = append(dst, '-')
	}
	if p.Namespace != "/" && p.Namespace != "" {
		dst = append(dst, p.Namespace...)
		dst = append(dst, ',')
	}
	if p.HasID {
		dst = strconv.AppendUint(dst, p.ID, 10)
	}
	return append(dst, p.Data...)
}

// Split returns the elements of array, which must be valid JSON.
func Split(array []byte) []json.RawMessage {
	var few [8]json.RawMessage
	elements := few[:0]
	i := bytes.IndexByte(array, '[') + 1
	for {
		i = skipSpace(array, i)
		if array[i] == ']' {
			break
		}
		end := skipValue(array, i)
		elements = append(elements, json.RawMessage(array[i:end:end]))
		i = skipSpace(array, end)
		if array[i] == ',' {
			i++
		}
	}
	return append(make([]json.RawMessage, 0, len(elements)), elements...)
}

func skipSpace(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n' {
		i++
	}
	return i
}

// skipValue returns where the value that begins at i ends.
func skipValue(b []byte, i int) int {
	depth := 0
	for {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			if depth == 0 {
				return i
			}
			continue
		case '[', '{':
			depth++
		case ']', '}':
			if depth == 0 {
				return i // a number, or a word, was the last
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
		i++
	}
}

func skipString(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}
