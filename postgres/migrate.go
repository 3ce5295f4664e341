package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seed-4a326f83/parley"
)

// The files of migrations, in the order of their names, bring an empty database
// up to date; the table parley says how many of them one has had. A file that
// was released is never changed: what comes later is a file of its own.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the database up to date, as one of several nodes that may be
// about to, and sees to it that the lobby exists.
func migrate(ctx context.Context, config *pgx.ConnConfig, now time.Time) error {
	conn, err := pgx.ConnectConfig(ctx, patient(config))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := syncCommits(ctx, conn); err != nil {
		return err
	}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	slices.Sort(names)
	// What another node has done meanwhile must be seen behind the lock, whatever
	// the default of the database.
	seesAll := pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite}
	return pgx.BeginTxFunc(ctx, conn, seesAll, func(pgx.Tx) error {
		t := &tx{ctx, conn}
		if err := t.lock("tables"); err != nil {
			return err
		}
		version, err := versionOf(t, len(names))
		if err != nil {
			return err
		}
		for i, name := range names[version:] {
			script, err := migrations.ReadFile(name)
			if err != nil {
				return err
			}
			if _, err := conn.PgConn().Exec(ctx, string(script)).ReadAll(); err != nil {
				return fmt.Errorf("bringing it up to date with %s: %w", name, err)
			}
			if _, err := t.exec(`UPDATE parley SET version = $1`, version+i+1); err != nil {
				return err
			}
		}
		_, _, err = makeRoom(t, parley.Room{ID: parley.Lobby, Name: parley.Lobby, Kind: parley.Public}, now)
		return err
	})
}

// patient returns how to connect for what may take long, as may waiting for who
// does it.
func patient(config *pgx.ConnConfig) *pgx.ConnConfig {
	config = config.Copy()
	for _, timeout := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
		config.RuntimeParams[timeout] = "0"
	}
	return config
}

// versionOf returns how many of the migrations the database has had, or an error
// where it is not ours, or not for this program. An empty one becomes ours.
func versionOf(t *tx, known int) (version int, err error) {
	var encoding string
	var ours, others bool
	if _, err := t.row(`SELECT current_setting('server_encoding'), to_regclass('parley') IS NOT NULL,
		EXISTS (SELECT 1 FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm') AND relnamespace = current_schema()::regnamespace)`,
		nil, &encoding, &ours, &others); err != nil {
		return 0, err
	}
	switch {
	case encoding != "UTF8":
		return 0, fmt.Errorf("its encoding is %s; make one whose encoding is UTF8: createdb --encoding UTF8 --template template0", encoding)
	case !ours && others:
		return 0, errors.New("it has tables of another program; name an empty database")
	case !ours:
		_, err := t.conn.PgConn().Exec(t.ctx, `CREATE TABLE parley (version integer NOT NULL); INSERT INTO parley VALUES (0)`).ReadAll()
		return 0, err
	}
	if _, err := t.row(`SELECT version FROM parley`, nil, &version); err != nil {
		return 0, err
	}
	if version > known {
		return 0, fmt.Errorf("a newer version of Parley has changed it (its tables are at %d, this program knows %d); run that version or a newer one", version, known)
	}
	return version, nil
}
