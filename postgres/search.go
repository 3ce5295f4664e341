package postgres

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/internal/words"
)

// spell returns the words of a text as they go into the index.
func spell(text string) string {
	spaced := words.Spaced(text)
	var b strings.Builder
	b.Grow(len(spaced) + 2*strings.Count(spaced, " "))
	for word := range strings.SplitSeq(spaced, " ") {
		if word != "" {
			b.WriteString(" '")
			b.WriteString(word) // letters, digits and marks alone
			b.WriteByte('\'')
		}
	}
	return b.String()
}

// vector returns what the index knows of a text that is spelled: its words, and
// those of ours for its room and who said it.
func vector(room, user int64, spelled string) string {
	return "'" + roomWord(room) + "' '" + userWord(user) + "'" + spelled
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

// Search implements [parley.Store]. What most look for is in the newest texts:
// those are read through. Where that does not give enough, the index is asked,
// which has to gather all that it finds before it can tell what is the newest.
func (s *Store) Search(ctx context.Context, q parley.Search) (parley.Hits, error) {
	var n searching
	possible, err := s.prepare(ctx, q, &n)
	if err != nil || !possible {
		return parley.Hits{}, err
	}
	for _, width := range readThrough {
		had := len(n.hits.Messages)
		n.low = n.below - width
		if err := s.gather(ctx, &n, walkQuery+n.asked(n.words, " IS TRUE")+newestFirst, n.words); err != nil || n.full {
			return n.hits, err
		}
		if n.below = n.low; n.low <= 0 {
			return n.hits, nil
		}
		if got := len(n.hits.Messages) - had; got*promising < n.limit {
			break
		}
	}
	n.low = 0
	query := walkQuery + newestFirst
	if n.match != "" {
		query = walkQuery + n.asked(n.match, "") + gathered
	}
	err = s.gather(ctx, &n, query, n.match)
	return n.hits, err
}

// readThrough is how many texts are read through, first and then, if the first
// gave at least one promising-th of what is wanted.
var readThrough = []int64{8 << 10, 64 << 10}

const promising = 16

// The queries of a search: the texts of rooms ($1), from ($2) and below ($3) a
// document, from ($4) and before ($5) a time, at most so many ($6), of which the
// index, or the row, says that ($7).
const (
	walkQuery = `SELECT ` + messageColumns + `, d.num, r.id FROM (SELECT num, room, seq FROM documents
		WHERE room = ANY ($1) AND num >= $2 AND num < $3 AND time >= $4 AND time < $5`
	hitTables = ` LIMIT $6) d JOIN messages m ON m.room = d.room AND m.seq = d.seq
		JOIN users u ON u.num = m.person JOIN rooms r ON r.num = d.room ORDER BY d.num DESC`
	newestFirst = ` ORDER BY num DESC` + hitTables
	gathered    = ` ORDER BY num + 0 DESC` + hitTables // in an order that no index has
)

// A searching is a search on its way.
type searching struct {
	terms         []term
	words, match  string  // what is asked of a text, and with the rooms too
	rooms         []int64 // of the reader
	low, below    int64   // documents
	after, before int64   // milliseconds

	limit, bytes int
	hits         parley.Hits
	last         int64 // of hits
	full         bool
}

// asked is the condition on the words, which with " IS TRUE" behind it no index
// can answer.
func (n *searching) asked(what, how string) string {
	if what == "" {
		return ""
	}
	return ` AND (words @@ $7::text::tsquery)` + how
}

// gather adds to the hits until they are full, or there is no more.
func (s *Store) gather(ctx context.Context, n *searching, query, words string) error {
	for !n.full {
		asked, seen := n.limit+1-len(n.hits.Messages), 0
		if slices.ContainsFunc(n.terms, term.several) {
			asked = parley.HistoryMax // most of them may not be it
		}
		// Planned anew each time: what is best depends on what is asked.
		args := []any{pgx.QueryExecModeCacheDescribe, n.rooms, n.low, n.below, n.after, n.before, asked}
		if words != "" {
			args = append(args, words)
		}
		if err := s.each(ctx, query, args, func(rows pgx.Rows) (bool, error) {
			var document int64
			var room string
			m, err := scanMessage(rows, &document, &room)
			if err != nil {
				return false, err
			}
			m.Room = room
			seen++
			n.below = document
			return n.add(m, document), nil
		}); err != nil {
			return err
		}
		if seen < asked {
			return nil
		}
	}
	return nil
}

// add takes a text among the hits, if it is one, and reports whether there is
// room for more.
func (n *searching) add(m parley.Message, document int64) bool {
	if !inOrder(n.terms, m.Body) {
		return true
	}
	if n.bytes -= m.Size(); len(n.hits.Messages) == n.limit || n.bytes < 0 && len(n.hits.Messages) > 0 {
		n.full, n.hits.Cursor = true, n.last
		return false
	}
	n.hits.Messages, n.last = append(n.hits.Messages, m), document
	return true
}

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

// prepare finds out what is asked, and whether there can be an answer at all.
func (s *Store) prepare(ctx context.Context, q parley.Search, n *searching) (possible bool, err error) {
	if n.terms, possible, err = termsOf(q.Words); err != nil || !possible {
		return false, err
	}
	var parts []string
	for _, t := range n.terms {
		parts = append(parts, t.query())
	}
	var from int64
	found, err := s.row(ctx, `SELECT coalesce((SELECT num FROM users WHERE id = $2), 0), coalesce((SELECT max(num) FROM documents), 0) + 1,
		ARRAY(SELECT m.room FROM users u JOIN members m ON m.person = u.num JOIN rooms r ON r.num = m.room WHERE u.id = $1 AND $3 IN ('', r.id))`,
		[]any{q.Reader, q.From, q.Room}, &from, &n.below, &n.rooms)
	if err != nil || !found || len(n.rooms) == 0 || q.From != "" && from == 0 {
		return false, err
	}
	if q.From != "" {
		parts = append(parts, "'"+userWord(from)+"'")
	}
	n.words = strings.Join(parts, " & ")
	if len(n.rooms) <= maxScope {
		var rooms []string
		for _, room := range n.rooms {
			rooms = append(rooms, "'"+roomWord(room)+"'")
		}
		parts = append(parts, "("+strings.Join(rooms, " | ")+")")
	}
	n.match = strings.Join(parts, " & ")

	n.limit, n.bytes = min(max(q.Limit, 1), parley.HistoryMax), parley.PageBytes
	if q.Cursor != 0 {
		n.below = min(n.below, q.Cursor)
	}
	n.after, n.before = math.MinInt64, math.MaxInt64
	if !q.After.IsZero() {
		n.after = toMillisUp(q.After)
	}
	if !q.Before.IsZero() {
		n.before = toMillisUp(q.Before)
	}
	return true, nil
}

// maxScope is how many rooms the index is asked for. Where there are more, most
// of what it finds is taken to be in one of them.
const maxScope = 16

// toMillisUp returns the first whole millisecond at or after t, which compares
// with times of messages as t does.
func toMillisUp(t time.Time) int64 { return t.Add(time.Millisecond - 1).UnixMilli() }
