package nats

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
)

var (
	someRoom = parley.Room{ID: "tea", Name: "Tëa", Kind: parley.Private, Topic: "of it", Archived: true, First: 2, Last: 9}
	someHash = parley.NewSessionToken().Hash()
	ann      = parley.User{ID: "u1", Name: "ann \u2028 <&>"}
)

// everyNews is news of every kind with every field set.
var everyNews = []parley.News{
	{Message: &parley.Message{
		Room: "tea", Seq: 7, ID: "id 1", From: ann, Time: time.UnixMilli(1893553446789).UTC(), Kind: "x-any", Body: json.RawMessage(`{"text":"hi"}`),
		Target: 3, Edited: true, Deleted: true, Reactions: []parley.Reaction{{Emoji: "👍", Count: 1, Users: []parley.User{ann}, Mine: true}},
	}},
	{Signal: &parley.Signal{Room: "tea", From: ann, Kind: "typing", Body: json.RawMessage(`{}`), Origin: "c1"}},
	{Read: &parley.ReadMark{User: "u1", Room: "tea", Seq: 4, Origin: "c1"}},
	{Member: &parley.Member{User: "u1", Room: someRoom, Left: true, Origin: "c1"}},
	{Room: &someRoom},
	{Out: &parley.Out{User: "u1", Session: &someHash}},
	{Out: &parley.Out{User: "u1", Except: &someHash}},
	{Presence: &parley.Presence{Node: "n1", Room: "tea", Count: 3, All: true, Came: []parley.User{ann}, Left: []string{"u2"}, Ask: true}},
	{Online: &parley.Online{Node: "n1", Came: []uint64{5, 1<<64 - 1}, Left: []uint64{7}, All: true, From: 1, To: 1<<64 - 1}},
	{Pulse: &parley.Pulse{Node: "n1", Heads: map[string]int64{"tea": 7}, Gone: true}},
}

func TestEveryFieldOfNewsTravels(t *testing.T) {
	kinds := make(map[string]bool)
	for _, n := range everyNews {
		data, err := encode(n)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(data)
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if !reflect.DeepEqual(got, n) {
			t.Errorf("%s came as %+v", data, got)
		}
		v := reflect.ValueOf(n)
		for i := range v.NumField() {
			if field := v.Field(i); !field.IsNil() {
				name := v.Type().Field(i).Name
				kinds[name] = true
				for k := range field.Elem().NumField() {
					if field.Elem().Field(k).IsZero() && name != "Out" { // the one or the other
						t.Errorf("%s.%s is not tried", name, field.Elem().Type().Field(k).Name)
					}
				}
			}
		}
	}
	for i := range reflect.TypeFor[parley.News]().NumField() {
		if name := reflect.TypeFor[parley.News]().Field(i).Name; name != "Link" && !kinds[name] {
			t.Errorf("news of %s is not tried", name)
		}
	}
	if data, err := encode(parley.News{Link: &parley.Link{}}); err == nil {
		t.Errorf("a bus's own link was sent: %s", data)
	}
}

// TestBodiesTravelAsTheyAre is those that a careful spelling of JSON would make
// six times as long, which is more than a node believes.
func TestBodiesTravelAsTheyAre(t *testing.T) {
	body := func(size int) json.RawMessage { return json.RawMessage(`"` + strings.Repeat("<", size-2) + `"`) }
	for _, n := range []parley.News{
		{Message: &parley.Message{Room: "tea", Seq: 1, Body: body(parley.MaxBody), Time: time.UnixMilli(0).UTC()}},
		{Signal: &parley.Signal{Room: "tea", Body: body(parley.MaxSignal)}},
		{Signal: &parley.Signal{Room: "tea", Body: json.RawMessage("\"<&>\u2028\u2029\"")}},
	} {
		data, err := encode(n)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(data)
		if err != nil {
			t.Errorf("%.80s: %v", data, err)
		} else if !reflect.DeepEqual(got, n) {
			t.Errorf("it came as %.80s", data)
		}
	}
}

func TestWhatIsNoNewsIsRefused(t *testing.T) {
	for _, data := range []string{
		``, `null`, `[]`, `"news"`, `{`, `{"v":1}`, `{"v":2,"pulse":{}}`, `{"pulse":{}}`,
		`{"v":1,"read":{"room":"tea"},"pulse":{"node":"n"}}`,
		`{"v":1,"message":{"room":"tea","seq":0,"body":{}}}`,
		`{"v":1,"message":{"room":"tea","seq":1}}`,
		`{"v":1,"message":{"room":"a.b","seq":1,"body":{}}}`,
		`{"v":1,"message":{"room":"tea","seq":1,"body":"` + strings.Repeat("x", parley.MaxBody) + `"}}`,
		`{"v":1,"signal":{"room":"tea"}}`,
		`{"v":1,"read":{"room":""}}`,
		`{"v":1,"member":{"user":"u1"}}`,
		`{"v":1,"room":{"id":"*"}}`,
		`{"v":1,"out":{}}`,
		`{"v":1,"out":{"user":"u1","session":"AAAA"}}`,
		`{"v":1,"presence":{"room":"tea"}}`,
		`{"v":1,"presence":{"room":"tea","node":"n","count":-1}}`,
		`{"v":1,"online":{"node":"n","came":"AAAA"}}`,
		`{"v":1,"online":{"came":""}}`,
		`{"v":1,"online":{"node":"n","all":true,"from":2,"to":1}}`,
		`{"v":1,"online":{"node":"n","all":true,"from":1,"to":2,"came":"CQAAAAAAAAA="}}`,
		`{"v":1,"online":{"node":"n","came":"CQAAAAAAAAABAAAAAAAAAA=="}}`,
		`{"v":1,"pulse":{"node":"n","heads":{"tea":-1}}}`,
		`{"v":1,"pulse":{"node":"n","heads":{"T E A":1}}}`,
		`{"v":1,"pulse":{"node":"` + strings.Repeat("n", 65) + `"}}`,
	} {
		if n, err := decode([]byte(data)); err == nil {
			t.Errorf("%.80s was taken for %+v", data, n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, n := range everyNews {
		data, err := encode(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := decode(data)
		if err != nil {
			return
		}
		again, err := encode(n)
		if err != nil {
			t.Fatalf("what was understood cannot be said: %v", err)
		}
		if _, err := decode(again); err != nil {
			t.Fatalf("what was understood is not again: %v", err)
		}
	})
}

func TestNamesAreOneTokenOfASubject(t *testing.T) {
	seen := make(map[string]string)
	for _, name := range []string{"", "tea", "Tea", "a.b", "a_b", "*", ">", "a b", "a\r\nPUB x 0", "\x00", "ü", "_", "$SYS", "tea-2"} {
		got := token(name)
		if got == "" || strings.ContainsFunc(got, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}) {
			t.Errorf("%q is %q", name, got)
		}
		if other, twice := seen[got]; twice {
			t.Errorf("%q and %q are both %q", name, other, got)
		}
		seen[got] = name
	}
	s := newSubjects("two.words", "")
	if got := s.room("tea"); got != "two_2ewords.room.tea" {
		t.Errorf("a room's subject is %q", got)
	}
	if got := newSubjects("parley", "0.1").room("tea"); got != "parley.0_2e1.room.tea" {
		t.Errorf("in an installation, a room's subject is %q", got)
	}
	if s.of("") != s.all() {
		t.Errorf("news about no room goes to %q", s.of(""))
	}
}
