package nats

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-4a326f83/parley"
)

// version is that of the envelope: a node passes over news of another, which it
// catches up from the store.
const version = 1

// An envelope is news as it travels: JSON, so that a person can read along, in
// a spelling of its own, so that it stays what it is when our types change.
type envelope struct {
	Version  int           `json:"v"`
	Message  *wireMessage  `json:"message,omitempty"`
	Signal   *wireSignal   `json:"signal,omitempty"`
	Read     *wireRead     `json:"read,omitempty"`
	Member   *wireMember   `json:"member,omitempty"`
	Room     *wireRoom     `json:"room,omitempty"`
	Out      *wireOut      `json:"out,omitempty"`
	Presence *wirePresence `json:"presence,omitempty"`
	Online   *wireOnline   `json:"online,omitempty"`
	Pulse    *wirePulse    `json:"pulse,omitempty"`
}

type (
	wireMessage struct {
		Room      string            `json:"room"`
		Seq       int64             `json:"seq"`
		ID        string            `json:"id"`
		From      parley.User       `json:"from"`
		Time      int64             `json:"time"` // Unix ms
		Kind      string            `json:"kind"`
		Body      json.RawMessage   `json:"body"`
		Target    int64             `json:"target,omitempty"`
		Edited    bool              `json:"edited,omitempty"`
		Deleted   bool              `json:"deleted,omitempty"`
		Reactions []parley.Reaction `json:"reactions,omitempty"`
	}
	wireSignal struct {
		Room   string          `json:"room"`
		From   parley.User     `json:"from"`
		Kind   string          `json:"kind"`
		Body   json.RawMessage `json:"body"`
		Origin string          `json:"origin,omitempty"`
	}
	wireRead struct {
		User   string `json:"user"`
		Room   string `json:"room"`
		Seq    int64  `json:"seq"`
		Origin string `json:"origin,omitempty"`
	}
	wireMember struct {
		User   string   `json:"user"`
		Room   wireRoom `json:"room"`
		Left   bool     `json:"left,omitempty"`
		Origin string   `json:"origin,omitempty"`
	}
	wireRoom struct {
		ID       string          `json:"id"`
		Name     string          `json:"name"`
		Kind     parley.RoomKind `json:"kind"`
		Topic    string          `json:"topic,omitempty"`
		Archived bool            `json:"archived,omitempty"`
		First    int64           `json:"first"`
		Last     int64           `json:"last"`
	}
	wireOut struct {
		User    string `json:"user"`
		Session []byte `json:"session,omitempty"`
		Except  []byte `json:"except,omitempty"`
	}
	wirePresence struct {
		Node  string        `json:"node"`
		Room  string        `json:"room"`
		Count int           `json:"count"`
		All   bool          `json:"all,omitempty"`
		Came  []parley.User `json:"came,omitempty"`
		Left  []string      `json:"left,omitempty"`
		Ask   bool          `json:"ask,omitempty"`
	}
	wireOnline struct {
		Node string `json:"node"`
		Came []byte `json:"came,omitempty"` // 8 bytes each, little endian
		Left []byte `json:"left,omitempty"`
		All  bool   `json:"all,omitempty"`
		From uint64 `json:"from,omitempty"`
		To   uint64 `json:"to,omitempty"`
	}
	wirePulse struct {
		Node  string           `json:"node,omitempty"`
		Heads map[string]int64 `json:"heads,omitempty"`
		Gone  bool             `json:"gone,omitempty"`
	}
)

// encode returns news as it travels.
func encode(n parley.News) ([]byte, error) {
	e := envelope{Version: version}
	switch {
	case n.Message != nil:
		m := n.Message
		e.Message = &wireMessage{m.Room, m.Seq, m.ID, m.From, m.Time.UnixMilli(), m.Kind, m.Body, m.Target, m.Edited, m.Deleted, m.Reactions}
	case n.Signal != nil:
		e.Signal = (*wireSignal)(n.Signal)
	case n.Read != nil:
		e.Read = (*wireRead)(n.Read)
	case n.Member != nil:
		e.Member = &wireMember{n.Member.User, wireRoom(n.Member.Room), n.Member.Left, n.Member.Origin}
	case n.Room != nil:
		e.Room = (*wireRoom)(n.Room)
	case n.Out != nil:
		e.Out = &wireOut{User: n.Out.User, Session: hashBytes(n.Out.Session), Except: hashBytes(n.Out.Except)}
	case n.Presence != nil:
		e.Presence = (*wirePresence)(n.Presence)
	case n.Online != nil:
		o := n.Online
		e.Online = &wireOnline{o.Node, marksBytes(o.Came), marksBytes(o.Left), o.All, o.From, o.To}
	case n.Pulse != nil:
		e.Pulse = (*wirePulse)(n.Pulse)
	default:
		return nil, errors.New("there is nothing in this news that other nodes could be told")
	}
	// With < > & as they are: escaped, a body of nothing else would be longer than
	// the others believe, and everywhere it would be another to the byte.
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(&e); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// decode returns the news that a node sent, or an error where it is none: it
// may come from anybody whom the NATS servers let in.
func decode(data []byte) (parley.News, error) {
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return parley.News{}, err
	}
	if e.Version != version {
		return parley.News{}, fmt.Errorf("it is of version %d, and this node knows %d", e.Version, version)
	}
	n, err := e.news()
	if err == nil {
		err = check(n)
	}
	if err != nil {
		return parley.News{}, err
	}
	return n, nil
}

