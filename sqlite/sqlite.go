// Package sqlite keeps a [parley.Store] in one SQLite database file, without
// cgo.
//
// Every commit is synced to the disk before its caller hears of it (write-ahead
// log, synchronous=FULL). Throughput comes from commits that many callers share,
// see write.go, and from [Store.Append], which takes many messages at once.
//
// The file belongs to one process. SQLite keeps a second one from damaging it,
// but whoever runs a server should lock its data folder.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley"

	driver "modernc.org/sqlite"
)

const (
	// readers is how many reads run at once; more wait. Reads take
	// microseconds, so it is about keeping the cores busy, not the people.
	readers = 4
	// busyTimeout is how long we wait for another process that holds the file,
	// such as a backup, in milliseconds.
	busyTimeout = 5000
	// writeCache and readCache bound the page cache of a connection, in KiB. What
	// they do not hold the system's has: larger ones were not measurably faster.
	writeCache = 2 << 10
	readCache  = 512
	// logLimit is what the write-ahead log is cut back to, in bytes, after a
	// long reader let it grow.
	logLimit = 64 << 20
)

// A Store is a [parley.Store] in a SQLite file. Make one with [Open]. All
// methods are safe for concurrent use.
type Store struct {
	reads  reads
	writer writer
	free   func() (uint64, error) // bytes on the disk
	close  func() error
}

var _ parley.Store = (*Store)(nil)

// Open opens the database in the file at path, which it makes where there is
// none (its folder must exist), and brings its tables up to date. A file that a
// newer Parley wrote, or that is not Parley's, is refused unchanged.
func Open(ctx context.Context, path string) (*Store, error) {
	s, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("opening the database %s: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string) (*Store, error) {
	if err := ownFile(path); err != nil {
		return nil, err
	}
	if err := inspect(path); err != nil {
		return nil, err
	}
	forWrites, err := dataSource(path,
		pragma("journal_mode", "WAL"),
		pragma("synchronous", "FULL"),
		pragma("foreign_keys", 1),
		pragma("cache_size", -writeCache),
		pragma("journal_size_limit", logLimit))
	if err != nil {
		return nil, err
	}
	forReads, err := dataSource(path,
		pragma("query_only", 1),
		pragma("cache_size", -readCache))
	if err != nil {
		return nil, err
	}
	connector, err := driver.NewConnector(forReads)
	if err != nil {
		return nil, err
	}

	s := &Store{
		writer: writer{open: func() (*conn, error) { return connect(forWrites) }},
		free:   func() (uint64, error) { return freeSpace(filepath.Dir(path)) },
	}
	if err := s.writer.start(func(c *conn) error { return migrate(ctx, c, time.Now()) }); err != nil {
		return nil, err
	}
	s.reads.db = sql.OpenDB(connector)
	s.reads.db.SetMaxOpenConns(readers)
	s.reads.db.SetMaxIdleConns(readers)
	s.close = sync.OnceValue(func() error {
		// The writer goes last: the last connection to close moves the log into
		// the file, which a reader may not.
		err := s.reads.stop()
		return errors.Join(err, s.writer.stop())
	})
	return s, nil
}

// Close waits for what is under way, then closes the file. What is asked of the
// store after that fails. Closing again does nothing.
func (s *Store) Close() error { return s.close() }

// ownFile makes the file, where there is none, readable by its owner alone;
// SQLite gives its log the same permissions.
func ownFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// dataSource spells path as the URI that SQLite reads, so that a '?' or a '%'
// in a file's name stays part of its name.
func dataSource(path string, params ...string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	slashed := filepath.ToSlash(abs)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a drive letter
	}
	params = append(params, pragma("busy_timeout", busyTimeout))
	uri := url.URL{Scheme: "file", Path: slashed, RawQuery: strings.Join(params, "&")}
	return uri.String(), nil
}

// pragma is a parameter of the URI that sets a PRAGMA on every connection.
func pragma(name string, value any) string {
	return "_pragma=" + url.QueryEscape(fmt.Sprintf("%s(%v)", name, value))
}
