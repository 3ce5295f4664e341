package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"
	"time"

	"github.com/seed-4a326f83/parley"
)

// A room as the user of parameter ?1 (u) sees it, with what they are in it (m).
// The name of a direct room is the other's.
const (
	roomColumns = `r.id, r.kind, r.first, r.last,
		CASE WHEN r.low IS NULL THEN r.name
		ELSE (SELECT name FROM users WHERE num = CASE r.low WHEN u.num THEN r.high ELSE r.low END) END`
	roomTables = `rooms r LEFT JOIN users u ON u.id = ?1 LEFT JOIN members m ON m.user = u.num AND m.room = r.num`
	roomQuery  = `SELECT ` + roomColumns + `, r.num, ifnull(u.num, 0), m.user IS NOT NULL, ifnull(m.read, 0)
		FROM ` + roomTables + ` WHERE r.id = ?2`
)

// A seat is a room and what a user is in it.
type seat struct {
	parley.Room
	room, user int64 // our numbers; user is 0 where there is none
	member     bool
	read       int64
}

// scan returns where the columns of roomQuery go.
func (s *seat) scan(kind *string, member *int64) []any {
	return []any{&s.ID, kind, &s.First, &s.Last, &s.Name, &s.room, &s.user, member, &s.read}
}

// seatOf reads a seat in a transaction, and readSeat outside of one. Neither
// tells a room that is absent from one that is not for the user.
func seatOf(c *conn, room, user string) (s seat, found bool, err error) {
	var kind string
	var member int64
	found, err = c.row(roomQuery, []driver.Value{user, room}, s.scan(&kind, &member)...)
	s.Kind, s.member = parley.RoomKind(kind), member != 0
	return s, found && s.visible(), err
}

func (st *Store) readSeat(ctx context.Context, room, user string) (s seat, found bool, err error) {
	var kind string
	var member int64
	found, err = st.reads.row(ctx, roomQuery, []any{user, room}, s.scan(&kind, &member)...)
	s.Kind, s.member = parley.RoomKind(kind), member != 0
	return s, found && s.visible(), err
}

func (s *seat) visible() bool { return s.member || s.Kind == parley.Public }

// Room implements [parley.Store].
func (s *Store) Room(ctx context.Context, room, user string) (parley.Room, bool, error) {
	at, found, err := s.readSeat(ctx, room, user)
	switch {
	case err != nil:
		return parley.Room{}, false, err
	case !found:
		return parley.Room{}, false, parley.ErrNotFound()
	}
	return at.Room, at.member, nil
}

const fromMembers = ` FROM users u JOIN members m ON m.user = u.num JOIN rooms r ON r.num = m.room WHERE u.id = ?1`

// MemberOf implements [parley.Store].
func (s *Store) MemberOf(ctx context.Context, user string) ([]parley.Room, error) {
	var list []parley.Room
	err := s.reads.each(ctx, `SELECT `+roomColumns+fromMembers, []any{user}, func(rows *sql.Rows) (bool, error) {
		var r parley.Room
		err := rows.Scan(&r.ID, &r.Kind, &r.First, &r.Last, &r.Name)
		list = append(list, r)
		return true, err
	})
	return list, err
}

