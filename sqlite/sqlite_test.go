package sqlite_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/internal/storetest"
	"github.com/seed-4a326f83/parley/sqlite"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) parley.Store { return open(t, newFile(t)) })
}

func newFile(t testing.TB) string { return filepath.Join(t.TempDir(), "parley.db") }

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func closeStore(t testing.TB, s *sqlite.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

var now = time.Date(2030, 2, 3, 4, 5, 6, 789e6, time.UTC)

// must returns v, or fails the test with err.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func guest(t testing.TB, s parley.Store, name string, token parley.SessionToken) parley.User {
	t.Helper()
	return must(s.CreateGuest(t.Context(), parley.User{ID: parley.NewUserID(), Name: name}, token.Hash(), now))(t)
}

func join(t testing.TB, s parley.Store, room string, u parley.User) {
	t.Helper()
	if _, _, err := s.Join(t.Context(), room, u.ID, true, now); err != nil {
		t.Fatal(err)
	}
}

// say stores a message and returns its seq.
func say(t testing.TB, s parley.Store, room string, u parley.User, id string) int64 {
	t.Helper()
	results := must(s.Append(t.Context(), []parley.Draft{
		{Room: room, User: u, ID: id, Kind: parley.KindText, Body: json.RawMessage(`{"text":"hi"}`), Time: now},
	}))(t)
	if results[0].Err != nil {
		t.Fatal(results[0].Err)
	}
	return results[0].Seq
}

// TestStoreLasts closes the file and opens it again, and also opens a copy made
// of it while it was open, which is what a killed server leaves.
func TestStoreLasts(t *testing.T) {
	path := newFile(t)
	first := must(sqlite.Open(t.Context(), path))(t)
	token := parley.NewSessionToken()
	ann, ben := guest(t, first, "ann", token), guest(t, first, "ann", parley.NewSessionToken())
	join(t, first, "tea", ann)
	join(t, first, "tea", ben)
	direct, _, err := first.DirectRoom(t.Context(), ann.ID, ben.ID, parley.NewRoomID(), now)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		say(t, first, "tea", ann, fmt.Sprint(i))
	}
	say(t, first, direct.ID, ben, "psst")
	if _, _, err := first.SetRead(t.Context(), "tea", ben.ID, 2); err != nil {
		t.Fatal(err)
	}
	log := must(first.History(t.Context(), "tea", parley.Range{Limit: 10}))(t)

	killed := newFile(t)
	for _, suffix := range []string{"", "-wal"} {
		if err := os.WriteFile(killed+suffix, must(os.ReadFile(path+suffix))(t), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	closeStore(t, first)
	if left, _ := filepath.Glob(path + "-*"); len(left) > 0 {
		t.Errorf("closing left %q", left)
	}

	for name, path := range map[string]string{"closed": path, "killed": killed} {
		t.Run(name, func(t *testing.T) {
			s := open(t, path)
			if u := must(s.UserBySession(t.Context(), token.Hash(), now))(t); u.User != ann {
				t.Errorf("the session is of %+v, want %+v", u, ann)
			}
			if got := must(s.History(t.Context(), "tea", parley.Range{Limit: 10}))(t); !reflect.DeepEqual(got, log) {
				t.Errorf("history is %+v, want %+v", got, log)
			}
			rooms := must(s.Rooms(t.Context(), ben.ID))(t)
			want := []parley.Membership{
				{Room: parley.Room{ID: direct.ID, Name: "ann", Kind: parley.Direct, First: 1, Last: 1}},
				{Room: parley.Room{ID: "tea", Name: "tea", Kind: parley.Public, First: 1, Last: 5}, Read: 2, Unread: 3},
			}
			if !reflect.DeepEqual(rooms, want) {
				t.Errorf("rooms are %+v, want %+v", rooms, want)
			}
			if seq := say(t, s, "tea", ann, "3"); seq != 4 {
				t.Errorf("a resend got seq %d, want 4", seq)
			}
			if seq := say(t, s, "tea", ann, "new"); seq != 6 {
				t.Errorf("a new message got seq %d, want 6", seq)
			}
			if u := guest(t, s, "ann", parley.NewSessionToken()); u.Name != "ann 3" {
				t.Errorf("the third ann is called %q", u.Name)
			}
		})
	}
}

func TestOpenRefusesWhatItWouldSpoil(t *testing.T) {
	for name, test := range map[string]struct {
		make func(t *testing.T, path string)
		says string
	}{
		"a newer version's": {func(t *testing.T, path string) {
			closeStore(t, open(t, path))
			execute(t, path, "PRAGMA user_version = 1000")
		}, "newer version of Parley"},
		"another program's": {func(t *testing.T, path string) {
			execute(t, path, "CREATE TABLE recipes (name TEXT)")
		}, "another program"},
		"another program's, marked as such": {func(t *testing.T, path string) {
			execute(t, path, "PRAGMA application_id = 7")
		}, "another program"},
		"not a database": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("Dear diary, ", 100)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "not a database"},
		"a folder": {func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "directory"},
		"a folder that is not there": {func(t *testing.T, path string) {
			if err := os.Remove(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
		}, "parley.db"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "in", "parley.db")
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			test.make(t, path)
			before, _ := os.ReadFile(path)
			s, err := sqlite.Open(t.Context(), path)
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %q, want it to say %q", err, test.says)
			}
			if after, _ := os.ReadFile(path); string(before) != string(after) {
				t.Error("the file was changed")
			}
		})
	}
}

// execute changes a file by other means than ours.
func execute(t *testing.T, path, query string) {
	t.Helper()
	db := must(sql.Open("sqlite", path))(t)
	defer db.Close()
	if _, err := db.Exec(query); err != nil {
		t.Fatal(err)
	}
}

func TestOpenTakesAnyFileName(t *testing.T) {
	names := []string{"a b.db", "50%.db", "a%20b#c.db", "ü&=;.db"}
	if runtime.GOOS != "windows" {
		names = append(names, "what?.db", "?mode=memory", "a:b\\c")
	}
	for _, name := range names {
		path := filepath.Join(t.TempDir(), name)
		closeStore(t, open(t, path))
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() == 0 {
			t.Errorf("%s is empty: the database is elsewhere", name)
		}
		if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode != 0o600 {
			t.Errorf("%s can be read by others: %v", name, mode)
		}
	}
}

func TestOpenMakesTheLobbyAnew(t *testing.T) {
	path := newFile(t)
	closeStore(t, open(t, path))
	execute(t, path, "DELETE FROM rooms")
	if _, _, err := open(t, path).Room(t.Context(), parley.Lobby, ""); err != nil {
		t.Error(err)
	}
}
