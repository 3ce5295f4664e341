//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/internal/pgtest"
	"github.com/seed-4a326f83/parley/postgres"
	"github.com/seed-4a326f83/parley/sqlite"
)

var migrated = time.Date(2030, 2, 3, 4, 5, 6, 789e6, time.UTC)

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

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// An installation is people who have talked for a while.
type installation struct {
	ann, ben, gus, out parley.User
	session            parley.SessionHash
	invite             parley.Ticket
	direct             string
}

// line is a draft of the user's.
func line(room string, u parley.User, id, kind string, target int64, body string) parley.Draft {
	return parley.Draft{Room: room, User: u, ID: id, Kind: kind, Target: target, Body: json.RawMessage(body), Time: migrated}
}

func settle(t *testing.T, s parley.Store) (in installation) {
	ctx := t.Context()
	user := func(name string) parley.User { return parley.User{ID: parley.NewUserID(), Name: name} }
	in.ann, in.ben = user("Ann Odd 💚"), user("ben")
	in.session = parley.NewSessionToken().Hash()
	check(t, s.CreateAccount(ctx, in.ann, "secret", nil, migrated))
	in.invite = parley.Ticket{Hash: parley.NewSessionToken().Hash(), ID: "t1", By: in.ann.ID, Uses: 5, Expires: migrated.Add(time.Hour)}
	check(t, s.CreateTicket(ctx, in.invite))
	check(t, s.CreateAccount(ctx, in.ben, "other", &in.invite.Hash, migrated))
	check(t, s.CreateSession(ctx, in.ann.ID, in.session, migrated))
	in.gus = must(s.CreateGuest(ctx, user("gus"), parley.NewSessionToken().Hash(), migrated))(t)
	in.out = must(s.CreateGuest(ctx, user("gus"), parley.NewSessionToken().Hash(), migrated))(t)
	must(s.ExternalUser(ctx, "https://id.example", "7", user("eve"), migrated))(t)
	for i, u := range []parley.User{in.ann, in.ben, in.gus, in.out} {
		for _, room := range []string{parley.Lobby, "tea"} {
			_, _, err := s.Join(ctx, room, u.ID, true, migrated.Add(time.Duration(i)*time.Minute))
			check(t, err)
		}
	}
	check(t, s.CreateRoom(ctx, parley.Room{ID: "hidden", Name: "Hidden", Kind: parley.Private, Topic: "ssh"}, in.ben.ID, migrated))
	direct, _, err := s.DirectRoom(ctx, in.ann.ID, in.ben.ID, parley.NewRoomID(), migrated)
	check(t, err)
	in.direct = direct.ID
	must(s.Append(ctx, []parley.Draft{
		line("tea", in.ann, "a", parley.KindText, 0, `{"text":"apple @ben \u0000 \ud800 東京"}`),
		line("tea", in.ben, "b", parley.KindText, 0, `{"text":"banana"}`),
		line("tea", in.ben, "c", parley.KindEdit, 2, `{"text":"cherry @ann odd 💚"}`),
		line("tea", in.gus, "d", parley.KindReaction, 1, `{"emoji":"👍"}`),
		line("tea", in.ben, "e", parley.KindReaction, 1, `{"emoji":"👍"}`),
		line("tea", in.out, "f", parley.KindText, 0, `{"text":"secret apple"}`),
		line("tea", in.out, "g", parley.KindDelete, 6, `{}`),
		line(in.direct, in.ben, "h", parley.KindText, 0, `{"text":"psst"}`),
		line("hidden", in.ben, "i", "x-move", 0, `[1,2]`),
	}))(t)
	var many []parley.Draft
	for i := range 2500 {
		many = append(many, line(parley.Lobby, in.gus, fmt.Sprint(i), parley.KindText, 0, fmt.Sprintf(`{"text":"line %d"}`, i)))
	}
	must(s.Append(ctx, many))(t)
	_, _, err = s.SetRead(ctx, "tea", in.ben.ID, 3)
	check(t, err)
	check(t, s.RemoveUser(ctx, in.out.ID, migrated))
	return in
}

// sight is all that a store tells of an installation.
func sight(t *testing.T, s parley.Store, in installation) map[string]any {
	ctx := t.Context()
	seen := map[string]any{}
	for _, u := range []parley.User{in.ann, in.ben, in.gus, in.out} {
		seen["account "+u.Name] = must(s.Account(ctx, u.ID))(t)
		seen["rooms "+u.Name] = must(s.Rooms(ctx, u.ID))(t)
		for _, words := range [][]string{{"apple"}, {"cherry"}, {"banana"}, {"東京"}, {"line 24"}, nil} {
			seen[fmt.Sprint("search ", u.Name, words)] = must(s.Search(ctx, parley.Search{Reader: u.ID, Words: words, Limit: 200}))(t)
		}
	}
	for _, room := range []string{parley.Lobby, "tea", "hidden", in.direct} {
		for from := int64(0); ; from += 200 {
			page := must(s.History(ctx, room, parley.Range{From: from, Limit: 200, Reader: in.gus.ID}))(t)
			seen[fmt.Sprint("history ", room, from)] = page
			if !page.More {
				break
			}
		}
	}
	seen["members"] = must(s.Members(ctx, "tea", in.ann.ID, "", 10))(t)
	seen["session"] = must(s.UserBySession(ctx, in.session, migrated))(t)
	seen["tickets"] = must(s.Tickets(ctx, migrated))(t)
	seen["people"] = must(s.FindPeople(ctx, "o", 10))(t)
	seen["offers"] = must(s.FindRooms(ctx, in.gus.ID, "", 10))(t)
	seen["external"] = must(s.ExternalUser(ctx, "https://id.example", "7", parley.User{}, migrated))(t)
	_, password, err := s.Password(ctx, "ann odd 💚")
	check(t, err)
	seen["password"] = password
	return seen
}

