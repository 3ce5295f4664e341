package sqlite

import (
	"database/sql"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
)

func TestConnectionsAreSetUp(t *testing.T) {
	w := newWorld(t)
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int64{
		"synchronous": 2, "foreign_keys": 1, "busy_timeout": busyTimeout, "cache_size": -writeCache,
		"application_id": applicationID, "user_version": int64(len(files)),
	} {
		var got int64
		if err := w.writer.do(t.Context(), func(c *conn) error {
			_, err := c.row("PRAGMA "+name, nil, &got)
			return err
		}); err != nil || got != want {
			t.Errorf("writing with %s = %d, %v; want %d", name, got, err, want)
		}
	}
	for name, want := range map[string]string{
		"query_only": "1", "busy_timeout": fmt.Sprint(busyTimeout), "cache_size": fmt.Sprint(-readCache), "journal_mode": "wal",
	} {
		var got string
		if _, err := w.reads.row(t.Context(), "PRAGMA "+name, nil, &got); err != nil || got != want {
			t.Errorf("reading with %s = %s, %v; want %s", name, got, err, want)
		}
	}
}

// TestQueriesUseIndexes asks SQLite how it runs each statement that a store in
// use has prepared: none may read a whole table or sort what it read.
func TestQueriesUseIndexes(t *testing.T) {
	w := newWorld(t)
	ben, err := w.CreateGuest(t.Context(), parley.User{ID: parley.NewUserID(), Name: "ann"}, parley.SessionHash{2}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w.DirectRoom(t.Context(), w.ann.ID, ben.ID, parley.NewRoomID(), time.Now())
		w.Join(t.Context(), "tea", ben.ID, true, time.Now())
		w.say("a", 1)
	}
	draft := parley.Draft{Room: parley.Lobby, User: w.ann, ID: "b", Kind: parley.KindEdit, Body: []byte("1"), Target: 1, Time: time.Now()}
	w.Append(t.Context(), []parley.Draft{draft})
	w.UserBySession(t.Context(), parley.SessionHash{1}, time.Now().Add(time.Hour))
	w.Room(t.Context(), "tea", ben.ID)
	w.Rooms(t.Context(), w.ann.ID)
	w.SetRead(t.Context(), parley.Lobby, w.ann.ID, 1)
	w.History(t.Context(), parley.Lobby, parley.Range{Limit: 5})
	w.History(t.Context(), parley.Lobby, parley.Range{Limit: 5, From: 9, Backward: true})
	w.Search(t.Context(), parley.Search{Reader: w.ann.ID, Limit: 1})
	w.Search(t.Context(), parley.Search{Reader: w.ann.ID, Words: []string{"hi"}, From: w.ann.ID, Room: parley.Lobby, Limit: 1,
		After: time.UnixMilli(1e12), Before: time.UnixMilli(1e12 + 1)})
	w.Leave(t.Context(), "tea", ben.ID)

	var queries []string
	w.reads.prepared.Range(func(query, _ any) bool {
		queries = append(queries, query.(string))
		return true
	})
	reading := len(queries)
	w.writer.do(t.Context(), func(c *conn) error {
		for query := range c.prepared {
			queries = append(queries, query)
		}
		return nil
	})
	if reading < 5 || len(queries)-reading < 20 {
		t.Fatalf("%d queries that read and %d of the writer: this test does not see them all", reading, len(queries)-reading)
	}
	arguments := make([]any, 12)
	for _, query := range queries {
		if strings.HasPrefix(query, "PRAGMA") || strings.Contains(query, "sqlite_schema") {
			continue // once, when the file is opened
		}
		if err := w.reads.each(t.Context(), "EXPLAIN QUERY PLAN "+query, arguments, func(rows *sql.Rows) (bool, error) {
			var id, parent, unused int
			var detail string
			err := rows.Scan(&id, &parent, &unused, &detail)
			scan := strings.HasPrefix(detail, "SCAN") && !strings.HasPrefix(detail, "SCAN (subquery") && // which has its own line
				!strings.HasSuffix(detail, "VIRTUAL TABLE INDEX 0:=") && !strings.Contains(detail, "VIRTUAL TABLE INDEX 192:M") // by rowid; by words, newest first
			if scan || strings.Contains(detail, "TEMP B-TREE") {
				t.Errorf("%s\n\tdoes: %s", query, detail)
			}
			return true, err
		}); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestSessionsAreNotedToTheHour(t *testing.T) {
	w := newWorld(t)
	start := time.Now()
	for _, test := range []struct{ at, want time.Time }{
		{start.Add(-5 * time.Hour), start}, {start, start}, {start.Add(2 * time.Hour), start.Add(2 * time.Hour)}, {start, start.Add(2 * time.Hour)},
	} {
		if _, err := w.UserBySession(t.Context(), parley.SessionHash{1}, test.at); err != nil {
			t.Fatal(err)
		}
		var seen int64
		if _, err := w.reads.row(t.Context(), `SELECT seen FROM sessions`, nil, &seen); err != nil || seen != test.want.Truncate(time.Hour).UnixMilli() {
			t.Errorf("seen %v, %v; want the hour of %v", time.UnixMilli(seen), err, test.want)
		}
	}
}

func TestASessionIsGoodThoughItCannotBeNoted(t *testing.T) {
	w := newWorld(t)
	w.breaks(failing("COMMIT", errDisk), nil)
	u, err := w.UserBySession(t.Context(), parley.SessionHash{1}, time.Now().Add(5*time.Hour))
	if err != nil || u.User != w.ann {
		t.Errorf("%+v, %v; want ann", u, err)
	}
}
