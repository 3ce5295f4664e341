package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"
	"time"

	"github.com/seed-4a326f83/parley"
)

// Append implements [parley.Store].
func (s *Store) Append(ctx context.Context, batch []parley.Draft) ([]parley.Appended, error) {
	results := make([]parley.Appended, len(batch))
	err := s.writer.do(ctx, func(c *conn) error {
		a := appending{conn: c, seats: map[[2]string]*appendSeat{}, rooms: map[int64]int64{}}
		for i := range batch {
			var err error
			if results[i], err = a.add(&batch[i]); err != nil {
				return err
			}
		}
		return a.moveRooms()
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// appending is a batch on its way into the log. What it knows of rooms and
// members holds for this transaction alone: a number that outlived a failed
// commit would leave a hole.
type appending struct {
	*conn
	seats map[[2]string]*appendSeat // by room and user
	rooms map[int64]int64           // last of every room that has grown
}

type appendSeat struct {
	seat
	refusal error
}

// add numbers and stores one draft. An error is one of the database; what is
// wrong with the draft stands in the result.
func (a *appending) add(d *parley.Draft) (parley.Appended, error) {
	at, err := a.seat(d)
	if err != nil {
		return parley.Appended{}, err
	}
	refusal := at.refusal
	var target driver.Value
	if refusal == nil && d.Target != 0 {
		target = d.Target
		if refusal, err = a.checkTarget(at, d.Target); err != nil {
			return parley.Appended{}, err
		}
	}
	if refusal != nil {
		// What was stored once keeps its answer, though it would be refused now.
		first, found, err := a.stored(at, d.ID)
		if err != nil || found {
			return first, err
		}
		return parley.Appended{Err: refusal}, nil
	}

	last, grown := a.rooms[at.room]
	if !grown {
		last = at.Last
	}
	counts := int64(0)
	if parley.Counts(d.Kind) {
		counts = 1
	}
	added, err := a.exec(`INSERT INTO messages (room, seq, user, id, kind, counts, time, body, target)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user, room, id) DO NOTHING`,
		at.room, last+1, at.user, d.ID, d.Kind, counts, d.Time.UnixMilli(), string(d.Body), target)
	if err != nil {
		return parley.Appended{}, err
	}
	if added == 0 {
		first, _, err := a.stored(at, d.ID)
		return first, err
	}
	a.rooms[at.room] = last + 1
	return parley.Appended{Seq: last + 1, Time: d.Time, Stored: true}, nil
}

// seat returns the room of a draft and what its user is in it.
func (a *appending) seat(d *parley.Draft) (*appendSeat, error) {
	key := [2]string{d.Room, d.User.ID}
	if at, ok := a.seats[key]; ok {
		return at, nil
	}
	s, found, err := seatOf(a.conn, d.Room, d.User.ID)
	if err != nil {
		return nil, err
	}
	at := &appendSeat{seat: s}
	switch {
	case !found:
		at.refusal = parley.ErrNotFound()
	case !s.member:
		at.refusal = parley.ErrNotJoined(d.Room)
	}
	a.seats[key] = at
	return at, nil
}

// checkTarget refuses a target that is not an entry that counts.
func (a *appending) checkTarget(at *appendSeat, target int64) (refusal, err error) {
	var counts int64
	if _, err := a.row(`SELECT counts FROM messages WHERE room = ? AND seq = ?`, []driver.Value{at.room, target}, &counts); err != nil {
		return nil, err
	}
	if counts == 0 {
		return parley.Errorf(parley.CodeNotFound, "there is no message %d here to change; check target", target), nil
	}
	return nil, nil
}

// stored looks up what became of a draft that was stored before.
func (a *appending) stored(at *appendSeat, id string) (first parley.Appended, found bool, err error) {
	var ms int64
	found, err = a.row(`SELECT seq, time FROM messages WHERE user = ? AND room = ? AND id = ?`,
		[]driver.Value{at.user, at.room, id}, &first.Seq, &ms)
	if found {
		first.Time = fromMillis(ms)
	}
	return first, found, err
}

// moveRooms writes down the last seq of every room that has grown.
func (a *appending) moveRooms() error {
	for room, last := range a.rooms {
		if _, err := a.exec(`UPDATE rooms SET last = ?2 WHERE num = ?1`, room, last); err != nil {
			return err
		}
	}
	return nil
}

// History implements [parley.Store].
func (s *Store) History(ctx context.Context, room string, r parley.Range) (parley.Page, error) {
	var page parley.Page
	var num int64
	found, err := s.reads.row(ctx, `SELECT num, first, last FROM rooms WHERE id = ?`, []any{room}, &num, &page.First, &page.Last)
	switch {
	case err != nil:
		return parley.Page{}, err
	case !found:
		return parley.Page{}, parley.ErrNotFound()
	}
	const columns = `SELECT m.seq, m.id, u.id, u.name, m.time, m.kind, m.body, ifnull(m.target, 0)
		FROM messages m JOIN users u ON u.num = m.user WHERE m.room = ?1 AND `
	// Entries never change, so what lies between first and last is what lay
	// there when these were read.
	query, low, high := columns+`m.seq > ?2 AND m.seq <= ?3 ORDER BY m.seq LIMIT ?4`, max(r.From, page.First-1), page.Last
	if r.Backward {
		query, low, high = columns+`m.seq >= ?2 AND m.seq < ?3 ORDER BY m.seq DESC LIMIT ?4`, page.First, min(r.From, page.Last+1)
	}
	limit, bytes := min(max(r.Limit, 1), parley.HistoryMax), r.Bytes
	if bytes == 0 {
		bytes = parley.PageBytes
	}
	err = s.reads.each(ctx, query, []any{num, low, high, limit}, func(rows *sql.Rows) (bool, error) {
		m := parley.Message{Room: room}
		var ms int64
		if err := rows.Scan(&m.Seq, &m.ID, &m.From.ID, &m.From.Name, &ms, &m.Kind, (*[]byte)(&m.Body), &m.Target); err != nil {
			return false, err
		}
		m.Time = fromMillis(ms)
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
	return page, nil
}

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
