package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-4a326f83/parley"
)

// tries is how often a transaction is tried that came to nothing through others:
// a deadlock, two of one name at once, a connection lost before the commit.
const tries = 8

// begin begins a transaction of which each statement sees what was committed
// before it: what is asked behind a lock is as it is now, whatever the default
// of the database.
const begin = `BEGIN ISOLATION LEVEL READ COMMITTED`

// A tx is a transaction, used by one goroutine.
type tx struct {
	ctx  context.Context
	conn *pgx.Conn
}

// exec runs a statement that answers with no rows and returns how many rows it
// changed.
func (t *tx) exec(query string, args ...any) (changed int64, err error) {
	tag, err := t.conn.Exec(t.ctx, query, args...)
	return tag.RowsAffected(), err
}

// row runs a query and stores its first row, if there is one, in dest.
func (t *tx) row(query string, args []any, dest ...any) (found bool, err error) {
	err = eachOf(t.ctx, t.conn, query, args, func(rows pgx.Rows) (bool, error) {
		found = true
		return false, rows.Scan(dest...)
	})
	return found && err == nil, err
}

// lockSpace keeps our advisory locks apart from those of other programs ("Parl").
const lockSpace = 0x5061726c

// lock keeps others of the same schema from taking the lock of that name, until
// the end of the transaction.
func (t *tx) lock(name string) error {
	_, err := t.exec(`SELECT pg_advisory_xact_lock($1, hashtext(current_schema() || ' ' || $2))`, lockSpace, name)
	return err
}

// write runs do in a transaction and returns when that is on disk. An error of
// do undoes it. It may be called again after its changes were undone.
func (s *Store) write(ctx context.Context, do func(*tx) error) error {
	return s.writeIn(ctx, s.pool, func(t *tx) error {
		if _, err := t.exec(begin); err != nil {
			return err
		}
		if err := do(t); err != nil {
			return err
		}
		_, err := t.exec("COMMIT")
		return commitError(err)
	})
}

// change is one statement that is a transaction by itself, and to do twice does
// no harm; it stores the row that it returns, if there is one, in dest.
func (s *Store) change(ctx context.Context, query string, args []any, dest ...any) (found bool, err error) {
	err = s.writeIn(ctx, s.pool, func(t *tx) error {
		var err error
		found, err = t.row(query, args, dest...)
		return err
	})
	return found && err == nil, err
}

// writeIn runs do, which begins and commits a transaction, on a connection of
// the pool, and again where it came to nothing through others.
func (s *Store) writeIn(ctx context.Context, pool *pgxpool.Pool, do func(*tx) error) error {
	ctx, cancel, err := s.call(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	for n := 1; ; n++ {
		err := writeOnce(ctx, pool, do)
		if err == nil || n == tries || ctx.Err() != nil || !undone(err) || s.closed.Load() {
			return s.failure(err)
		}
		// Those who were in each other's way should not meet again.
		select {
		case <-time.After(rand.N(time.Duration(n) * 5 * time.Millisecond)):
		case <-ctx.Done():
		}
	}
}

func writeOnce(ctx context.Context, pool *pgxpool.Pool, do func(*tx) error) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // which closes it, if it is in a transaction still
	t := &tx{ctx, conn.Conn()}
	err = do(t)
	if err != nil && !t.conn.IsClosed() && t.conn.PgConn().TxStatus() != 'I' {
		if _, rollback := t.exec("ROLLBACK"); rollback != nil {
			conn.Conn().Close(ctx)
		}
	}
	return err
}

// unknown is the error of a commit of which no answer came.
type unknown struct{ error }

func (e unknown) Unwrap() error { return e.error }

// commitError marks an error of a commit after which nobody knows what was
// stored.
func commitError(err error) error {
	if err != nil && connectionLost(err) && !pgconn.SafeToRetry(err) {
		return unknown{fmt.Errorf("the connection was lost during a commit: %w", err)}
	}
	return err
}

// undone reports whether nothing was stored, for a reason that may be gone the
// next time.
func undone(err error) bool {
	if errors.As(err, &unknown{}) {
		return false
	}
	if _, refusal := errors.AsType[*parley.Error](err); refusal {
		return false
	}
	if _, ok := errors.AsType[*pgconn.PgError](err); !ok {
		return !isConnectError(err)
	}
	switch state(err) {
	case stateSerialization, stateDeadlock, stateUnique:
		return true
	}
	return connectionLost(err)
}
