package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed-4a326f83/parley/websocket"
)

// ask sends a request and returns its answer; what else comes is kept.
func (s *side) ask(request string) string {
	s.t.Helper()
	s.pings++
	ref := fmt.Sprintf(`"ref":"ask %d"`, s.pings)
	s.send(websocket.MessageText, strings.TrimSuffix(request, "}")+","+ref+"}")
	for text := range s.incoming {
		if strings.Contains(text, ref) {
			return strings.Replace(text, ","+ref, "", 1)
		}
		s.pending = append(s.pending, text)
	}
	s.t.Fatalf("the connection ended (%v) before %s was answered", s.closed, request)
	return ""
}

// told reports whether an event with part in it came since it was last asked.
func (s *side) told(part string) bool {
	s.t.Helper()
	s.barrier()
	found := strings.Contains(strings.Join(s.pending, "\n"), part)
	s.pending = nil
	return found
}

// hear reads up to a message with part in it.
func (s *side) hear(part string) {
	s.t.Helper()
	for {
		text, ok := s.next()
		if !ok {
			s.t.Fatalf("the connection ended (%v) before %s came", s.closed, part)
		}
		if strings.Contains(text, part) {
			return
		}
	}
}

func TestRoomsAreMadeAndChanged(t *testing.T) {
	_, ann := accounts(t)
	ben, _ := invited(t, ann, "ben")
	room := ben.get("POST", "/api/rooms", `{"name":"Tea & Cakes","topic":"five o'clock"}`)
	if room["id"] != "tea-cakes" || room["kind"] != "public" || room["topic"] != "five o'clock" {
		t.Errorf("made %v", room)
	}
	if again := ann.get("POST", "/api/rooms", `{"name":"tea  cakes"}`); again["id"] != "tea-cakes-2" {
		t.Errorf("made %v", again)
	}
	if other := ann.get("POST", "/api/rooms", `{"name":"茶"}`); len(other["id"].(string)) < 20 || other["name"] != "茶" {
		t.Errorf("made %v", other)
	}
	cat, _ := invited(t, ann, "cat")
	in, watching := cat.socket(`{"type":"hello"}`), ben.socket(`{"type":"hello"}`)
	in.ask(`{"type":"join","room":"tea-cakes"}`)
	cat.refused(409, "conflict", "PATCH", "/api/rooms/tea-cakes", `{"name":"Coffee"}`)
	ben.get("PATCH", "/api/rooms/tea-cakes", `{"name":"Coffee","topic":""}`)
	for _, s := range []*side{in, watching} {
		s.expect(`{"type":"room","id":"tea-cakes","name":"Coffee","kind":"public","last":0}`, nil)
	}
	found := ann.get("GET", "/api/rooms?q=cof", "")["rooms"].([]any)
	if len(found) != 1 || found[0].(map[string]any)["members"] != 2.0 || found[0].(map[string]any)["member"] != false {
		t.Errorf("found %v", found)
	}
	ben.get("PATCH", "/api/rooms/tea-cakes", `{"archived":true}`)
	if got := in.ask(`{"type":"publish","room":"tea-cakes","id":"1","body":{"text":"hi"}}`); !strings.Contains(got, `"code":"conflict"`) {
		t.Errorf("in an archived room: %s", got)
	}
	if found := ann.get("GET", "/api/rooms?q=cof", "")["rooms"].([]any); len(found) != 0 {
		t.Errorf("an archived room is found: %v", found)
	}
	ann.get("PATCH", "/api/rooms/tea-cakes", `{"archived":false}`) // an admin of the installation
	if got := in.ask(`{"type":"publish","room":"tea-cakes","id":"2","body":{"text":"hi"}}`); !strings.Contains(got, `"seq":1`) {
		t.Errorf("in a room that was brought back: %s", got)
	}
}