// news returns what is in an envelope, which must be one thing.
func (e *envelope) news() (n parley.News, err error) {
	things := 0
	if m := e.Message; m != nil {
		things++
		n.Message = &parley.Message{
			Room: m.Room, Seq: m.Seq, ID: m.ID, From: m.From, Time: time.UnixMilli(m.Time).UTC(), Kind: m.Kind,
			Body: m.Body, Target: m.Target, Edited: m.Edited, Deleted: m.Deleted, Reactions: m.Reactions,
		}
	}
	if e.Signal != nil {
		things++
		n.Signal = (*parley.Signal)(e.Signal)
	}
	if e.Read != nil {
		things++
		n.Read = (*parley.ReadMark)(e.Read)
	}
	if m := e.Member; m != nil {
		things++
		n.Member = &parley.Member{User: m.User, Room: parley.Room(m.Room), Left: m.Left, Origin: m.Origin}
	}
	if e.Room != nil {
		things++
		n.Room = (*parley.Room)(e.Room)
	}
	if o := e.Out; o != nil {
		things++
		session, err1 := hashOf(o.Session)
		except, err2 := hashOf(o.Except)
		n.Out, err = &parley.Out{User: o.User, Session: session, Except: except}, errors.Join(err1, err2)
	}
	if e.Presence != nil {
		things++
		n.Presence = (*parley.Presence)(e.Presence)
	}
	if o := e.Online; o != nil {
		things++
		came, err1 := marksOf(o.Came)
		left, err2 := marksOf(o.Left)
		n.Online = &parley.Online{Node: o.Node, Came: came, Left: left, All: o.All, From: o.From, To: o.To}
		err = errors.Join(err1, err2)
	}
	if e.Pulse != nil {
		things++
		n.Pulse = (*parley.Pulse)(e.Pulse)
	}
	if things != 1 {
		return parley.News{}, fmt.Errorf("there are %d things in it rather than one", things)
	}
	return n, err
}

const (
	// maxNode bounds the name of a node, in bytes, and maxPeople the people that
	// one piece of news names.
	maxNode   = 64
	maxPeople = 10_000
)

// check says why news is not as nodes send it.
func check(n parley.News) error {
	room := n.InRoom()
	switch {
	case n.Read != nil:
		room = n.Read.Room
	case n.Member != nil:
		room = n.Member.Room.ID
	case n.Out != nil && n.Out.User == "":
		return errors.New("it puts nobody out")
	case n.Online != nil:
		return checkOnline(n.Online)
	case n.Pulse != nil:
		return checkPulse(n.Pulse)
	}
	if n.Out == nil && !parley.ValidRoomID(room) {
		return errors.New("it is about no room")
	}
	switch {
	case n.Message != nil:
		if m := n.Message; m.Seq < 1 || len(m.Body) == 0 || len(m.Body) > parley.MaxBody || m.Target < 0 {
			return errors.New("it is no message")
		}
	case n.Signal != nil:
		if len(n.Signal.Body) == 0 || len(n.Signal.Body) > parley.MaxSignal {
			return errors.New("it is no signal")
		}
	case n.Presence != nil:
		if p := n.Presence; !validNode(p.Node) || p.Count < 0 || len(p.Came)+len(p.Left) > maxPeople {
			return errors.New("it says of no node who is there")
		}
	}
	return nil
}

func checkOnline(o *parley.Online) error {
	for _, marks := range [][]uint64{o.Came, o.Left} {
		if !slices.IsSorted(marks) {
			return errors.New("its people are in no order")
		}
	}
	n := len(o.Came)
	switch {
	case !validNode(o.Node) || n+len(o.Left) > maxPeople:
		return errors.New("it says of no node who is there")
	case o.All && (o.From > o.To || n > 0 && (o.Came[0] < o.From || o.Came[n-1] > o.To)):
		return errors.New("it says who is there of others than it is about")
	}
	return nil
}

func checkPulse(p *parley.Pulse) error {
	if len(p.Node) > maxNode {
		return errors.New("it names no node")
	}
	for room, seq := range p.Heads {
		if !parley.ValidRoomID(room) || seq < 0 {
			return errors.New("a head in it is of no room")
		}
	}
	return nil
}

func validNode(node string) bool { return node != "" && len(node) <= maxNode }

func hashBytes(hash *parley.SessionHash) []byte {
	if hash == nil {
		return nil
	}
	return hash[:]
}

// hashOf returns a session, or nil for nothing.
func hashOf(b []byte) (*parley.SessionHash, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if len(b) != len(parley.SessionHash{}) {
		return nil, fmt.Errorf("a session has %d bytes rather than %d", len(b), len(parley.SessionHash{}))
	}
	hash := parley.SessionHash(b)
	return &hash, nil
}

func marksBytes(marks []uint64) []byte {
	var b []byte
	for _, m := range marks {
		b = binary.LittleEndian.AppendUint64(b, m)
	}
	return b
}

func marksOf(b []byte) ([]uint64, error) {
	if len(b)%8 != 0 {
		return nil, errors.New("its people are cut off")
	}
	var marks []uint64
	for ; len(b) > 0; b = b[8:] {
		marks = append(marks, binary.LittleEndian.Uint64(b))
	}
	return marks, nil
}
