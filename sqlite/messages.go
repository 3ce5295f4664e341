package sqlite

import (
	"context"
	"database/sql/driver"

	"github.com/seed-4a326f83/parley"
)

// Append implements [parley.Store].
func (s *Store) Append(ctx context.Context, batch []parley.Draft) ([]parley.Appended, error) {
	if err := s.checkSpace(); err != nil {
		return nil, err
	}
	results := make([]parley.Appended, len(batch))
	err := s.writer.do(ctx, func(c *conn) error {
		a := appending{conn: c, last: map[int64]int64{}, grew: map[int64]bool{}}
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

// appending is a batch on its way into the log. The numbers that it gives hold
// for this transaction alone: one that outlived a failed commit would leave a
// hole.
type appending struct {
	*conn
	last map[int64]int64 // of the rooms that the batch writes to
	grew map[int64]bool  // those of them that have more than before

	indexer indexer
}

// add numbers and stores one draft. An error is one of the database; what is
// wrong with the draft stands in the result.
func (a *appending) add(d *parley.Draft) (parley.Appended, error) {
	at, refusal, err := a.place(d)
	if err != nil {
		return parley.Appended{}, err
	}
	var about driver.Value
	if refusal == nil && d.Target != 0 {
		about = d.Target
		if refusal, err = a.checkTarget(at, d); err != nil {
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

	last, err := a.lastOf(at.room)
	if err != nil {
		return parley.Appended{}, err
	}
	counts := int64(0)
	if parley.Counts(d.Kind) {
		counts = 1
	}
	var document driver.Value
	if d.Kind == parley.KindText {
		if document, err = a.indexer.next(a.conn); err != nil {
			return parley.Appended{}, err
		}
	}
	added, err := a.exec(`INSERT INTO messages (room, seq, user, id, kind, counts, time, body, target, document)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user, room, id) DO NOTHING`,
		at.room, last+1, at.user, d.ID, d.Kind, counts, d.Time.UnixMilli(), string(d.Body), about, document)
	if err != nil {
		return parley.Appended{}, err
	}
	if added == 0 {
		first, _, err := a.stored(at, d.ID)
		return first, err
	}
	a.last[at.room], a.grew[at.room] = last+1, true
	if err := a.fold(at, d, last+1); err != nil {
		return parley.Appended{}, err
	}
	return parley.Appended{Seq: last + 1, Time: d.Time, Stored: true}, nil
}

// place returns our numbers of a draft's room and user, or why the user may not
// publish there.
func (a *appending) place(d *parley.Draft) (at place, refusal, err error) {
	if at, ok := a.places.get(d.Room, d.User.ID); ok {
		return at, nil, nil
	}
	s, found, err := seatOf(a.conn, d.Room, d.User.ID)
	at = place{s.room, s.user}
	switch {
	case err != nil:
		return at, nil, err
	case !found:
		return at, parley.ErrNotFound(), nil
	case !s.member:
		return at, parley.ErrNotJoined(d.Room), nil
	case s.Archived:
		return at, parley.Errorf(parley.CodeConflict, "this room is archived and nothing more can be said in it; ask one of its admins to bring it back"), nil
	}
	a.places.put(d.Room, d.User.ID, at)
	return at, nil, nil
}

// lastOf returns the highest seq of a room, the batch's included.
func (a *appending) lastOf(room int64) (int64, error) {
	last, known := a.last[room]
	if !known {
		if _, err := a.row(`SELECT last FROM rooms WHERE num = ?`, []driver.Value{room}, &last); err != nil {
			return 0, err
		}
		a.last[room] = last
	}
	return last, nil
}

// stored looks up what became of a draft that was stored before.
func (a *appending) stored(at place, id string) (first parley.Appended, found bool, err error) {
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
	for room := range a.grew {
		if _, err := a.exec(`UPDATE rooms SET last = ?2 WHERE num = ?1`, room, a.last[room]); err != nil {
			return err
		}
	}
	return nil
}
