package sqlite

import (
	"context"
	"database/sql"
	"math"
	"strings"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/internal/words"
)

// The queries of a search: who looks (?1), after (?2) and before (?3) which
// time, from (?4) and below (?5) which document, how many (?6), and what the
// index is asked (?7). They begin with what is newest and read on until there
// are enough.
const (
	searchColumns = `SELECT ` + messageColumns + `, d.num, r.id FROM `
	searchTables  = ` CROSS JOIN members v ON v.user = (SELECT num FROM users WHERE id = ?1) AND v.room = d.room
		CROSS JOIN messages m ON m.room = d.room AND m.seq = d.seq
		JOIN users u ON u.num = m.user JOIN rooms r ON r.num = d.room
		WHERE d.time >= ?2 AND d.time < ?3`

	searchAll   = searchColumns + `documents d` + searchTables + ` AND d.num >= ?4 AND d.num < ?5 ORDER BY d.num DESC LIMIT ?6`
	searchWords = searchColumns + `search s CROSS JOIN documents d ON d.num = s.rowid` + searchTables +
		` AND search MATCH ?7 AND s.rowid >= ?4 AND s.rowid < ?5 ORDER BY s.rowid DESC LIMIT ?6`
)

// Search implements [parley.Store].
func (s *Store) Search(ctx context.Context, q parley.Search) (parley.Hits, error) {
	match, possible, err := s.match(ctx, q)
	if err != nil || !possible {
		return parley.Hits{}, err
	}
	when, possible, err := s.span(ctx, q)
	if err != nil || !possible {
		return parley.Hits{}, err
	}
	limit := min(max(q.Limit, 1), parley.HistoryMax)
	args := []any{q.Reader, when.after, when.before, when.from, when.below, limit + 1}
	query := searchAll
	if match != "" {
		query, args = searchWords, append(args, match)
	}

	var hits parley.Hits
	var last int64
	bytes := parley.PageBytes
	err = s.reads.each(ctx, query, args, func(rows *sql.Rows) (bool, error) {
		var document int64
		var room string
		m, err := scanMessage(rows, &document, &room)
		if err != nil {
			return false, err
		}
		m.Room = room
		if bytes -= m.Size(); len(hits.Messages) == limit || bytes < 0 && len(hits.Messages) > 0 {
			hits.Cursor = last
			return false, nil
		}
		hits.Messages, last = append(hits.Messages, m), document
		return true, nil
	})
	if err != nil {
		return parley.Hits{}, err
	}
	return hits, nil
}

// match returns what the index is asked, "" if nothing, and whether there can be
// an answer at all.
func (s *Store) match(ctx context.Context, q parley.Search) (match string, possible bool, err error) {
	var terms []string
	total := 0
	for _, word := range q.Words {
		query, length := phrase(word)
		if length > 0 {
			terms = append(terms, `text : `+query)
		}
		if total += length; total > parley.MaxSearchWords {
			return "", false, parley.Errorf(parley.CodeInvalid, "one can look for %d words at most; leave some out", parley.MaxSearchWords)
		}
	}
	if len(q.Words) > 0 && len(terms) == 0 {
		return "", false, nil
	}
	if q.From != "" {
		var user int64
		found, err := s.reads.row(ctx, `SELECT num FROM users WHERE id = ?`, []any{q.From}, &user)
		if err != nil || !found {
			return "", false, err
		}
		terms = append(terms, `scope : "`+userWord(user)+`"`)
	}
	rooms, err := s.roomsToSearch(ctx, q)
	switch {
	case err != nil || len(rooms) == 0:
		return "", false, err
	case len(rooms) <= maxScope:
		terms = append(terms, `scope : (`+strings.Join(rooms, " OR ")+`)`)
	}
	return strings.Join(terms, " AND "), true, nil
}

// phrase returns what the index is asked for a word of a search, or for several
// in a row, and how many they are: 0 where there is nothing in it that could be
// found. It has letters and digits alone between its quotes: what comes from
// outside is never syntax.
func phrase(word string) (query string, length int) {
	all := words.Spaced(word)
	if all == "" {
		return "", 0
	}
	query = `"` + all[1:] + `"`
	if words.Begins(all[strings.LastIndexByte(all, ' ')+1:]) {
		query += " *"
	}
	return query, strings.Count(all, " ")
}

// maxScope is how many rooms the index is asked for. Where there are more, most
// of what it finds is taken to be in one of them.
const maxScope = 16

// roomsToSearch returns the rooms in which something may be found, one more than
// maxScope at most, as the index is asked for them.
func (s *Store) roomsToSearch(ctx context.Context, q parley.Search) (rooms []string, err error) {
	query, args := `SELECT m.room FROM users u JOIN members m ON m.user = u.num WHERE u.id = ? LIMIT ?`, []any{q.Reader, maxScope + 1}
	if q.Room != "" {
		query, args = `SELECT m.room FROM users u JOIN rooms r JOIN members m ON m.user = u.num AND m.room = r.num WHERE u.id = ? AND r.id = ?`, []any{q.Reader, q.Room}
	}
	err = s.reads.each(ctx, query, args, func(rows *sql.Rows) (bool, error) {
		var room int64
		err := rows.Scan(&room)
		rooms = append(rooms, `"`+roomWord(room)+`"`)
		return true, err
	})
	return rooms, err
}

// A span is when something was said, in milliseconds, and by that which
// documents it can be.
type span struct{ after, before, from, below int64 }

// span returns the span of a search, and whether there is anything in it.
func (s *Store) span(ctx context.Context, q parley.Search) (when span, possible bool, err error) {
	when = span{math.MinInt64, math.MaxInt64, math.MinInt64, math.MaxInt64}
	possible = true
	if !q.After.IsZero() {
		when.after = toMillisUp(q.After)
		possible, err = s.reads.row(ctx, `SELECT num FROM documents WHERE latest >= ? ORDER BY latest, num LIMIT 1`,
			[]any{when.after}, &when.from)
	}
	if !q.Before.IsZero() && possible && err == nil {
		when.before = toMillisUp(q.Before)
		possible, err = s.reads.row(ctx, `SELECT num + 1 FROM documents WHERE latest < ? + (SELECT ms FROM lateness WHERE one = 1) ORDER BY latest DESC, num DESC LIMIT 1`,
			[]any{when.before}, &when.below)
	}
	if q.Cursor != 0 {
		when.below = min(when.below, q.Cursor)
	}
	return when, possible, err
}

// toMillisUp returns the first whole millisecond at or after t, which compares
// with times of messages as t does.
func toMillisUp(t time.Time) int64 { return t.Add(time.Millisecond - 1).UnixMilli() }
