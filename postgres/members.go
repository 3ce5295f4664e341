package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seed-4a326f83/parley"
)

// addMember makes a user a member of a room, unless they are.
func addMember(t *tx, room, user, read int64, role parley.Role, now time.Time) (added bool, err error) {
	n, err := t.exec(`INSERT INTO members (room, person, key, role, read, joined) SELECT $1, num, key, $3, $4, $5 FROM users WHERE num = $2
		ON CONFLICT DO NOTHING`, room, user, string(role), read, now.UnixMilli())
	return n > 0, err
}

// endMembership takes a user out of a room, which is locked.
func endMembership(t *tx, at *seat) (removed bool, err error) {
	if err := succeed(t, at.user, at.room); err != nil {
		return false, err
	}
	n, err := t.exec(`DELETE FROM members WHERE person = $1 AND room = $2`, at.user, at.room)
	return n > 0, err
}

// succeed has an admin who is about to go followed, where he is a room's only
// one, by whoever has been in it for the longest: a room, or all where it is 0,
// which are locked. The lobby needs no admin of its own.
func succeed(t *tx, user, room int64) error {
	_, err := t.exec(`UPDATE members s SET role = 'admin' FROM members a JOIN rooms r ON r.num = a.room
		WHERE a.person = $1 AND ($2::bigint = 0 OR a.room = $2) AND a.role = 'admin' AND r.id <> $3
		AND NOT EXISTS (SELECT 1 FROM members WHERE room = a.room AND person <> $1 AND role = 'admin')
		AND s.room = a.room AND s.person = (SELECT person FROM members WHERE room = a.room AND person <> $1 ORDER BY joined, person LIMIT 1)`,
		user, room, parley.Lobby)
	return err
}

// lastAdmin reports whether a room has no other admin.
func lastAdmin(t *tx, at *seat) (bool, error) {
	var one int64
	another, err := t.row(`SELECT 1 FROM members WHERE room = $1 AND person <> $2 AND role = 'admin' LIMIT 1`, []any{at.room, at.user}, &one)
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
	err := s.write(ctx, func(t *tx) error {
		p, err := selfOf(t, user)
		if err != nil {
			return err
		}
		var found bool
		if at, found, err = seatOf(t, room, user); err != nil {
			return err
		}
		if !found && create {
			fresh := parley.Room{ID: room, Name: room, Kind: parley.Public, First: 1}
			num, made, err := makeRoom(t, fresh, now)
			if err != nil {
				return err
			}
			if made {
				at = seat{Room: fresh, room: num}
				joined, err = addMember(t, num, p.num, 0, parley.Admin, now)
				return err
			}
			// Somebody has made it in this moment, or it is not for this user.
			if at, found, err = seatOf(t, room, user); err != nil {
				return err
			}
		}
		if !found {
			return parley.ErrNotFound()
		}
		joined, err = addMember(t, at.room, p.num, at.Last, parley.Ordinary, now)
		return err
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
	err := s.write(ctx, func(t *tx) error {
		if err := lockPeople(t, other); err != nil {
			return err
		}
		if err := lockRoom(t, room); err != nil {
			return err
		}
		var found bool
		var err error
		if at, found, err = seatOf(t, room, by); err != nil {
			return err
		}
		if err := at.checkChange(found, room, false); err != nil {
			return err
		}
		p, err := personOf(t, other)
		if err != nil {
			return err
		}
		joined, err = addMember(t, at.room, p.num, at.Last, parley.Ordinary, now)
		return err
	})
	if err != nil {
		return parley.Room{}, false, err
	}
	return at.Room, joined, nil
}

// RemoveMember implements [parley.Store].
func (s *Store) RemoveMember(ctx context.Context, room, by, other string) (bool, error) {
	var removed bool
	err := s.write(ctx, func(t *tx) error {
		removed = false
		if err := lockRoom(t, room); err != nil {
			return err
		}
		at, found, err := seatOf(t, room, by)
		if err != nil {
			return err
		}
		if err := at.checkChange(found, room, by != other); err != nil {
			return err
		}
		theirs, _, err := seatOf(t, room, other)
		if err != nil || !theirs.member {
			return err
		}
		removed, err = endMembership(t, &theirs)
		return err
	})
	return removed && err == nil, err
}

// SetRoomRole implements [parley.Store].
func (s *Store) SetRoomRole(ctx context.Context, room, by, other string, role parley.Role) error {
	return s.write(ctx, func(t *tx) error {
		if err := lockRoom(t, room); err != nil {
			return err
		}
		at, found, err := seatOf(t, room, by)
		if err != nil {
			return err
		}
		if err := at.checkChange(found, room, true); err != nil {
			return err
		}
		if role != parley.Admin && role != parley.Ordinary {
			return parley.Errorf(parley.CodeInvalid, "there is no role %q in a room; make them %q, or %q for none", role, parley.Admin, parley.Ordinary)
		}
		theirs, _, err := seatOf(t, room, other)
		switch {
		case err != nil:
			return err
		case !theirs.member:
			return parley.Errorf(parley.CodeNotFound, "there is no such person in this room; add them first")
		}
		if role == parley.Ordinary && theirs.role == parley.Admin && theirs.ID != parley.Lobby {
			if last, err := lastAdmin(t, &theirs); err != nil {
				return err
			} else if last {
				return parley.Errorf(parley.CodeConflict, "the room would be without an admin; make somebody else one first")
			}
		}
		_, err = t.exec(`UPDATE members SET role = $3 WHERE person = $1 AND room = $2`, theirs.user, theirs.room, string(role))
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
	err = s.each(ctx, `SELECT u.id, u.name, m.role, u.seen FROM members m JOIN users u ON u.num = m.person
		WHERE m.room = $1 AND m.key > $2 ORDER BY m.key LIMIT $3`,
		[]any{at.room, parley.NameKey(after), max(limit, 0)}, func(rows pgx.Rows) (bool, error) {
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
	return s.write(ctx, func(t *tx) error {
		if err := lockRoom(t, room); err != nil {
			return err
		}
		at, found, err := seatOf(t, room, user)
		switch {
		case err != nil:
			return err
		case !found || !at.member:
			return nil
		case at.Kind == parley.Direct:
			return parley.Errorf(parley.CodeInvalid, "a conversation of two cannot be left")
		}
		_, err = endMembership(t, &at)
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
	moved, err := s.change(ctx, `UPDATE members m SET read = least($3, r.last) FROM rooms r, users u
		WHERE r.id = $2 AND u.id = $1 AND m.room = r.num AND m.person = u.num AND m.read < least($3, r.last) RETURNING m.read`,
		[]any{user, room, seq}, &read)
	if err != nil || moved {
		return read, moved, err
	}
	switch at, found, err = s.readSeat(ctx, room, user); {
	case err != nil:
		return 0, false, err
	case !found:
		return 0, false, parley.ErrNotFound()
	case !at.member:
		return 0, false, parley.ErrNotJoined(room)
	}
	return at.read, false, nil
}
