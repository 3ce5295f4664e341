package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/postgres"
	"github.com/seed-4a326f83/parley/sqlite"
)

// databaseFile and lockFile are names in the data folder.
const (
	databaseFile = "parley.db"
	lockFile     = "parley.lock"
)

// checkStore says what is wrong with --store.
func (c *serveCmd) checkStore() error {
	if c.Store == "" || isPostgres(c.Store) {
		return nil
	}
	return errors.New("--store must be the address of a PostgreSQL database, such as postgres://parley@db.example.org/parley; without it, SQLite keeps everything in --data")
}

func isPostgres(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
}

// openStore opens what keeps everything, and says where that is. A database on a
// server is for any number of nodes, which keep nothing themselves; a file is in
// the data folder, which is for one.
func (c *serveCmd) openStore(ctx context.Context) (store parley.Store, where string, err error) {
	if c.Store != "" {
		s, err := postgres.Open(ctx, c.Store)
		if err != nil {
			return nil, "", err
		}
		return s, s.String(), nil
	}
	if err := makeFolder(c.Data); err != nil {
		return nil, "", fmt.Errorf("the data folder cannot be made: %w", err)
	}
	lock, err := lockFolder(c.Data)
	if err != nil {
		return nil, "", err
	}
	s, err := sqlite.Open(ctx, filepath.Join(c.Data, databaseFile))
	if err != nil {
		return nil, "", errors.Join(err, lock.Unlock())
	}
	return lockedStore{s, lock}, c.Data, nil
}

// lockFolder keeps others from using a data folder.
func lockFolder(folder string) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(folder, lockFile))
	if ok, err := lock.TryLock(); err != nil {
		return nil, fmt.Errorf("the data folder cannot be locked: %w", err)
	} else if !ok {
		return nil, fmt.Errorf("another parley runs on %s; stop it, or name another folder", folder)
	}
	return lock, nil
}

// A lockedStore gives its folder up when it is closed.
type lockedStore struct {
	parley.Store
	lock *flock.Flock
}

func (s lockedStore) Close() error { return errors.Join(s.Store.Close(), s.lock.Unlock()) }
