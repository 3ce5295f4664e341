package sqlite

import (
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

// applicationID marks a file as Parley's ("Parl").
const applicationID = 0x5061726c

// migrate brings the database up to date, in the transaction it is called in,
// and sees to it that the lobby exists.
func migrate(ctx context.Context, c *conn, now time.Time) error {
	var mode string
	if _, err := c.row("PRAGMA journal_mode", nil, &mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("its file system does not support SQLite's write-ahead log (it stays in mode %q); put it on a local disk", mode)
	}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	slices.Sort(names)
	var id, version, tables int64
	_, err1 := c.row("PRAGMA application_id", nil, &id)
	_, err2 := c.row("PRAGMA user_version", nil, &version)
	_, err3 := c.row("SELECT count(*) FROM sqlite_schema", nil, &tables)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	switch {
	case id != applicationID && (id != 0 || version != 0 || tables != 0):
		return errors.New("it belongs to another program; name another file")
	case version > int64(len(names)):
		return fmt.Errorf("a newer version of Parley wrote it (its tables are at %d, this program knows %d); run that version or a newer one", version, len(names))
	}
	for i, name := range names[version:] {
		if err := ctx.Err(); err != nil {
			return err
		}
		script, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if err := c.script(string(script)); err != nil {
			return fmt.Errorf("bringing it up to date with %s: %w", name, err)
		}
		if err := c.script(fmt.Sprintf("PRAGMA user_version = %d", version+int64(i)+1)); err != nil {
			return err
		}
	}
	if id != applicationID {
		if err := c.script(fmt.Sprintf("PRAGMA application_id = %d", applicationID)); err != nil {
			return err
		}
	}
	_, err = c.exec(`INSERT INTO rooms (id, name, kind, created) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		parley.Lobby, parley.Lobby, string(parley.Public), now.UnixMilli())
	return err
}
