package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/seed-4a326f83/parley"
)

// addMember makes a user, who is none, a member of a room.
func addMember(c *conn, room, user, read int64, role parley.Role, now time.Time) error {
	_, err := c.exec(`INSERT INTO members (room, user, key, role, read, joined) SELECT ?1, num, key, ?3, ?4, ?5 FROM users WHERE num = ?2`,
		room, user, string(role), read, now.UnixMilli())
	return err
}

// endMembership takes a user out of a room.
func endMembership(c *conn, at *seat, user string, num int64) (removed bool, err error) {
	c.places.forget(at.ID, user)
	if err := succeed(c, num, at.room); err != nil {
		return false, err
	}
	n, err := c.exec(`DELETE FROM members WHERE user = ? AND room = ?`, num, at.room)
	return n > 0, err
}

// succeed has an admin who is about to go followed, where he is a room's only
// one, by whoever has been in it for the longest: a room, or all where it is 0.
// The lobby needs no admin of its own.
func succeed(c *conn, user, room int64) error {
	_, err := c.exec(`UPDATE members SET role = 'admin' WHERE (room, user) IN (
		SELECT a.room, (SELECT user FROM (SELECT user, min(joined) FROM members WHERE room = a.room AND user <> ?1))
		FROM members a JOIN rooms r ON r.num = a.room
		WHERE a.user = ?1 AND (?2 = 0 OR a.room = ?2) AND a.role = 'admin' AND r.id <> ?3
		AND NOT EXISTS (SELECT 1 FROM members WHERE room = a.room AND user <> ?1 AND role = 'admin'))`, user, room, parley.Lobby)
	return err
}

// lastAdmin reports whether a room has no other admin.
func lastAdmin(c *conn, at *seat) (bool, error) {
	var one int64
	another, err := c.row(`SELECT 1 FROM members WHERE room = ? AND user <> ? AND role = 'admin'`, []driver.Value{at.room, at.user}, &one)
	return !another, err
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
		p, err := selfOf(c, user)
		if err != nil {
			return err
		}
		var found bool
		if at, found, err = seatOf(c, room, user); err != nil {
			return err
		}
		if found && at.member {
			return nil
		}
		role := parley.Ordinary
		if !found {
			// It may be there, and not for this user.
			var made bool
			if create {
				at.Room = parley.Room{ID: room, Name: room, Kind: parley.Public, First: 1}
				if at.room, made, err = makeRoom(c, at.Room, now); err != nil {
					return err
				}
			}
			if !made {
				return parley.ErrNotFound()
			}
			role = parley.Admin
		}
		joined = true
		return addMember(c, at.room, p.num, at.Last, role, now)
	})
	if err != nil {
		return parley.Room{}, false, err
	}
	return at.Room, joined, nil
}

// AddMember implements [parley.Store].
func (s *Store) AddMember(ctx context.Context, room, by, other string, now time.Time) (parley.Room, bool, error) {
	var at seat
	var joined bool
	err := s.writer.do(ctx, func(c *conn) error {
		joined = false
		var found bool
		var err error
		if at, found, err = seatOf(c, room, by); err != nil {
			return err
		}
		if err := at.checkChange(found, room, false); err != nil {
			return err
		}
		p, err := personOf(c, other)
		if err != nil {
			return err
		}
		if theirs, _, err := seatOf(c, room, other); err != nil || theirs.member {
			return err
		}
		joined = true
		return addMember(c, at.room, p.num, at.Last, parley.Ordinary, now)
	})
	if err != nil {
		return parley.Room{}, false, err
	}
	return at.Room, joined, nil
}

// RemoveMember implements [parley.Store].
func (s *Store) RemoveMember(ctx context.Context, room, by, other string) (bool, error) {
	var removed bool
	err := s.writer.do(ctx, func(c *conn) error {
		removed = false
		at, found, err := seatOf(c, room, by)
		if err != nil {
			return err
		}
		if err := at.checkChange(found, room, by != other); err != nil {
			return err
		}
		theirs, _, err := seatOf(c, room, other)
		if err != nil || !theirs.member {
			return err
		}
		removed, err = endMembership(c, &theirs, other, theirs.user)
		return err
	})
	return removed && err == nil, err
}

// SetRoomRole implements [parley.Store].
func (s *Store) SetRoomRole(ctx context.Context, room, by, other string, role parley.Role) error {
	return s.writer.do(ctx, func(c *conn) error {
		at, found, err := seatOf(c, room, by)
		if err != nil {
			return err
		}
		if err := at.checkChange(found, room, true); err != nil {
			return err
		}
		if role != parley.Admin && role != parley.Ordinary {
			return parley.Errorf(parley.CodeInvalid, "there is no role %q in a room; make them %q, or %q for none", role, parley.Admin, parley.Ordinary)
		}
		theirs, _, err := seatOf(c, room, other)
		switch {
		case err != nil:
			return err
		case !theirs.member:
			return parley.Errorf(parley.CodeNotFound, "there is no such person in this room; add them first")
		}
		if role == parley.Ordinary && theirs.role == parley.Admin && theirs.ID != parley.Lobby {
			if last, err := lastAdmin(c, &theirs); err != nil {
				return err
			} else if last {
				return parley.Errorf(parley.CodeConflict, "the room would be without an admin; make somebody else one first")
			}
		}
		_, err = c.exec(`UPDATE members SET role = ?3 WHERE user = ?1 AND room = ?2`, theirs.user, theirs.room, string(role))
		return err
	})
}

// Members implements [parley.Store].
func (s *Store) Members(ctx context.Context, room, by, after string, limit int) ([]parley.RoomMember, error) {
	at, found, err := s.readSeat(ctx, room, by)
	if err == nil {
		err = at.check(found, room)
	}
	if err != nil {
		return nil, err
	}
	var list []parley.RoomMember
	err = s.reads.each(ctx, `SELECT u.id, u.name, m.role, u.seen FROM members m JOIN users u ON u.num = m.user
		WHERE m.room = ? AND m.key > ? ORDER BY m.key LIMIT ?`,
		[]any{at.room, parley.NameKey(after), max(limit, 0)}, func(rows *sql.Rows) (bool, error) {
			var m parley.RoomMember
			var seen int64
			err := rows.Scan(&m.ID, &m.Name, &m.Role, &seen)
			m.Seen = fromMillis(seen)
			list = append(list, m)
			return true, err
		})
	return list, err
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
		_, err = endMembership(c, &at, user, at.user)
		return err
	})
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
