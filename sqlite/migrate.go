package sqlite

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/seed-4a326f83/parley"
)

// The files of migrations, in the order of their names, bring an empty database
// up to date; user_version says how many of them one has had. A file that was
// released is never changed: what comes later is a file of its own.
//
//go:embed migrations/*.sql
var migrations embed.FS

// steps are what SQL cannot do of a migration, done after its file. They see the
// tables as that file left them.
var steps = map[string]func(*conn) error{
	"migrations/0003_people.sql": spellNames,
	"migrations/0004_search.sql": indexAll,
}

// applicationID marks a file as Parley's ("Parl").
const applicationID = 0x5061726c

// inspect returns an error where the database is not one of ours, or is of a
// version that we do not know. It changes nothing, so it comes before
// everything that would.
func inspect(path string) error {
	source, err := dataSource(path, pragma("query_only", 1))
	if err != nil {
		return err
	}
	c, err := connect(source)
	if err != nil {
		return err
	}
	return errors.Join(checkVersion(c), c.Close())
}

func checkVersion(c *conn) error {
	var id, version, tables int64
	_, err1 := c.row("PRAGMA application_id", nil, &id)
	_, err2 := c.row("PRAGMA user_version", nil, &version)
	_, err3 := c.row("SELECT count(*) FROM sqlite_schema", nil, &tables)
	if err := cmp.Or(err1, err2, err3); err != nil {
		return err
	}
	names, err := migrationNames()
	switch {
	case err != nil:
		return err
	case id != applicationID && (id != 0 || version != 0 || tables != 0):
		return errors.New("it belongs to another program; name another file")
	case version > int64(len(names)):
		return fmt.Errorf("a newer version of Parley wrote it (its tables are at %d, this program knows %d); run that version or a newer one", version, len(names))
	}
	return nil
}

func migrationNames() ([]string, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	slices.Sort(names)
	return names, err
}

// migrate brings the database up to date, in the transaction it is called in,
// and sees to it that the lobby exists.
func migrate(ctx context.Context, c *conn, now time.Time) error {
	var mode string
	var version int64
	_, err1 := c.row("PRAGMA journal_mode", nil, &mode)
	_, err2 := c.row("PRAGMA user_version", nil, &version)
	names, err3 := migrationNames()
	if err := cmp.Or(err1, err2, err3); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("its file system does not support SQLite's write-ahead log (it stays in mode %q); put it on a local disk", mode)
	}
	for i, name := range names[version:] {
		if err := ctx.Err(); err != nil {
			return err
		}
		script, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if err = c.script(string(script)); err == nil && steps[name] != nil {
			err = steps[name](c)
		}
		if err == nil {
			err = c.script(fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d;", version+int64(i)+1, applicationID))
		}
		if err != nil {
			return fmt.Errorf("bringing it up to date with %s: %w", name, err)
		}
	}
	_, _, err := makeRoom(c, parley.Room{ID: parley.Lobby, Name: parley.Lobby, Kind: parley.Public}, now)
	return errors.Join(err, c.unprepare()) // most of them were for this once
}
