package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seed-4a326f83/parley"
)

// messageColumns are those of a message (m) and who said it (u) that
// scanMessage reads.
const messageColumns = `m.seq, m.id, u.id, u.name, m.time, m.kind, coalesce(m.target, 0), m.edited IS NOT NULL, m.deleted IS NOT NULL,
	CASE WHEN m.edited IS NULL THEN m.body ELSE (SELECT body FROM messages WHERE room = m.room AND seq = m.edited) END`

// scanMessage reads messageColumns, and what stands behind them into more.
func scanMessage(rows pgx.Rows, more ...any) (parley.Message, error) {
	var m parley.Message
	var ms int64
	columns := []any{&m.Seq, &m.ID, &m.From.ID, &m.From.Name, &ms, &m.Kind, &m.Target, &m.Edited, &m.Deleted, (*[]byte)(&m.Body)}
	err := rows.Scan(append(columns, more...)...)
	m.Time = fromMillis(ms)
	return m, err
}

// History implements [parley.Store].
func (s *Store) History(ctx context.Context, room string, r parley.Range) (parley.Page, error) {
	var page parley.Page
	var num int64
	found, err := s.row(ctx, `SELECT num, first, last FROM rooms WHERE id = $1`, []any{room}, &num, &page.First, &page.Last)
	switch {
	case err != nil:
		return parley.Page{}, err
	case !found:
		return parley.Page{}, parley.ErrNotFound()
	}
	const columns = `SELECT ` + messageColumns + ` FROM messages m JOIN users u ON u.num = m.person WHERE m.room = $1 AND `
	// Entries do not move, so what lies between first and last is what lay there
	// when these were read.
	query, low, high := columns+`m.seq > $2 AND m.seq <= $3 ORDER BY m.seq LIMIT $4`, max(r.From, page.First-1), page.Last
	if r.Backward {
		query, low, high = columns+`m.seq >= $2 AND m.seq < $3 ORDER BY m.seq DESC LIMIT $4`, page.First, min(r.From, page.Last+1)
	}
	limit, bytes := min(max(r.Limit, 1), parley.HistoryMax), r.Bytes
	if bytes == 0 {
		bytes = parley.PageBytes
	}
	err = s.each(ctx, query, []any{num, low, high, limit}, func(rows pgx.Rows) (bool, error) {
		m, err := scanMessage(rows)
		if err != nil {
			return false, err
		}
		m.Room = room
		if bytes -= m.Size(); bytes < 0 && len(page.Messages) > 0 {
			return false, nil
		}
		page.Messages = append(page.Messages, m)
		return true, nil
	})
	if err != nil {
		return parley.Page{}, err
	}
	if n := len(page.Messages); n > 0 {
		end := page.Messages[n-1].Seq
		page.More = end < page.Last
		if r.Backward {
			page.More = end > page.First
			slices.Reverse(page.Messages)
		}
	}
	return page, s.addReactions(ctx, num, page.Messages, r.Reader)
}

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