// Rooms implements [parley.Store].
func (s *Store) Rooms(ctx context.Context, user string) ([]parley.Membership, error) {
	var list []parley.Membership
	err := s.reads.each(ctx, `SELECT `+roomColumns+`, m.read,
		(SELECT count(*) FROM (SELECT 1 FROM messages x
			WHERE x.room = m.room AND x.seq > m.read AND x.counts AND x.deleted IS NULL AND x.user <> m.user LIMIT ?2)),
		(SELECT count(*) FROM (SELECT 1 FROM mentions n WHERE n.user = m.user AND n.room = m.room AND n.seq > m.read LIMIT ?2))`+fromMembers,
		[]any{user, parley.MaxCounted}, func(rows *sql.Rows) (bool, error) {
			var m parley.Membership
			err := rows.Scan(&m.ID, &m.Kind, &m.First, &m.Last, &m.Name, &m.Read, &m.Unread, &m.Mentions)
			list = append(list, m)
			return true, err
		})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b parley.Membership) int {
		return cmp.Or(cmp.Compare(parley.NameKey(a.Name), parley.NameKey(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// Join implements [parley.Store].
func (s *Store) Join(ctx context.Context, room, user string, create bool, now time.Time) (parley.Room, bool, error) {
	// Most joins are those of members who come back. They need no writing.
	switch at, found, err := s.readSeat(ctx, room, user); {
	case err != nil:
		return parley.Room{}, false, err
	case found && at.member:
		return at.Room, false, nil
	case !found && !create:
		return parley.Room{}, false, parley.ErrNotFound()
	}
	var at seat
	var joined bool
	err := s.writer.do(ctx, func(c *conn) error {
		joined = false
		num, known, err := userNum(c, user)
		if err != nil {
			return err
		}
		if !known {
			return errNobody()
		}
		var found bool
		if at, found, err = seatOf(c, room, user); err != nil {
			return err
		}
		if !found {
			// It may be there, and not for this user.
			made := int64(0)
			if create {
				if made, err = c.exec(`INSERT INTO rooms (id, name, kind, created) VALUES (?1, ?1, ?2, ?3) ON CONFLICT DO NOTHING`,
					room, string(parley.Public), now.UnixMilli()); err != nil {
					return err
				}
			}
			if made == 0 {
				return parley.ErrNotFound()
			}
			if at, _, err = seatOf(c, room, user); err != nil {
				return err
			}
		}
		if at.member {
			return nil
		}
		joined = true
		_, err = c.exec(`INSERT INTO members (room, user, read, joined) VALUES (?, ?, ?, ?)`, at.room, num, at.Last, now.UnixMilli())
		return err
	})
	if err != nil {
		return parley.Room{}, false, err
	}
	return at.Room, joined, nil
}

// Leave implements [parley.Store].
func (s *Store) Leave(ctx context.Context, room, user string) error {
	return s.writer.do(ctx, func(c *conn) error {
		at, found, err := seatOf(c, room, user)
		switch {
		case err != nil:
			return err
		case !found || !at.member:
			return nil
		case at.Kind == parley.Direct:
			return parley.Errorf(parley.CodeInvalid, "a conversation of two cannot be left")
		}
		c.places.forget(room, user)
		_, err = c.exec(`DELETE FROM members WHERE user = ? AND room = ?`, at.user, at.room)
		return err
	})
}

// DirectRoom implements [parley.Store].
func (s *Store) DirectRoom(ctx context.Context, user, other, fresh string, now time.Time) (parley.Room, bool, error) {
	if user == other {
		return parley.Room{}, false, parley.Errorf(parley.CodeInvalid, "that is yourself; name somebody else")
	}
	var at seat
	var created bool
	err := s.writer.do(ctx, func(c *conn) error {
		created = false
		a, known, err := userNum(c, user)
		if err != nil {
			return err
		}
		if !known {
			return errNobody()
		}
		b, known, err := userNum(c, other)
		if err != nil {
			return err
		}
		if !known {
			return parley.Errorf(parley.CodeNotFound, "there is no such person; check the name")
		}
		low, high := min(a, b), max(a, b)
		id := fresh
		found, err := c.row(`SELECT id FROM rooms WHERE low = ? AND high = ?`, []driver.Value{low, high}, &id)
		if err != nil {
			return err
		}
		if !found {
			created = true
			if _, err := c.exec(`INSERT INTO rooms (id, name, kind, created, low, high) VALUES (?, '', ?, ?, ?, ?)`,
				fresh, string(parley.Direct), now.UnixMilli(), low, high); err != nil {
				return err
			}
			if _, err := c.exec(`INSERT INTO members (room, user, read, joined)
				SELECT r.num, u.num, 0, ?1 FROM rooms r JOIN users u ON u.num IN (r.low, r.high) WHERE r.id = ?2`,
				now.UnixMilli(), fresh); err != nil {
				return err
			}
		}
		at, _, err = seatOf(c, id, user)
		return err
	})
	if err != nil {
		return parley.Room{}, false, err
	}
	return at.Room, created, nil
}

// SetRead implements [parley.Store].
func (s *Store) SetRead(ctx context.Context, room, user string, seq int64) (int64, bool, error) {
	// Clients tell again and again what is so already. It needs no writing.
	at, found, err := s.readSeat(ctx, room, user)
	switch {
	case err != nil:
		return 0, false, err
	case !found:
		return 0, false, parley.ErrNotFound()
	case !at.member:
		return 0, false, parley.ErrNotJoined(room)
	case min(seq, at.Last) <= at.read:
		return at.read, false, nil
	}
	var read int64
	var moved bool
	err = s.writer.do(ctx, func(c *conn) error {
		at, found, err := seatOf(c, room, user)
		switch {
		case err != nil:
			return err
		case !found:
			return parley.ErrNotFound()
		case !at.member:
			return parley.ErrNotJoined(room)
		}
		read = max(at.read, min(seq, at.Last))
		moved = read > at.read
		if !moved {
			return nil
		}
		_, err = c.exec(`UPDATE members SET read = ? WHERE user = ? AND room = ?`, read, at.user, at.room)
		return err
	})
	if err != nil {
		return 0, false, err
	}
	return read, moved, nil
}

// errNobody answers for a user that is not there (any more).
func errNobody() error {
	return parley.Errorf(parley.CodeUnauthorized, "this account is not known here; sign in again")
}