// future is what happens next, which is the same on either store.
func future(t *testing.T, s parley.Store, in installation) (seqs []int64, name string) {
	results := must(s.Append(t.Context(), []parley.Draft{
		line("tea", in.ann, "a", parley.KindText, 0, `{}`), line("tea", in.ann, "new", parley.KindText, 0, `{"text":"apple"}`),
		line(in.direct, in.ann, "new", parley.KindText, 0, `{"text":"apple"}`),
	}))(t)
	for _, r := range results {
		check(t, r.Err)
		seqs = append(seqs, r.Seq)
	}
	if hits := must(s.Search(t.Context(), parley.Search{Reader: in.ann.ID, Words: []string{"apple"}, Limit: 9}))(t); len(hits.Messages) != 3 || hits.Messages[0].Room != in.direct {
		t.Errorf("found %+v", hits)
	}
	check(t, s.CreateRoom(t.Context(), parley.Room{ID: "next", Name: "Next", Kind: parley.Public}, in.ann.ID, migrated))
	return seqs, must(s.CreateGuest(t.Context(), parley.User{ID: parley.NewUserID(), Name: "gus"}, parley.NewSessionToken().Hash(), migrated))(t).Name
}

func TestMigrateMovesAll(t *testing.T) {
	server := must(pgtest.Start(pgtest.Config{}))(t)
	t.Cleanup(func() { check(t, server.Stop()) })
	url := must(server.CreateSchema(t.Context(), "postgres"))(t) + pgtest.Patience
	folder := t.TempDir()
	file := filepath.Join(folder, databaseFile)
	from := must(sqlite.Open(t.Context(), file))(t)
	in := settle(t, from)
	check(t, from.Close())

	lock := must(lockFolder(folder))(t)
	if err := (&migrateCmd{From: folder, To: url}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "another parley runs") {
		t.Errorf("while a server runs: %v", err)
	}
	check(t, lock.Unlock())
	for _, absent := range []string{t.TempDir(), filepath.Join(folder, "nothing")} {
		if err := (&migrateCmd{From: absent, To: url}).Run(t.Context()); err == nil {
			t.Errorf("moved %s", absent)
		}
	}
	// What is interrupted leaves nothing behind.
	interrupted, interrupt := context.WithCancel(t.Context())
	source := must(sqlite.Open(t.Context(), file))(t)
	err := postgres.Import(interrupted, url, renamed{source}, func(table string, done, all int64) {
		if table == "messages" {
			interrupt()
		}
	})
	if err == nil {
		t.Error("what was interrupted was done")
	}
	check(t, source.Close())

	check(t, (&migrateCmd{From: "sqlite:" + file, To: url}).Run(t.Context()))
	if err := (&migrateCmd{From: folder, To: url}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "there are 5 people") {
		t.Errorf("a second time: %v", err)
	}

	from = must(sqlite.Open(t.Context(), file))(t)
	defer from.Close()
	to := must(postgres.Open(t.Context(), url))(t)
	defer to.Close()
	had, has := sight(t, from, in), sight(t, to, in)
	for what := range had {
		if !reflect.DeepEqual(had[what], has[what]) {
			t.Errorf("%s is\n%+v\nand was\n%+v", what, has[what], had[what])
		}
	}
	wantSeqs, wantName := future(t, from, in)
	if seqs, name := future(t, to, in); !reflect.DeepEqual(seqs, wantSeqs) || name != wantName {
		t.Errorf("what comes next is %v, %q; want %v, %q", seqs, name, wantSeqs, wantName)
	}
}

func TestStoreIsPostgres(t *testing.T) {
	for _, args := range []string{"--store=mysql://bob:hunter2@x/y", "--store=/var/lib/parley.db", "--store=sqlite:x"} {
		if _, err := parse(args); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", args, err)
		}
	}
	for _, url := range []string{"postgres://bob:hunter2@127.0.0.1:1/x", "postgres://bob:hunter2@[::1/x", "postgres://bob:hun%ter2@h/x", "postgres://bob:hunter2@h:p/x"} {
		c := serveCmd{Store: url}
		_, _, err := c.openStore(t.Context())
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "hun%") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