func TestMembersComeAndGo(t *testing.T) {
	_, ann := accounts(t)
	ben, benID := invited(t, ann, "ben")
	cat, catID := invited(t, ann, "cat")
	id := ben.get("POST", "/api/rooms", `{"name":"secret","kind":"private"}`)["id"].(string)
	if strings.Contains(id, "secret") {
		t.Errorf("the id of a private room is %s", id)
	}
	s := cat.socket(`{"type":"hello"}`)
	ben.get("PUT", "/api/rooms/"+id+"/members/"+catID, `{}`)
	s.expect(`{"type":"room","id":"`+id+`","name":"secret","kind":"private","last":0}`, nil)
	if got := s.ask(`{"type":"join","room":"` + id + `"}`); !strings.Contains(got, `"type":"ack"`) {
		t.Fatalf("joining by invitation: %s", got)
	}
	members := cat.get("GET", "/api/rooms/"+id+"/members", "")
	if got := fmt.Sprint(members["members"]); !strings.Contains(got, "ben") || !strings.Contains(got, "cat") || members["more"] != false {
		t.Errorf("members: %v", members)
	}
	if page := cat.get("GET", "/api/rooms/"+id+"/members?limit=1", ""); len(page["members"].([]any)) != 1 || page["more"] != true {
		t.Errorf("a page of one: %v", page)
	}
	cat.refused(409, "conflict", "PUT", "/api/rooms/"+id+"/members/"+catID, `{"role":"admin"}`)
	cat.refused(409, "conflict", "DELETE", "/api/rooms/"+id+"/members/"+benID, "")

	b := ben.socket(`{"type":"hello"}`)
	b.ask(`{"type":"join","room":"` + id + `"}`)
	b.ask(`{"type":"publish","room":"` + id + `","id":"1","body":{"text":"before"}}`)
	s.expect(`{"type":"message","room":"`+id+`","seq":1,"id":"1","from":{"id":"`+benID+`","name":"ben"},"time":"…","kind":"text","body":{"text":"before"}}`, nil)
	ben.get("DELETE", "/api/rooms/"+id+"/members/"+catID, "")
	s.expect(`{"type":"room","id":"`+id+`","left":true}`, nil)
	ben.get("PUT", "/api/rooms/"+id+"/members/"+catID, `{}`)
	ben.get("PUT", "/api/rooms/"+id+"/members/"+catID, `{"role":"admin"}`)
	cat.get("DELETE", "/api/rooms/"+id+"/members/"+benID, "")
	cat.get("DELETE", "/api/rooms/"+id+"/members/"+catID, "") // oneself
}

// TestWhoIsRemovedHearsNothingMore removes somebody who has a room before their
// eyes, in a tab of each framing, and in another one does not: each is told that, and nothing
// of what happens there from then on, by itself or when asked for.
func TestWhoIsRemovedHearsNothingMore(t *testing.T) {
	_, ann := accounts(t)
	ben, _ := invited(t, ann, "ben")
	cat, catID := invited(t, ann, "cat")
	for _, kind := range []string{"private", "public"} {
		id := ben.get("POST", "/api/rooms", `{"name":"secret","kind":"`+kind+`"}`)["id"].(string)
		ben.get("PUT", "/api/rooms/"+id+"/members/"+catID, `{}`)
		word := strings.NewReplacer("ROOM", id).Replace
		b := ben.socket(`{"type":"hello"}`)
		b.ask(word(`{"type":"join","room":"ROOM"}`))
		var tabs []*side
		for i, f := range append([]framing{ioPolling}, framings...) {
			s := cat.socketOver(f, `{"type":"hello"}`)
			if i > 0 {
				s.ask(word(`{"type":"join","room":"ROOM"}`))
			}
			tabs = append(tabs, s)
		}
		b.ask(word(`{"type":"publish","room":"ROOM","id":"1","body":{"text":"before"}}`))
		for _, s := range tabs[1:] {
			s.hear(`"text":"before"`)
		}
		ben.get("DELETE", "/api/rooms/"+id+"/members/"+catID, "")
		for _, s := range tabs {
			s.hear(word(`{"type":"room","id":"ROOM","left":true}`))
		}
		b.ask(word(`{"type":"publish","room":"ROOM","id":"2","body":{"text":"after"}}`))
		b.ask(word(`{"type":"signal","room":"ROOM","kind":"typing"}`))
		b.ask(word(`{"type":"read","room":"ROOM","seq":2}`))
		ben.get("PATCH", "/api/rooms/"+id, `{"topic":"hushed"}`)
		b.hear("hushed") // so far, all that happened was delivered
		code := map[string]string{"private": "not_found", "public": "not_joined"}[kind]
		for i, s := range tabs {
			if s.told(id) {
				t.Errorf("%s, tab %d: somebody who was removed was told something", kind, i)
			}
			for _, request := range []string{
				`{"type":"history","room":"ROOM","after":0}`,
				`{"type":"presence","room":"ROOM"}`,
				`{"type":"publish","room":"ROOM","id":"3","body":{"text":"hi"}}`,
				`{"type":"signal","room":"ROOM","kind":"typing"}`,
				`{"type":"read","room":"ROOM","seq":1}`,
			} {
				if got := s.ask(word(request)); !strings.Contains(got, `"code":"`+code+`"`) {
					t.Errorf("%s, tab %d: %s: %s, want %s", kind, i, request, got, code)
				}
			}
			if got := s.ask(`{"type":"rooms"}`); strings.Contains(got, id) {
				t.Errorf("%s: among the rooms of who was removed: %s", kind, got)
			}
		}
		if hits := cat.get("GET", "/api/search?q=before", "")["messages"].([]any); len(hits) != 0 {
			t.Errorf("%s: who was removed finds %v", kind, hits)
		}
	}
}

