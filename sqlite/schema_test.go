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
	w.useEverything()

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
	if reading < 23 || len(queries)-reading < 71 {
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

// useEverything has the store run each of its statements at least once. What
// becomes of that is the business of other tests.
func (w *world) useEverything() {
	ctx, now, ann := w.Context(), time.UnixMilli(1e12), w.ann.ID
	user := func(name string) parley.User { return parley.User{ID: parley.NewUserID(), Name: name} }
	ben, root, cat := user("ben"), user("root"), user("cat")
	hash := func() *parley.SessionHash { h := parley.NewSessionToken().Hash(); return &h }

	w.CreateGuest(ctx, user("ann"), *hash(), now)
	w.CreateAccount(ctx, root, "x", nil, now)
	for _, uses := range []int{1, 2} {
		t := parley.Ticket{Hash: *hash(), ID: parley.NewRoomID(), By: root.ID, Uses: uses, Expires: now.Add(time.Hour)}
		w.CreateTicket(ctx, t)
		w.Ticket(ctx, t.Hash, now)
		w.CreateAccount(ctx, []parley.User{{}, ben, cat}[uses], "x", &t.Hash, now)
	}
	reset := parley.Ticket{Hash: *hash(), ID: parley.NewRoomID(), Reset: ben.ID, Uses: 1, Expires: now.Add(time.Hour)}
	w.CreateTicket(ctx, reset)
	w.Tickets(ctx, now)
	w.DeleteTicket(ctx, "none")
	w.ResetPassword(ctx, reset.Hash, "y", now)
	w.SetPassword(ctx, ben.ID, "z", nil)
	w.Password(ctx, "ben")
	w.Account(ctx, ben.ID)
	w.ExternalUser(ctx, "a", "b", user("eve"), now)
	w.ExternalUser(ctx, "a", "b", user("eve"), now)
	w.SetSeen(ctx, map[string]time.Time{ann: now})
	w.CreateSession(ctx, ben.ID, *hash(), now)
	w.UserBySession(ctx, parley.SessionHash{1}, time.Now().Add(time.Hour))
	w.EndSession(ctx, *hash())
	w.EndSessions(ctx, ben.ID, nil)
	w.FindPeople(ctx, "b", 5)
	w.SetRole(ctx, ben.ID, parley.Admin)
	w.SetRole(ctx, ben.ID, parley.Ordinary)

	w.CreateRoom(ctx, parley.Room{ID: "new", Name: "New", Kind: parley.Public}, ann, now)
	name, yes := "Newer", true
	w.AddMember(ctx, "new", ann, ben.ID, now)
	w.SetRoomRole(ctx, "new", ann, ben.ID, parley.Admin)
	w.RemoveMember(ctx, "new", ann, ben.ID)
	w.Members(ctx, "new", ann, "", 5)
	w.ChangeRoom(ctx, "new", ann, parley.RoomChange{Name: &name, Archived: &yes})
	w.FindRooms(ctx, ann, "n", 5)
	for range 2 {
		w.DirectRoom(ctx, ann, ben.ID, parley.NewRoomID(), now)
		w.Join(ctx, "tea", ben.ID, true, now)
		w.Join(ctx, parley.Lobby, ben.ID, true, now)
		w.say("a", 1)
	}
	w.Room(ctx, "tea", ben.ID)
	w.Rooms(ctx, ann)
	w.MemberOf(ctx, ann)
	w.SetRead(ctx, parley.Lobby, ann, 1)

	draft := parley.Draft{Room: parley.Lobby, User: w.ann, Kind: parley.KindText, Target: 1, Time: now}
	for i, d := range []struct{ kind, body string }{
		{parley.KindText, `{"text":"@ben hi"}`}, {parley.KindEdit, `{"text":"@ben"}`},
		{parley.KindReaction, `{"emoji":"x"}`}, {parley.KindReaction, `{"emoji":"x","remove":true}`}, {parley.KindText, `{"text":"late"}`}, {parley.KindDelete, `{}`},
	} {
		draft.ID, draft.Kind, draft.Body = fmt.Sprint("d", i), d.kind, []byte(d.body)
		w.Append(ctx, []parley.Draft{draft})
		draft.Time = draft.Time.Add(-time.Second)
	}
	draft.ID, draft.Kind, draft.User, draft.Target = "x", parley.KindDelete, ben, 2
	w.Append(ctx, []parley.Draft{draft}) // of another's message
	w.History(ctx, parley.Lobby, parley.Range{Limit: 5})
	w.History(ctx, parley.Lobby, parley.Range{Limit: 5, From: 9, Backward: true})
	for i := range maxScope + 1 {
		w.Join(ctx, fmt.Sprint("many-", i), root.ID, true, now)
	}
	w.Search(ctx, parley.Search{Reader: root.ID, Limit: 1})
	w.Search(ctx, parley.Search{Reader: ann, Words: []string{"hi"}, From: ann, Room: parley.Lobby, Limit: 1, After: now.Add(-time.Hour), Before: now.Add(time.Hour)})

	w.Leave(ctx, "tea", ben.ID)
	w.RemoveUser(ctx, ben.ID, now)
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
