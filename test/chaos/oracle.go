package chaos

import (
	"encoding/json"
	"fmt"
)

// A User is who said a message, or who a client is.
type User struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// A Message is an entry of a room's history.
type Message struct {
	Room string          `json:"room"`
	Seq  int64           `json:"seq"`
	ID   string          `json:"id"`
	From User            `json:"from"`
	Time string          `json:"time"`
	Kind string          `json:"kind"`
	Body json.RawMessage `json:"body"`
}

func (m Message) same(other Message) bool {
	return m.Room == other.Room && m.Seq == other.Seq && m.ID == other.ID && m.From == other.From &&
		m.Time == other.Time && m.Kind == other.Kind && string(m.Body) == string(other.Body)
}

func (m Message) String() string {
	return fmt.Sprintf("%d of %q (%s, by %s, %s, %.40s)", m.Seq, m.Room, m.ID, m.From.Name, m.Time, m.Body)
}

// An Ack is a promise: the message is on disk, at this place.
type Ack struct {
	Seq  int64
	Time string
}

// A Said is a message that a client sent, once or several times.
type Said struct {
	Room, ID, Body string
	// After is the highest seq of the room that the client knew of when it sent
	// the message for the first time: the message comes later.
	After int64
	// Acks are all that came, which must be one and the same.
	Acks []Ack
}

// A Sighting is a message that a client saw.
type Sighting struct {
	Message
	// Live is the number of the connection by which it came as an event; 0 where
	// it was asked for, by join or history.
	Live int
}

// A Log is what one client did and saw.
type Log struct {
	Client string
	User   User
	Said   []*Said               // in the order in which they were first sent
	Seen   map[string][]Sighting // by room, in the order in which they came
	// Ordered says that Said must stand in its order, within each room.
	Ordered bool
	// Faults are answers that no server may give.
	Faults []string
}

// Judge says what is wrong with a history (each room's, whole), given what
// clients know. Nothing is wrong if
//   - what was said and acked is there, where the ack says, and as it was said;
//     nothing was left without an ack;
//   - nothing is there twice, by user, room and id; nor what nobody said;
//   - each room's seq counts 1, 2, 3... without holes;
//   - every client saw that order and nothing else, all of it by the end, and no
//     connection told it twice or backwards;
//   - a message stands behind everything its sender knew of when saying it, and
//     where the log is Ordered behind everything they sent before.
func Judge(history map[string][]Message, logs []*Log) []string {
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }

	type key struct{ user, room, id string }
	place := map[key]int64{}
	for room, messages := range history {
		for i, m := range messages {
			if m.Seq != int64(i+1) {
				complain("the history of %q has seq %d at place %d", room, m.Seq, i+1)
			}
			k := key{m.From.ID, room, m.ID}
			if first, ok := place[k]; ok {
				complain("%s of %s is in %q twice, at %d and %d", m.ID, m.From.Name, room, first, m.Seq)
				continue
			}
			place[k] = m.Seq
		}
	}
	at := func(room string, seq int64) (Message, bool) {
		if seq < 1 || seq > int64(len(history[room])) {
			return Message{}, false
		}
		return history[room][seq-1], true
	}

	for _, l := range logs {
		for _, fault := range l.Faults {
			complain("%s: %s", l.Client, fault)
		}
		before := map[string]int64{}
		for _, s := range l.Said {
			k := key{l.User.ID, s.Room, s.ID}
			stands, found := place[k]
			delete(place, k)
			if len(s.Acks) == 0 {
				complain("%s: %s in %q never got an ack (it stands at %d; 0: nowhere)", l.Client, s.ID, s.Room, stands)
				continue
			}
			for _, a := range s.Acks[1:] {
				if a != s.Acks[0] {
					complain("%s: %s in %q was acked as %v, and again as %v", l.Client, s.ID, s.Room, s.Acks[0], a)
				}
			}
			ack := s.Acks[0]
			if !found {
				complain("%s: %s was acked at %d of %q, and is lost", l.Client, s.ID, ack.Seq, s.Room)
				continue
			}
			if stands != ack.Seq {
				complain("%s: %s was acked at %d of %q, and stands at %d", l.Client, s.ID, ack.Seq, s.Room, stands)
			}
			if m, ok := at(s.Room, stands); ok && (string(m.Body) != s.Body || m.Time != ack.Time || m.Kind != "text") {
				complain("%s: said %s as %.80s, acked at %s, which stands as the %s %s", l.Client, s.ID, s.Body, ack.Time, m.Kind, m)
			}
			if stands <= s.After {
				complain("%s: %s stands at %d of %q, though said after %d was known", l.Client, s.ID, stands, s.Room, s.After)
			}
			if l.Ordered && stands <= before[s.Room] {
				complain("%s: %s stands at %d of %q, before what was sent earlier, at %d", l.Client, s.ID, stands, s.Room, before[s.Room])
			}
			before[s.Room] = stands
		}
		for room, seen := range l.Seen {
			judgeView(l, room, seen, history[room], complain)
		}
	}
	for k, seq := range place {
		complain("nobody said %s, which stands at %d of %q, by the user %s", k.id, seq, k.room, k.user)
	}
	return wrong
}

// judgeView holds what a client saw of a room against its history.
func judgeView(l *Log, room string, seen []Sighting, history []Message, complain func(string, ...any)) {
	have := make([]bool, len(history)+1)
	live, last := 0, int64(0)
	for _, s := range seen {
		if s.Seq < 1 || s.Seq > int64(len(history)) {
			complain("%s: saw %v, which the history, of %d messages, does not have", l.Client, s.Message, len(history))
			continue
		}
		have[s.Seq] = true
		if m := history[s.Seq-1]; !m.same(s.Message) {
			complain("%s: saw %v, where the history has %v", l.Client, s.Message, m)
		}
		if s.Live == 0 {
			continue
		}
		if s.Live == live && s.Seq <= last {
			complain("%s: one connection told %d of %q after %d", l.Client, s.Seq, room, last)
		}
		live, last = s.Live, s.Seq
	}
	for seq := 1; seq <= len(history); seq++ {
		if !have[seq] {
			complain("%s: never saw %v", l.Client, history[seq-1])
			break // one tells enough: there may be hundreds
		}
	}
}
