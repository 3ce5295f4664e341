package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Count returns how many rows a table of migrations has.
func (s *Store) Count(ctx context.Context, table string) (n int64, err error) {
	_, err = s.reads.row(ctx, `SELECT count(*) FROM `+quoted(table), nil, &n)
	return n, err
}

// Rows calls do with those columns of every row of a table of migrations, in the
// order of its key, for one who moves all there is to another store. What do is
// given is int64, string, []byte or nil, and its own until the next call. While
// something is being stored meanwhile, tables do not fit each other.
func (s *Store) Rows(ctx context.Context, table string, columns []string, do func(row []any) error) error {
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = quoted(column)
	}
	row, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range row {
		into[i] = &row[i]
	}
	query := fmt.Sprintf(`SELECT %s FROM %s`, strings.Join(names, ", "), quoted(table))
	return s.reads.each(ctx, query, nil, func(rows *sql.Rows) (bool, error) {
		if err := rows.Scan(into...); err != nil {
			return false, err
		}
		return true, do(row)
	})
}

// quoted spells a name so that it is one.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