// TestTheRoomHearsOfItsMembers is what those in a room are told when somebody is
// added, made an admin, or removed: that the room changed.
func TestTheRoomHearsOfItsMembers(t *testing.T) {
	_, ann := accounts(t)
	ben, benID := invited(t, ann, "ben")
	cat, catID := invited(t, ann, "cat")
	b, c := ben.socket(`{"type":"hello"}`), cat.socket(`{"type":"hello"}`) // first, so that no news is of before
	id := ben.get("POST", "/api/rooms", `{"name":"secret","kind":"private"}`)["id"].(string)
	room := "/api/rooms/" + id + "/members/"
	changed := `{"type":"room","id":"` + id + `","name":"secret","kind":"private","last":0}`
	b.expect(changed, nil) // as who made it
	b.ask(`{"type":"join","room":"` + id + `"}`)
	ben.get("PUT", room+catID, `{}`)
	b.expect(changed, nil)
	c.expect(changed, nil) // as the one who was added, and once
	ben.get("PUT", room+catID, `{"role":"admin"}`)
	b.expect(changed, nil)
	c.expect(changed, nil)
	ben.get("PUT", room+catID, `{"role":""}`)
	b.expect(changed, nil)
	c.expect(changed, nil)
	ben.refused(409, "conflict", "PUT", room+benID, `{"role":""}`) // the only one
	ben.get("DELETE", room+benID, "")
	b.expect(`{"type":"room","id":"`+id+`","left":true}`, nil)
	c.expect(changed, nil)
	if got := c.ask(`{"type":"rooms"}`); !strings.Contains(got, `"role":"admin"`) {
		t.Errorf("after the only admin has left: %s", got)
	}
}

// TestWhatIsNotForOneIsAsIfItWereNot asks for rooms of others, in every word and
// by every call, and for one that does not exist: the answers are the same.
func TestWhatIsNotForOneIsAsIfItWereNot(t *testing.T) {
	_, ann := accounts(t)
	ben, benID := invited(t, ann, "ben")
	_, catID := invited(t, ann, "cat")
	eve, eveID := invited(t, ann, "eve")
	private := ben.get("POST", "/api/rooms", `{"name":"secret","kind":"private"}`)["id"].(string)
	b := ben.socket(`{"type":"hello"}`)
	direct := b.ask(`{"type":"direct","user":"` + catID + `"}`)
	_, direct, _ = strings.Cut(direct, `"room":"`)
	direct, _, _ = strings.Cut(direct, `"`)
	for _, room := range []string{private, direct} {
		b.ask(`{"type":"join","room":"` + room + `"}`)
		b.ask(`{"type":"publish","room":"` + room + `","id":"1","body":{"text":"passwort 東京"}}`)
	}
	const absent = "no-such-room"
	s := eve.socket(`{"type":"hello"}`)
	for _, word := range []string{
		`{"type":"join","room":"ROOM"}`,
		`{"type":"join","room":"ROOM","since":0}`,
		`{"type":"join","rooms":{"ROOM":0}}`,
		`{"type":"leave","room":"ROOM"}`,
		`{"type":"publish","room":"ROOM","id":"1","body":{"text":"hi"}}`,
		`{"type":"publish","room":"ROOM","id":"2","kind":"edit","target":1,"body":{"text":"hi"}}`,
		`{"type":"publish","room":"ROOM","id":"3","kind":"delete","target":1}`,
		`{"type":"publish","room":"ROOM","id":"4","kind":"reaction","target":1,"body":{"emoji":"👍"}}`,
		`{"type":"signal","room":"ROOM","kind":"typing"}`,
		`{"type":"history","room":"ROOM","after":0}`,
		`{"type":"presence","room":"ROOM"}`,
		`{"type":"read","room":"ROOM","seq":1}`,
	} {
		want := s.ask(strings.ReplaceAll(word, "ROOM", absent))
		for _, room := range []string{private, direct} {
			if got := strings.ReplaceAll(s.ask(strings.ReplaceAll(word, "ROOM", room)), room, absent); got != want {
				t.Errorf("%s:\n got  %s\n want %s", word, got, want)
			}
		}
	}
	for _, who := range []*browser{eve, ann} { // an admin of the installation, too
		for _, call := range [][3]string{
			{"PATCH", "/api/rooms/ROOM", `{"name":"mine"}`},
			{"GET", "/api/rooms/ROOM/members", ""},
			{"PUT", "/api/rooms/ROOM/members/" + eveID, `{}`},
			{"PUT", "/api/rooms/ROOM/members/" + eveID, `{"role":"admin"}`},
			{"DELETE", "/api/rooms/ROOM/members/" + benID, ""},
			{"DELETE", "/api/rooms/ROOM/members/" + eveID, ""},
			{"GET", "/api/search?q=passwort+in:ROOM", ""},
			{"GET", "/api/rooms?q=ROOM", ""},
		} {
			_, want := who.call(call[0], strings.ReplaceAll(call[1], "ROOM", absent), call[2])
			for _, room := range []string{private, direct} {
				if _, got := who.call(call[0], strings.ReplaceAll(call[1], "ROOM", room), call[2]); strings.ReplaceAll(got, room, absent) != want {
					t.Errorf("%v:\n got  %s\n want %s", call, got, want)
				}
			}
		}
		for _, q := range []string{"passwort", "東京", "from:ben", "in:secret", "after:2000-01-01"} {
			if hits := who.get("GET", "/api/search?q="+q, "")["messages"].([]any); len(hits) != 0 {
				t.Errorf("%s finds %v", q, hits)
			}
		}
		if rooms := who.get("GET", "/api/rooms", "")["rooms"].([]any); len(rooms) != 1 {
			t.Errorf("rooms to join: %v, want the lobby", rooms)
		}
	}
	if strings.Contains(s.ask(`{"type":"rooms"}`), "secret") || s.told("passwort") {
		t.Error("eve was told of what is not hers")
	}
}

