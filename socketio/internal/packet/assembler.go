package packet

import (
	"bytes"
	"encoding/json"
	"errors"
)

// An Assembler puts packets and their attachments together. The zero value is ready.
type Assembler struct {
	pending     *Packet
	attachments [][]byte
	size        int
}

// A Message is a packet with its attachments.
type Message struct {
	Packet
	// Values is the payload, where there are attachments: as json.Unmarshal makes it, with json.Number for numbers, and a
	// []byte in the place of each attachment.
	Values []any
	// Size is how many bytes of memory the message takes, about.
	Size int
}

// valuesSize is how many bytes Values may take for a byte of the payload: that of an object with one field.
const valuesSize = 40

var (
	errTextBetween = errors.New("text where an attachment should come")
	errNoneWanted  = errors.New("an attachment that belongs to nothing")
	errNumber      = errors.New("a placeholder for an attachment that there is not")
)

// Text takes text. If complete, m is a message, whose Data refers to text; or else it has the packet's Type and Namespace.
func (a *Assembler) Text(text []byte) (m Message, complete bool, err error) {
	if a.pending != nil {
		return m, false, errTextBetween
	}
	p, err := Parse(text)
	if err != nil {
		return m, false, err
	}
	if p.Attachments == 0 {
		return Message{Packet: p, Size: len(p.Data)}, true, nil
	}
	p.Data = bytes.Clone(p.Data)
	a.pending, a.size = &p, valuesSize*len(p.Data)
	m.Type, m.Namespace = p.Type, p.Namespace
	return m, false, nil
}

// Binary takes an attachment, which is copied. If complete, m is a message.
func (a *Assembler) Binary(data []byte) (m Message, complete bool, err error) {
	if a.pending == nil {
		return m, false, errNoneWanted
	}
	a.attachments = append(a.attachments, append([]byte{}, data...))
	a.size += len(data)
	if len(a.attachments) < a.pending.Attachments {
		return m, false, nil
	}
	m.Packet, m.Size = *a.pending, a.size
	d := json.NewDecoder(bytes.NewReader(m.Data))
	d.UseNumber()
	if err := d.Decode(&m.Values); err != nil {
		return m, false, err
	}
	for i := range m.Values {
		if m.Values[i], err = fill(m.Values[i], a.attachments); err != nil {
			return m, false, err
		}
	}
	*a = Assembler{}
	return m, true, nil
}

// Reset forgets what has come of a message.
func (a *Assembler) Reset() { *a = Assembler{} }

// fill puts attachments in the places of their placeholders: each in one, as clients send them, for whoever made an attachment
// stand in many would have what is made of the message be many times as large. It takes them out of attachments.
func fill(v any, attachments [][]byte) (any, error) {
	var err error
	switch v := v.(type) {
	case []any:
		for i := range v {
			if v[i], err = fill(v[i], attachments); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if v["_placeholder"] == true {
			number, ok := v["num"].(json.Number)
			n, err := number.Int64()
			if !ok || err != nil || n < 0 || n >= int64(len(attachments)) || attachments[n] == nil {
				return nil, errNumber
			}
			data := attachments[n]
			attachments[n] = nil
			return data, nil
		}
		for key := range v {
			if v[key], err = fill(v[key], attachments); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}
