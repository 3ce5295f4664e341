//go:build unix

package pgtest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/seed-4a326f83/parley/internal/pgtest"
)

// TestServer makes databases, kills the server and has it back.
func TestServer(t *testing.T) {
	s, err := pgtest.Start(pgtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	defer func() {
		if !stopped {
			s.Stop()
		}
	}()
	first := must(s.CreateDatabase(t.Context()))(t)
	check(t, s.Execute(t.Context(), first, "CREATE TABLE kept (n int)"))
	check(t, s.Execute(t.Context(), first, "INSERT INTO kept VALUES (7)"))
	schema := must(s.CreateSchema(t.Context(), first))(t)
	conn := must(pgx.Connect(t.Context(), schema))(t)
	if _, err := conn.Exec(t.Context(), "CREATE TABLE kept AS SELECT 8 AS n"); err != nil {
		t.Error(err)
	}
	check(t, conn.Close(t.Context()))
	for _, end := range []func() error{s.Kill, s.Halt} {
		check(t, end())
		if _, err := pgx.Connect(t.Context(), s.URL(first)); err == nil {
			t.Fatal("a server that was ended answers")
		}
		check(t, s.Restart())
		if n := count(t, s.URL(first)); n != 7 {
			t.Errorf("kept is %d", n)
		}
		if n := count(t, schema); n != 8 {
			t.Errorf("in the schema, kept is %d", n)
		}
	}
	check(t, s.Stop())
	stopped = true
	if _, err := os.Stat(filepath.Dir(s.Socket())); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder is still there: %v", err)
	}
}

func count(t *testing.T, url string) (n int) {
	t.Helper()
	conn := must(pgx.Connect(t.Context(), url))(t)
	defer conn.Close(context.Background())
	check(t, conn.QueryRow(t.Context(), "SELECT n FROM kept").Scan(&n))
	return n
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return v
	}
}