func TestSearching(t *testing.T) {
	_, ann := accounts(t)
	ben, _ := invited(t, ann, "ben")
	a, b := ann.socket(`{"type":"hello"}`), ben.socket(`{"type":"hello"}`)
	for _, s := range []*side{a, b} {
		s.ask(`{"type":"join","room":"lobby"}`)
	}
	ann.get("POST", "/api/rooms", `{"name":"tea"}`)
	a.ask(`{"type":"join","room":"tea"}`)
	a.ask(`{"type":"publish","room":"lobby","id":"1","body":{"text":"the quick brown fox"}}`)
	b.ask(`{"type":"publish","room":"lobby","id":"2","body":{"text":"a brown quick dog in Café Zoë"}}`)
	a.ask(`{"type":"publish","room":"tea","id":"3","body":{"text":"quick: 明日は東京に行きます"}}`)
	a.ask(`{"type":"publish","room":"lobby","id":"4","kind":"edit","target":1,"body":{"text":"the slow brown fox"}}`)
	for q, want := range map[string]string{
		`quick`: "3 2", `qui`: "3 2", `brown`: "2 1", `"brown+fox"`: "1", `"brown+dog"`: "", `cafe+zoe`: "2", `CAFÉ`: "2",
		`東京`: "3", `京`: "3", `京東`: "", `brown+from:ben`: "2", `brown+from:me`: "1", `quick+in:tea`: "3", `in:lobby+quick`: "2",
		`from:nobody+quick`: "", `in:nowhere+quick`: "", `quick+before:2001-01-01`: "", `quick+after:2001-01-01`: "3 2",
		`from:ann`: "3 1", `"unfinished`: "", `quick+OR+NOT+(*`: "", `%22%22+fox`: "1",
	} {
		var ids []string
		for _, m := range ann.get("GET", "/api/search?q="+q, "")["messages"].([]any) {
			ids = append(ids, m.(map[string]any)["id"].(string))
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%s finds %q, want %q", q, got, want)
		}
	}
	for i := range 25 {
		a.ask(fmt.Sprintf(`{"type":"publish","room":"tea","id":"n%d","body":{"text":"needle %d"}}`, i, i))
	}
	page := ann.get("GET", "/api/search?q=needle", "")
	if n := len(page["messages"].([]any)); n != 20 || page["cursor"] == nil {
		t.Fatalf("a page of %d, cursor %v", n, page["cursor"])
	}
	rest := ann.get("GET", fmt.Sprintf("/api/search?q=needle&cursor=%.0f", page["cursor"]), "")
	if n := len(rest["messages"].([]any)); n != 5 || rest["cursor"] != nil {
		t.Errorf("a rest of %d, cursor %v", n, rest["cursor"])
	}
}
