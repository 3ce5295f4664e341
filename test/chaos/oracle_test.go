package chaos

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// A world is a run in which nothing went wrong: two clients, two rooms.
type world struct {
	history map[string][]Message
	logs    []*Log
}

func peace() *world {
	w := &world{history: map[string][]Message{}}
	for _, name := range []string{"ann", "ben"} {
		w.logs = append(w.logs, &Log{Client: name, User: User{ID: "u-" + name, Name: name}, Seen: map[string][]Sighting{}})
	}
	for _, room := range []string{"busy", "quiet"} {
		for i := range 6 {
			l := w.logs[i%2]
			m := Message{
				Room: room, Seq: int64(i + 1), ID: fmt.Sprintf("m%d", i/2), From: l.User,
				Time: fmt.Sprintf("2026-01-02T03:04:05.%03dZ", i), Kind: "text", Body: json.RawMessage(`{"text":"` + fmt.Sprint(i) + `"}`),
			}
			w.history[room] = append(w.history[room], m)
			l.Said = append(l.Said, &Said{Room: room, ID: m.ID, Body: string(m.Body), After: int64(i), Acks: []Ack{{m.Seq, m.Time}}})
		}
		// Ann saw three live and, on another connection, the rest; Ben asked for some twice.
		for _, m := range w.history[room] {
			w.logs[0].see(m, 1+int(m.Seq)/4)
		}
		for _, m := range w.history[room][:4] {
			w.logs[1].see(m, 0)
		}
		for _, m := range w.history[room][2:] {
			w.logs[1].see(m, 1)
		}
	}
	return w
}

func (l *Log) see(m Message, live int) {
	l.Seen[m.Room] = append(l.Seen[m.Room], Sighting{Message: m, Live: live})
}

func TestJudgeFindsNothingWrongInPeace(t *testing.T) {
	w := peace()
	if wrong := Judge(w.history, w.logs); len(wrong) > 0 {
		t.Errorf("in peace the oracle complains:\n%s", strings.Join(wrong, "\n"))
	}
}

// TestJudge breaks one thing after the other, each of which the oracle must
// name.
func TestJudge(t *testing.T) {
	for name, row := range map[string]struct {
		breaks func(*world)
		wants  string
	}{
		"the last acked message is lost": {func(w *world) {
			w.history["busy"] = w.history["busy"][:5]
		}, "is lost"},
		"a message in the middle is lost, and a hole left": {func(w *world) {
			w.history["busy"] = append(w.history["busy"][:2:2], w.history["busy"][3:]...)
		}, "has seq 4 at place 3"},
		"a message in the middle is lost, and the hole closed": {func(w *world) {
			h := append(w.history["busy"][:2:2], w.history["busy"][3:]...)
			for i := range h {
				h[i].Seq = int64(i + 1)
			}
			w.history["busy"] = h
		}, "is lost"},
		"a resend was stored again": {func(w *world) {
			m := w.history["quiet"][1]
			m.Seq = 7
			w.history["quiet"] = append(w.history["quiet"], m)
		}, "m0 of ben is in \"quiet\" twice, at 2 and 7"},
		"two messages changed places": {func(w *world) {
			h := w.history["busy"]
			h[2], h[3] = h[3], h[2]
			h[2].Seq, h[3].Seq = 3, 4
		}, "was acked at 3 of \"busy\", and stands at 4"},
		"a seq was given twice": {func(w *world) {
			w.history["busy"][3].Seq = 3
		}, "has seq 3 at place 4"},
		"a resend got another ack": {func(w *world) {
			s := w.logs[0].Said[0]
			s.Acks = append(s.Acks, Ack{2, s.Acks[0].Time})
		}, "was acked as {1 2026-01-02T03:04:05.000Z}, and again as {2"},
		"the stored body is another": {func(w *world) {
			w.history["busy"][0].Body = json.RawMessage(`{"text":"9"}`)
		}, "which stands as the text 1 of"},
		"the stored time is another": {func(w *world) {
			w.history["busy"][0].Time = "2026-01-02T03:04:06.000Z"
		}, "which stands as the text 1 of"},
		"a message got no ack": {func(w *world) {
			w.logs[1].Said[2].Acks = nil
		}, "m2 in \"busy\" never got an ack (it stands at 6"},
		"there is what nobody said": {func(w *world) {
			w.logs[1].Said = w.logs[1].Said[:5]
		}, "nobody said m2, which stands at 6 of \"quiet\", by the user u-ben"},
		"a message stands before what its sender had read": {func(w *world) {
			w.logs[0].Said[2].After = 5
		}, "m2 stands at 5 of \"busy\", though said after 5 was known"},
		"a client's messages overtook each other": {func(w *world) {
			said := w.logs[0].Said
			w.logs[0].Ordered = true
			said[0], said[1] = said[1], said[0]
		}, "m0 stands at 1 of \"busy\", before what was sent earlier, at 3"},
		"a client missed the last message": {func(w *world) {
			w.logs[0].Seen["quiet"] = w.logs[0].Seen["quiet"][:5]
		}, "ann: never saw 6 of \"quiet\""},
		"a client missed one in the middle": {func(w *world) {
			seen := w.logs[0].Seen["quiet"]
			w.logs[0].Seen["quiet"] = append(seen[:1:1], seen[2:]...)
		}, "ann: never saw 2 of \"quiet\""},
		"a client saw another order": {func(w *world) {
			seen := w.logs[0].Seen["busy"]
			seen[1], seen[2] = seen[2], seen[1]
			seen[1].Seq, seen[2].Seq = 2, 3
		}, "where the history has 2 of \"busy\""},
		"a connection told a message twice": {func(w *world) {
			w.logs[1].see(w.history["busy"][5], 1)
		}, "ben: one connection told 6 of \"busy\" after 6"},
		"a connection went backwards": {func(w *world) {
			seen := w.logs[0].Seen["busy"]
			seen[0], seen[1] = seen[1], seen[0]
		}, "ann: one connection told 1 of \"busy\" after 2"},
		"a client saw what is not there": {func(w *world) {
			m := w.history["busy"][5]
			m.Seq = 7
			w.logs[0].see(m, 2)
		}, "which the history, of 6 messages, does not have"},
		"the whole room is gone": {func(w *world) {
			delete(w.history, "quiet")
		}, "is lost"},
		"a server answered what none may": {func(w *world) {
			w.logs[0].Faults = append(w.logs[0].Faults, "internal")
		}, "ann: internal"},
	} {
		t.Run(name, func(t *testing.T) {
			w := peace()
			row.breaks(w)
			wrong := Judge(w.history, w.logs)
			if !strings.Contains(strings.Join(wrong, "\n"), row.wants) {
				t.Errorf("the oracle says\n%s\nand not %q", strings.Join(wrong, "\n"), row.wants)
			}
		})
	}
}
