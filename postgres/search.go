package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/internal/words"
)

// vector returns what the index knows of a text: its words, and those of ours
// for its room and who said it.
func vector(room, user int64, text string) string {
	var b strings.Builder
	b.Grow(2*len(text) + 32)
	fmt.Fprintf(&b, "'%s' '%s'", roomWord(room), userWord(user))
	for word := range strings.SplitSeq(words.Spaced(text), " ") {
		if word != "" {
			b.WriteString(" '")
			b.WriteString(word) // letters, digits and marks alone
			b.WriteByte('\'')
		}
	}
	return b.String()
}

// roomWord and userWord are no words of a text, which have no such sign.
func roomWord(num int64) string { return "/r" + strconv.FormatInt(num, 10) }
func userWord(num int64) string { return "/u" + strconv.FormatInt(num, 10) }

// A term is what is looked for in a text: words in a row, as [words.Spaced] has
// them.
type term struct {
	spaced string
	begins bool // the last is the beginning of one
}

// query returns what the index is asked for the term, which has letters, digits
// and marks alone between its quotes: what comes from outside is never syntax.
func (t term) query() string {
	q := "'" + strings.ReplaceAll(t.spaced[1:], " ", "' & '") + "'"
	if t.begins {
		q += ":*"
	}
	return q
}

// several reports whether it matters in which order the words stand, which the
// index does not know.
func (t term) several() bool { return strings.LastIndexByte(t.spaced, ' ') > 0 }

// in reports whether the words stand in a row in a text.
func (t term) in(spaced string) bool {
	whole := t.spaced
	if !t.begins {
		spaced, whole = spaced+" ", whole+" "
	}
	return strings.Contains(spaced, whole)
}

// Search implements [parley.Store].
func (s *Store) Search(ctx context.Context, q parley.Search) (parley.Hits, error) {
	terms, possible, err := termsOf(q.Words)
	if err != nil || !possible {
		return parley.Hits{}, err
	}
	match, possible, err := s.match(ctx, q, terms)
	if err != nil || !possible {
		return parley.Hits{}, err
	}
	limit := min(max(q.Limit, 1), parley.HistoryMax)
	below := int64(math.MaxInt64)
	if q.Cursor != 0 {
		below = q.Cursor
	}
	after, before := int64(math.MinInt64), int64(math.MaxInt64)
	if !q.After.IsZero() {
		after = toMillisUp(q.After)
	}
	if !q.Before.IsZero() {
		before = toMillisUp(q.Before)
	}

	var hits parley.Hits
	var last int64
	bytes := parley.PageBytes
	full := false
	for {
		asked, seen := limit+1-len(hits.Messages), 0
		query, args := searchAll+searchNewest, []any{q.Reader, after, before, below, asked}
		if match != "" {
			query, args = searchAll+searchWords+searchNewest, append(args, match)
		}
		err = s.each(ctx, query, args, func(rows pgx.Rows) (bool, error) {
			var document int64
			var room string
			m, err := scanMessage(rows, &document, &room)
			if err != nil {
				return false, err
			}
			seen++
			below = document
			if !inOrder(terms, m.Body) {
				return true, nil
			}
			m.Room = room
			if bytes -= m.Size(); len(hits.Messages) == limit || bytes < 0 && len(hits.Messages) > 0 {
				full = true
				return false, nil
			}
			hits.Messages, last = append(hits.Messages, m), document
			return true, nil
		})
		switch {
		case err != nil:
			return parley.Hits{}, err
		case full:
			hits.Cursor = last
			return hits, nil
		case seen < asked:
			return hits, nil
		}
	}
}

// The queries of a search: the texts that one ($1) may read, from ($2) and before
// ($3) a time, below a document ($4), at most so many ($5), and what the index is
// asked of them ($6).
const (
	searchAll = `SELECT ` + messageColumns + `, d.num, r.id FROM documents d
	JOIN members v ON v.room = d.room AND v.person = (SELECT num FROM users WHERE id = $1)
	JOIN messages m ON m.room = d.room AND m.seq = d.seq
	JOIN users u ON u.num = m.person JOIN rooms r ON r.num = d.room
	WHERE d.time >= $2 AND d.time < $3 AND d.num < $4`
	searchNewest = ` ORDER BY d.num DESC LIMIT $5`
	searchWords  = ` AND d.words @@ $6::text::tsquery`
)

// inOrder reports whether the terms stand in a text as they should.
func inOrder(terms []term, body json.RawMessage) bool {
	spaced, known := "", false
	for _, t := range terms {
		if !t.several() {
			continue
		}
		if !known {
			spaced, known = words.Spaced(parley.TextOf(body)), true
		}
		if !t.in(spaced) {
			return false
		}
	}
	return true
}

// termsOf returns what is looked for, and whether there can be an answer at all.
func termsOf(wanted []string) (terms []term, possible bool, err error) {
	total := 0
	for _, word := range wanted {
		spaced := words.Spaced(word)
		if spaced == "" {
			continue
		}
		terms = append(terms, term{spaced, words.Begins(spaced[strings.LastIndexByte(spaced, ' ')+1:])})
		if total += strings.Count(spaced, " "); total > parley.MaxSearchWords {
			return nil, false, parley.Errorf(parley.CodeInvalid, "one can look for %d words at most; leave some out", parley.MaxSearchWords)
		}
	}
	return terms, len(terms) > 0 || len(wanted) == 0, nil
}

// match returns what the index is asked, and whether there can be an answer at
// all.
func (s *Store) match(ctx context.Context, q parley.Search, terms []term) (match string, possible bool, err error) {
	var parts []string
	for _, t := range terms {
		parts = append(parts, t.query())
	}
	if q.From != "" {
		var user int64
		found, err := s.row(ctx, `SELECT num FROM users WHERE id = $1`, []any{q.From}, &user)
		if err != nil || !found {
			return "", false, err
		}
		parts = append(parts, "'"+userWord(user)+"'")
	}
	rooms, err := s.roomsToSearch(ctx, q)
	switch {
	case err != nil || len(rooms) == 0:
		return "", false, err
	case len(rooms) <= maxScope:
		parts = append(parts, "("+strings.Join(rooms, " | ")+")")
	}
	return strings.Join(parts, " & "), true, nil
}

// maxScope is how many rooms the index is asked for. Where there are more, most
// of what it finds is taken to be in one of them.
const maxScope = 16

// roomsToSearch returns the rooms in which something may be found, one more than
// maxScope at most, as the index is asked for them.
func (s *Store) roomsToSearch(ctx context.Context, q parley.Search) (rooms []string, err error) {
	query, args := `SELECT m.room FROM users u JOIN members m ON m.person = u.num WHERE u.id = $1 LIMIT $2`, []any{q.Reader, maxScope + 1}
	if q.Room != "" {
		query, args = `SELECT m.room FROM users u JOIN members m ON m.person = u.num JOIN rooms r ON r.num = m.room WHERE u.id = $1 AND r.id = $2`, []any{q.Reader, q.Room}
	}
	err = s.each(ctx, query, args, func(rows pgx.Rows) (bool, error) {
		var room int64
		err := rows.Scan(&room)
		rooms = append(rooms, "'"+roomWord(room)+"'")
		return true, err
	})
	return rooms, err
}

// toMillisUp returns the first whole millisecond at or after t, which compares
// with times of messages as t does.
func toMillisUp(t time.Time) int64 { return t.Add(time.Millisecond - 1).UnixMilli() }
