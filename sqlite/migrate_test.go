package sqlite

import (
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/seed-4a326f83/parley"
)

// TestFilesOfEarlierVersionsAreBroughtUpToDate makes files as the versions
// before left them, with people, rooms and messages, and opens them.
func TestFilesOfEarlierVersionsAreBroughtUpToDate(t *testing.T) {
	const first = `
		INSERT INTO users (num, id, name, key, created) VALUES
			(1, 'u1', 'Ann', 'ANN', 1000), (2, 'u2', 'José Böll', 'JOSÉ BÖLL', 2000);
		INSERT INTO sessions (hash, user, created, seen) VALUES (zeroblob(32), 1, 1000, 0);
		INSERT INTO rooms (num, id, name, kind, last, created) VALUES
			(1, 'lobby', 'lobby', 'public', 0, 500), (2, 'tea-time', 'tea-time', 'public', 5, 3000);
		INSERT INTO rooms (num, id, name, kind, last, created, low, high) VALUES (3, 'd', '', 'direct', 1, 4000, 1, 2);
		INSERT INTO members (room, user, read, joined) VALUES (2, 1, 1, 3000), (2, 2, 0, 3500), (3, 1, 0, 4000), (3, 2, 1, 4000);
		INSERT INTO messages (room, seq, user, id, kind, counts, time, body, target) VALUES
			(2, 1, 1, 'a', 'text', 1, 3001, '{"text":"an old café"}', NULL),
			(2, 2, 2, 'b', 'text', 1, 3003, '{"text":"old 東京"}', NULL),
			(2, 3, 2, 'c', 'text', 1, 3004, '{"text":"old and gone"}', NULL),
			(2, 4, 1, 'd', 'edit', 0, 3005, '{"text":"an old teahouse"}', 1),
			(2, 5, 2, 'e', 'x-move', 1, 3006, '{"text":"old"}', NULL),
			(3, 1, 2, 'f', 'text', 1, 3002, '{"text":"old secret"}', NULL);`
	const second = `
		UPDATE messages SET edited = 4 WHERE room = 2 AND seq = 1;
		UPDATE messages SET body = '{}', deleted = 6 WHERE room = 2 AND seq = 3;`
	for version, test := range map[int]struct {
		rows  string
		found map[string]string // words: where, to Ann
	}{
		1: {first, map[string]string{"old": "tea-time 3, tea-time 2, d 1, tea-time 1", "cafe": "tea-time 1", "東京": "tea-time 2"}},
		2: {first + second, map[string]string{"old": "tea-time 2, d 1, tea-time 1", "cafe": "", "teahouse": "tea-time 1", "gone": ""}},
	} {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "parley.db")
			makeVersion(t, path, version, test.rows)
			for range 2 { // opening it again changes nothing
				s, err := Open(t.Context(), path)
				if err != nil {
					t.Fatal(err)
				}
				w := &world{T: t, Store: s}
				for words, want := range test.found {
					if got := w.found("u1", words); got != want {
						t.Errorf("found of %s: %q, want %q", words, got, want)
					}
				}
				checkOldPeople(t, s)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			s, err := Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			w := &world{T: t, Store: s}
			d := parley.Draft{Room: "tea-time", User: parley.User{ID: "u1"}, ID: "new", Kind: parley.KindText, Body: []byte(`{"text":"old and new"}`), Time: fromMillis(9000)}
			if _, err := s.Append(t.Context(), []parley.Draft{d}); err != nil {
				t.Fatal(err)
			}
			if got, want := w.found("u1", "old"), "tea-time 6, "+test.found["old"]; got != want {
				t.Errorf("after a new one: %q, want %q", got, want)
			}
		})
	}
}

// makeVersion makes a file with the tables of a version and these rows.
func makeVersion(t *testing.T, path string, version int, rows string) {
	t.Helper()
	source, err := dataSource(path, pragma("journal_mode", "WAL"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := connect(source)
	if err != nil {
		t.Fatal(err)
	}
	names, err := migrationNames()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names[:version] {
		script, err := migrations.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.script(string(script)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.script(fmt.Sprintf("%s; PRAGMA user_version = %d; PRAGMA application_id = %d", rows, version, applicationID)); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// found spells where the hits of a word are, the newest first.
func (w *world) found(reader, word string) string {
	w.Helper()
	hits, err := w.Search(w.Context(), parley.Search{Reader: reader, Words: []string{word}, Limit: 50})
	if err != nil {
		w.Fatal(err)
	}
	s := ""
	for i, m := range hits.Messages {
		if i > 0 {
			s += ", "
		}
		s += fmt.Sprint(m.Room, " ", m.Seq)
	}
	return s
}

// checkOldPeople checks what became of the people and rooms of the file.
func checkOldPeople(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	people, err := s.FindPeople(ctx, "boll", 10)
	want := []parley.Account{{User: parley.User{ID: "u2", Name: "José Böll"}, Role: parley.Guest, Seen: fromMillis(2000)}}
	if err != nil || !reflect.DeepEqual(people, want) {
		t.Errorf("people are %+v, %v; want %+v", people, err, want)
	}
	rooms, err := s.FindRooms(ctx, "u1", "time", 10)
	if err != nil || len(rooms) != 1 || rooms[0].ID != "tea-time" || rooms[0].Members != 2 || !rooms[0].Member {
		t.Errorf("rooms are %+v, %v; want tea-time", rooms, err)
	}
	members, err := s.Members(ctx, "tea-time", "u1", "", 10)
	if err != nil || len(members) != 2 || members[0].Name != "Ann" || members[0].Role != parley.Admin || members[1].Role != parley.Ordinary {
		t.Errorf("members are %+v, %v; want Ann, who made the room, and José", members, err)
	}
	if a, err := s.UserBySession(ctx, parley.SessionHash{}, fromMillis(5000)); err != nil || a.ID != "u1" || a.Role != parley.Guest {
		t.Errorf("the session is of %+v, %v; want Ann", a, err)
	}
	if list, err := s.Rooms(ctx, "u2"); err != nil || len(list) != 2 || list[0].Name != "Ann" {
		t.Errorf("rooms of José are %+v, %v; want two", list, err)
	}
}
