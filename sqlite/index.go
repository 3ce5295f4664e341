package sqlite

import (
	"database/sql/driver"
	"encoding/json"
	"math"
	"strconv"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/internal/words"
)

// An indexer gives texts their numbers, within one transaction.
type indexer struct {
	begun  bool
	last   int64 // the highest number so far
	latest int64 // and time
	late   int64 // by how much one was before that, at most
}

// next returns the number of the next document.
func (x *indexer) next(c *conn) (int64, error) {
	if !x.begun {
		x.begun, x.latest = true, math.MinInt64
		if _, err := c.row(`SELECT num, latest FROM documents WHERE num = (SELECT max(num) FROM documents)`, nil, &x.last, &x.latest); err != nil {
			return 0, err
		}
		if _, err := c.row(`SELECT ms FROM lateness WHERE one = 1`, nil, &x.late); err != nil {
			return 0, err
		}
	}
	return x.last + 1, nil
}

// add has a text with the next number be found.
func (x *indexer) add(c *conn, at place, seq, time int64, text string) error {
	x.last++
	x.latest = max(x.latest, time)
	if late := x.latest - time; late > x.late {
		x.late = late
		if _, err := c.exec(`UPDATE lateness SET ms = ? WHERE one = 1`, late); err != nil {
			return err
		}
	}
	if _, err := c.exec(`INSERT INTO documents (num, room, seq, time, latest) VALUES (?, ?, ?, ?, ?)`,
		x.last, at.room, seq, time, x.latest); err != nil {
		return err
	}
	return insertWords(c, x.last, at, text)
}

func insertWords(c *conn, document int64, at place, text string) error {
	_, err := c.exec(`INSERT INTO search (rowid, text, scope) VALUES (?, ?, ?)`,
		document, words.Spaced(text), roomWord(at.room)+" "+userWord(at.user))
	return err
}

// roomWord and userWord are the words of the column scope.
func roomWord(num int64) string { return "r" + strconv.FormatInt(num, 10) }
func userWord(num int64) string { return "u" + strconv.FormatInt(num, 10) }

// reindex has a text be found as it was edited.
func (a *appending) reindex(at place, seq int64, text string) error {
	document, err := a.documentOf(at, seq)
	if err != nil {
		return err
	}
	if _, err := a.exec(`DELETE FROM search WHERE rowid = ?`, document); err != nil {
		return err
	}
	return insertWords(a.conn, document, at, text)
}

// unindex has a message not be found any more, if it could.
func (a *appending) unindex(at place, seq int64) error {
	document, err := a.documentOf(at, seq)
	if err != nil || document == 0 {
		return err
	}
	if _, err := a.exec(`DELETE FROM search WHERE rowid = ?`, document); err != nil {
		return err
	}
	_, err = a.exec(`DELETE FROM documents WHERE num = ?`, document)
	return err
}

// documentOf returns the document of a message, or 0.
func (a *appending) documentOf(at place, seq int64) (document int64, err error) {
	_, err = a.row(`SELECT ifnull(document, 0) FROM messages WHERE room = ? AND seq = ?`, []driver.Value{at.room, seq}, &document)
	return document, err
}

// indexAll has the texts that were there before migration 4 be found.
func indexAll(c *conn) error {
	var x indexer
	if _, err := x.next(c); err != nil {
		return err
	}
	var at place
	var seq, time int64
	var body string
	if err := c.each(`SELECT m.room, m.user, m.seq, m.time, ifnull(e.body, m.body) FROM messages m
		LEFT JOIN messages e ON e.room = m.room AND e.seq = m.edited
		WHERE m.kind = 'text' AND m.deleted IS NULL ORDER BY m.time, m.room, m.seq`,
		nil, []any{&at.room, &at.user, &seq, &time, &body}, func() (bool, error) {
			return true, x.add(c, at, seq, time, parley.TextOf(json.RawMessage(body)))
		}); err != nil {
		return err
	}
	return c.script(`UPDATE messages SET document = d.num FROM documents d WHERE d.room = messages.room AND d.seq = messages.seq`)
}
