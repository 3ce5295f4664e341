package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/seed-4a326f83/parley/postgres"
	"github.com/seed-4a326f83/parley/sqlite"
)

type migrateCmd struct {
	From string `required:"" placeholder:"FOLDER" help:"The data folder of the server, which is stopped (or sqlite:FILE)."`
	To   string `required:"" placeholder:"URL" help:"Address of an empty PostgreSQL database, as --store of serve takes it. Give one with a password in the environment."`
}

// Help implements kong's longer help.
func (migrateCmd) Help() string {
	return `Stop the server first, and start it with --store after. Everything moves: people
stay signed in, and clients go on where they were. The data folder stays as it
is. What fails or is interrupted leaves the database empty, and can be begun
again.`
}

// Validate implements kong's check of flags.
func (c *migrateCmd) Validate() error {
	if !isPostgres(c.To) {
		return errors.New("--to must be the address of a PostgreSQL database, such as postgres://parley@db.example.org/parley")
	}
	return nil
}

// Run moves an installation.
func (c *migrateCmd) Run(ctx context.Context) (err error) {
	file, err := c.file()
	if err != nil {
		return err
	}
	// Nobody may say something here that is not said there.
	lock, err := lockFolder(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer lock.Unlock()
	source, err := sqlite.Open(ctx, file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	p := progress{every: time.Second}
	if err := postgres.Import(ctx, c.To, renamed{source}, p.report); err != nil {
		return err
	}
	fmt.Printf("All of %s is in the database, %d rows. Start the server with --store; %s stays as it was.\n", file, p.rows, file)
	return nil
}

// file returns the database of --from, which must be there: opening one that is
// not would make it.
func (c *migrateCmd) file() (string, error) {
	path := strings.TrimPrefix(c.From, "sqlite:")
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		path = filepath.Join(path, databaseFile)
		_, err = os.Stat(path)
	}
	if err != nil {
		return "", fmt.Errorf("--from: %w; name the data folder of the server", err)
	}
	return path, nil
}

// renamed is the store of a file, in the words of the other: user is no name for
// a column there.
type renamed struct{ *sqlite.Store }

func (s renamed) Rows(ctx context.Context, table string, columns []string, do func(row []any) error) error {
	names := make([]string, len(columns))
	for i, name := range columns {
		if name == "person" {
			name = "user"
		}
		names[i] = name
	}
	return s.Store.Rows(ctx, table, names, do)
}

// progress prints how far the copying is, of what takes long.
type progress struct {
	every time.Duration
	last  time.Time
	rows  int64
}

func (p *progress) report(table string, done, all int64) {
	if done == all {
		p.rows += all
	} else if time.Since(p.last) < p.every {
		return
	}
	p.last = time.Now()
	fmt.Printf("%s: %d of %d\n", table, done, all)
}
