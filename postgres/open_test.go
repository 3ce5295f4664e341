//go:build unix

package postgres_test

import (
	"crypto/rand"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/postgres"
)

// execute changes a database by other means than ours.
func execute(t *testing.T, url, query string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

// tables are those of a database, with what they say of our version.
func tables(t *testing.T, url string) (list string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), `SELECT coalesce(string_agg(relname, ' ' ORDER BY relname), '') FROM pg_class
		WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace`).Scan(&list); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestOpenRefusesWhatItWouldSpoil(t *testing.T) {
	for name, test := range map[string]struct {
		query string // changes an empty database
		ours  bool   // or one that a store has made
		says  string
	}{
		"a newer version's": {"UPDATE parley SET version = 1000", true, "newer version of Parley"},
		"another program's": {"CREATE TABLE recipes (name text)", false, "another program"},
	} {
		t.Run(name, func(t *testing.T) {
			url := newDatabase(t)
			if test.ours {
				s, err := postgres.Open(t.Context(), url)
				if err != nil {
					t.Fatal(err)
				}
				s.Close()
			}
			execute(t, url, test.query)
			before := tables(t, url)
			s, err := postgres.Open(t.Context(), url)
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %q, want it to say %q", err, test.says)
			}
			if after := tables(t, url); after != before {
				t.Errorf("the tables were %s and are %s", before, after)
			}
		})
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	// The server outlives a test that is run again.
	id := strings.ToLower(rand.Text())
	bob, visitor, latin := "bob"+id, "visitor"+id, "latin"+id
	execute(t, server.URL("postgres"), "CREATE ROLE "+bob+" LOGIN PASSWORD 'right'")
	execute(t, server.URL("postgres"), "CREATE ROLE "+visitor+" LOGIN PASSWORD 'hunter2'")
	execute(t, server.URL("postgres"), "REVOKE CREATE ON SCHEMA public FROM PUBLIC") // as it is from PostgreSQL 15 on
	execute(t, server.URL("postgres"), "CREATE DATABASE "+latin+" ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
	as := func(user string) string {
		return strings.Replace(server.URL("postgres"), "parley@", user+":hunter2@", 1)
	}
	for url, says := range map[string]string{
		as(bob):                               `check the user "` + bob + `" and the password`,
		as(visitor):                           "OWNER TO " + visitor,
		server.URL("nowhere"):                 "createdb nowhere",
		server.URL(latin):                     "UTF8",
		"postgres://bob:hunter2@127.0.0.1:1/": "check that it runs",
		"postgres://bob:hunter2@[::1/x":       "postgres://user:password@host:5432/database",
		"postgres://bob:hunter2@h:port/x":     "invalid port",
		"postgres://bob:hunter2%@h/x":         "looks like",
		"host=h user=bob password='hunter2":   "looks like",
		"postgres://bob:p@hunter2@h/x":        "%40",
		"postgres://bob:p@hunter2%zz@h/x":     "%40",
	} {
		s, err := postgres.Open(t.Context(), url)
		if err == nil {
			s.Close()
			t.Errorf("%s was opened", url)
			continue
		}
		if !strings.Contains(err.Error(), says) {
			t.Errorf("the error is %q, want it to say %q", err, says)
		}
		if strings.Contains(err.Error(), "SQLSTATE") && strings.Contains(err.Error(), "failed to connect") {
			t.Errorf("beside what the server answered, the tries are told: %q", err)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password is told: %q", err)
		}
	}
}

// TestManyOpenAtOnce is nodes that start together on an empty database, whatever
// its transactions see if they are not told.
func TestManyOpenAtOnce(t *testing.T) {
	for _, level := range []string{"read%20committed", "repeatable%20read", "serializable"} {
		url := newDatabase(t) + "&default_transaction_isolation=" + level
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				s, err := postgres.Open(t.Context(), url)
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				if _, _, err := s.Room(t.Context(), parley.Lobby, ""); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

// TestCommitsAreSynced opens a database that was told not to wait for its disk.
func TestCommitsAreSynced(t *testing.T) {
	for _, setting := range []string{"off", "local", "on", "remote_apply"} {
		url := newDatabase(t) + "&synchronous_commit=" + setting
		s := open(t, url)
		want := setting
		if setting == "off" || setting == "local" {
			want = "on"
		}
		if got, err := postgres.Setting(t.Context(), s, "synchronous_commit"); err != nil || got != want {
			t.Errorf("%s: it is %q, %v, want %q", setting, got, err, want)
		}
	}
}
