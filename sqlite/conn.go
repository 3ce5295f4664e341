package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/seed-4a326f83/parley"

	sqlite "modernc.org/sqlite"
)

// A conn is the connection that writes, used by one goroutine at a time. It
// speaks to the driver without database/sql between: there is no pool to
// manage, and appending is the one place where a call's overhead counts.
//
// Its statements are never interrupted, whatever becomes of the context of who
// waits for them: that would leave unknown what was stored. They are short.
type conn struct {
	driver.Conn
	prepared map[string]driver.Stmt
	args     []driver.NamedValue // of the call under way
	places   places
}

func connect(dataSource string) (*conn, error) {
	connector, err := sqlite.NewConnector(dataSource)
	if err != nil {
		return nil, err
	}
	raw, err := connector.Connect(context.Background())
	if err != nil {
		return nil, err
	}
	return &conn{Conn: raw, prepared: map[string]driver.Stmt{}, places: places{}}, nil
}

// Close gives up the connection and its statements.
func (c *conn) Close() error { return errors.Join(c.unprepare(), c.Conn.Close()) }

// unprepare gives up the statements that were prepared so far.
func (c *conn) unprepare() error {
	var errs []error
	for _, st := range c.prepared {
		errs = append(errs, st.Close())
	}
	clear(c.prepared)
	return errors.Join(errs...)
}

// prepare returns the statement of a query and its arguments as the driver
// wants them. A statement is kept, so queries must be few and constant.
func (c *conn) prepare(query string, args []driver.Value) (driver.Stmt, []driver.NamedValue, error) {
	st, ok := c.prepared[query]
	if !ok {
		var err error
		if st, err = c.Conn.Prepare(query); err != nil {
			return nil, nil, err
		}
		c.prepared[query] = st
	}
	c.args = c.args[:0]
	for i, v := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return st, c.args, nil
}

// exec runs a statement that answers with no rows and returns how many rows it
// changed. Arguments are int64, string, []byte or nil.
func (c *conn) exec(query string, args ...driver.Value) (changed int64, err error) {
	st, named, err := c.prepare(query, args)
	if err != nil {
		return 0, err
	}
	res, err := st.(driver.StmtExecContext).ExecContext(context.Background(), named)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// row runs a query and stores its first row, if there is one, in dest, which
// are pointers to what assign knows.
func (c *conn) row(query string, args []driver.Value, dest ...any) (found bool, err error) {
	err = c.each(query, args, dest, func() (bool, error) {
		found = true
		return false, nil
	})
	return found && err == nil, err
}

// each runs a query and calls do for its rows, each of which it stores in dest,
// until do says that it has seen enough. What do changes must not be what the
// query reads.
func (c *conn) each(query string, args []driver.Value, dest []any, do func() (more bool, err error)) (err error) {
	st, named, err := c.prepare(query, args)
	if err != nil {
		return err
	}
	rows, err := st.(driver.StmtQueryContext).QueryContext(context.Background(), named)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	values := make([]driver.Value, len(dest))
	for {
		switch err := rows.Next(values); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		for i, v := range values {
			if err := assign(dest[i], v); err != nil {
				return fmt.Errorf("column %d of %q: %w", i, query, err)
			}
		}
		if more, err := do(); err != nil || !more {
			return err
		}
	}
}

func assign(dest any, v driver.Value) error {
	switch v := v.(type) {
	case int64:
		switch d := dest.(type) {
		case *int64:
			*d = v
			return nil
		case *bool:
			*d = v != 0
			return nil
		}
	case string:
		switch d := dest.(type) {
		case *string:
			*d = v
			return nil
		case *parley.Role:
			*d = parley.Role(v)
			return nil
		case *parley.RoomKind:
			*d = parley.RoomKind(v)
			return nil
		}
	}
	return fmt.Errorf("a %T does not go into a %T", v, dest)
}

// script runs statements that are used once.
func (c *conn) script(sql string) error {
	_, err := c.Conn.(driver.ExecerContext).ExecContext(context.Background(), sql, nil)
	return err
}
