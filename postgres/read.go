package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// row runs a query and stores its first row, if there is one, in dest.
func (s *Store) row(ctx context.Context, query string, args []any, dest ...any) (found bool, err error) {
	err = s.each(ctx, query, args, func(rows pgx.Rows) (bool, error) {
		found = true
		return false, rows.Scan(dest...)
	})
	return found && err == nil, err
}

// each runs a query and calls do for its rows, until do says that it has seen
// enough.
func (s *Store) each(ctx context.Context, query string, args []any, do func(pgx.Rows) (more bool, err error)) error {
	ctx, cancel, err := s.call(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	for again := true; ; again = false {
		begun := false
		err := s.eachOnce(ctx, query, args, func(rows pgx.Rows) (bool, error) {
			begun = true
			return do(rows)
		})
		// A connection may have been lost since it was last used.
		if err != nil && again && !begun && state(err) == "" && ctx.Err() == nil && !isConnectError(err) && !s.closed.Load() {
			continue
		}
		return s.failure(err)
	}
}

func (s *Store) eachOnce(ctx context.Context, query string, args []any, do func(pgx.Rows) (more bool, err error)) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	return eachOf(ctx, conn.Conn(), query, args, do)
}

// eachOf is each on a connection.
func eachOf(ctx context.Context, conn *pgx.Conn, query string, args []any, do func(pgx.Rows) (more bool, err error)) error {
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if more, err := do(rows); err != nil || !more {
			return err
		}
	}
	return rows.Err()
}

// connectionLost reports whether an error is none that the database told.
func connectionLost(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return !ok || pg.SeverityUnlocalized == "FATAL" || pg.SeverityUnlocalized == "PANIC"
}
