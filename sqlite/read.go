package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
)

// reads is the pool of connections that read. A read sees what was committed
// before it began, and neither waits for a write nor keeps one waiting.
type reads struct {
	db       *sql.DB
	prepared sync.Map // query -> *sql.Stmt; queries must be few and constant
	closed   atomic.Bool
}

// stop waits for the reads under way and closes the pool.
func (r *reads) stop() error {
	r.closed.Store(true)
	return r.db.Close()
}

// failure is [failure] with the one error of which database/sql tells no kind.
func (r *reads) failure(err error) error {
	if err != nil && r.closed.Load() {
		return errClosed()
	}
	return failure(err)
}

func (r *reads) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if st, ok := r.prepared.Load(query); ok {
		return st.(*sql.Stmt), nil
	}
	st, err := r.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if first, raced := r.prepared.LoadOrStore(query, st); raced {
		st.Close()
		return first.(*sql.Stmt), nil
	}
	return st, nil
}

// row runs a query and stores its first row, if there is one, in dest.
func (r *reads) row(ctx context.Context, query string, args []any, dest ...any) (found bool, err error) {
	st, err := r.stmt(ctx, query)
	if err == nil {
		err = st.QueryRowContext(ctx, args...).Scan(dest...)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, r.failure(err)
}

// each runs a query and calls do for its rows, until do says that it has seen
// enough.
func (r *reads) each(ctx context.Context, query string, args []any, do func(*sql.Rows) (more bool, err error)) error {
	st, err := r.stmt(ctx, query)
	if err != nil {
		return r.failure(err)
	}
	rows, err := st.QueryContext(ctx, args...)
	if err != nil {
		return r.failure(err)
	}
	defer rows.Close()
	for rows.Next() {
		if more, err := do(rows); err != nil || !more {
			return r.failure(err)
		}
	}
	return r.failure(rows.Err())
}
