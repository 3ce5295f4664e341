//go:build unix

package postgres_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/internal/pgtest"
	"github.com/seed-4a326f83/parley/internal/storetest"
	"github.com/seed-4a326f83/parley/postgres"
)

// The one server of the tests, and a database that a store has made, of which
// each test has a copy.
var (
	server   *pgtest.Server
	template string
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	var err error
	if server, err = pgtest.Start(pgtest.Config{}); err == nil {
		defer server.Stop()
		template, err = makeTemplate()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func makeTemplate() (string, error) {
	ctx := context.Background()
	name, err := server.CreateDatabase(ctx, "")
	if err != nil {
		return "", err
	}
	s, err := postgres.Open(ctx, server.URL(name))
	if err != nil {
		return "", err
	}
	return name, s.Close()
}

// newDatabase returns the address of a database with nothing in it but the
// lobby, which is gone when the test ends.
func newDatabase(t testing.TB) string {
	t.Helper()
	name, err := server.CreateDatabase(t.Context(), template)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.DropDatabase(context.Background(), name); err != nil {
			t.Error(err)
		}
	})
	return server.URL(name)
}

func open(t testing.TB, url string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) parley.Store { return open(t, newDatabase(t)) })
}
