//go:build unix

package postgres_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/internal/pgtest"
	"github.com/seed-4a326f83/parley/internal/storetest"
	"github.com/seed-4a326f83/parley/postgres"
)

// server is the one server of the tests.
var server *pgtest.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	var err error
	if server, err = pgtest.Start(pgtest.Config{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer server.Stop()
	return m.Run()
}

// newDatabase returns the address of an empty database.
func newDatabase(t testing.TB) string {
	t.Helper()
	url, err := server.CreateSchema(t.Context(), "postgres")
	if err != nil {
		t.Fatal(err)
	}
	return url + pgtest.Patience
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
