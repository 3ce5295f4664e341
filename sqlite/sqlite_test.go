package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/internal/storetest"
	"github.com/seed-4a326f83/parley/sqlite"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) parley.Store { return open(t, filepath.Join(t.TempDir(), "parley.db")) })
}

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
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
