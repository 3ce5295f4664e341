package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/internal/words"
)

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

const fromMembers = ` FROM users u JOIN members m ON m.person = u.num JOIN rooms r ON r.num = m.room WHERE u.id = $1`

// MemberOf implements [parley.Store].
func (s *Store) MemberOf(ctx context.Context, user string) ([]parley.Room, error) {
	var list []parley.Room
	err := s.each(ctx, `SELECT `+roomColumns+fromMembers, []any{user}, func(rows pgx.Rows) (bool, error) {
		var r parley.Room
		err := rows.Scan(roomScan(&r)...)
		list = append(list, r)
		return true, err
	})
	return list, err
}

// Rooms implements [parley.Store].
func (s *Store) Rooms(ctx context.Context, user string) ([]parley.Membership, error) {
	var list []parley.Membership
	err := s.each(ctx, `SELECT `+roomColumns+`, m.role, m.read,
		(SELECT count(*) FROM (SELECT 1 FROM messages x
			WHERE x.room = m.room AND x.seq > m.read AND x.counts AND x.deleted IS NULL AND x.person <> m.person LIMIT $2) y),
		(SELECT count(*) FROM (SELECT 1 FROM mentions n WHERE n.person = m.person AND n.room = m.room AND n.seq > m.read LIMIT $2) y)`+fromMembers,
		[]any{user, parley.MaxCounted}, func(rows pgx.Rows) (bool, error) {
			var m parley.Membership
			err := rows.Scan(append(roomScan(&m.Room), &m.Role, &m.Read, &m.Unread, &m.Mentions)...)
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

// FindRooms implements [parley.Store].
func (s *Store) FindRooms(ctx context.Context, user, prefix string, limit int) ([]parley.RoomOffer, error) {
	var list []parley.RoomOffer
	begin := words.Plain(prefix)
	for later := range 2 {
		if limit <= len(list) {
			break
		}
		if err := s.each(ctx, `SELECT `+roomColumns+`, m.person IS NOT NULL, (SELECT count(*) FROM members WHERE room = r.num)
			FROM room_words w JOIN rooms r ON r.num = w.room
			LEFT JOIN users u ON u.id = $1 LEFT JOIN members m ON m.person = u.num AND m.room = r.num
			WHERE w.later = $2 AND w.part BETWEEN $3 AND $4 AND (NOT r.archived OR m.person IS NOT NULL)
			AND NOT EXISTS (SELECT 1 FROM room_words o WHERE o.room = w.room AND o.part BETWEEN $3 AND $4 AND (o.later, o.part) < (w.later, w.part))
			ORDER BY w.part, w.room LIMIT $5`,
			[]any{user, later, begin, words.UpTo(begin), limit - len(list)}, func(rows pgx.Rows) (bool, error) {
				var o parley.RoomOffer
				err := rows.Scan(append(roomScan(&o.Room), &o.Member, &o.Members)...)
				list = append(list, o)
				return true, err
			}); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// CreateRoom implements [parley.Store].
func (s *Store) CreateRoom(ctx context.Context, room parley.Room, user string, now time.Time) error {
	if room.Kind != parley.Public && room.Kind != parley.Private {
		return parley.Errorf(parley.CodeInvalid, "a room is made %s or %s", parley.Public, parley.Private)
	}
	return s.write(ctx, func(t *tx) error {
		p, err := selfOf(t, user)
		if err != nil {
			return err
		}
		num, made, err := makeRoom(t, room, now)
		switch {
		case err != nil:
			return err
		case !made:
			return parley.Errorf(parley.CodeConflict, "the id %q is in use; choose another", room.ID)
		}
		_, err = addMember(t, num, p.num, 0, parley.Admin, now)
		return err
	})
}

// makeRoom makes a room that is not direct, with nobody in it, unless its id is
// in use.
func makeRoom(t *tx, room parley.Room, now time.Time) (num int64, made bool, err error) {
	made, err = t.row(`INSERT INTO rooms (id, name, kind, topic, created) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING num`,
		[]any{room.ID, room.Name, string(room.Kind), room.Topic, now.UnixMilli()}, &num)
	if made && room.Kind == parley.Public {
		err = spellName(t, spellRoom, num, room.Name)
	}
	return num, made, err
}

// ChangeRoom implements [parley.Store].
func (s *Store) ChangeRoom(ctx context.Context, room, by string, change parley.RoomChange) (parley.Room, error) {
	var r parley.Room
	err := s.write(ctx, func(t *tx) error {
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
		r = at.Room
		if change.Topic != nil {
			r.Topic = *change.Topic
		}
		if change.Archived != nil {
			if r.Archived = *change.Archived; r.Archived && r.ID == parley.Lobby {
				return parley.Errorf(parley.CodeInvalid, "the lobby is always open; it cannot be archived")
			}
		}
		if change.Name != nil {
			r.Name = *change.Name
		}
		if r == at.Room {
			return nil
		}
		if _, err := t.exec(`UPDATE rooms SET name = $2, topic = $3, archived = $4 WHERE num = $1`, at.room, r.Name, r.Topic, r.Archived); err != nil {
			return err
		}
		if r.Name == at.Name || r.Kind != parley.Public {
			return nil
		}
		if _, err := t.exec(`DELETE FROM room_words WHERE room = $1`, at.room); err != nil {
			return err
		}
		return spellName(t, spellRoom, at.room, r.Name)
	})
	if err != nil {
		return parley.Room{}, err
	}
	return r, nil
}

// DirectRoom implements [parley.Store].
func (s *Store) DirectRoom(ctx context.Context, user, other, fresh string, now time.Time) (parley.Room, bool, error) {
	if user == other {
		return parley.Room{}, false, parley.Errorf(parley.CodeInvalid, "that is yourself; name somebody else")
	}
	var at seat
	var created bool
	err := s.write(ctx, func(t *tx) error {
		if err := lockPeople(t, user, other); err != nil {
			return err
		}
		a, err := selfOf(t, user)
		if err != nil {
			return err
		}
		b, err := personOf(t, other)
		if err != nil {
			return err
		}
		low, high := min(a.num, b.num), max(a.num, b.num)
		var num int64
		if created, err = t.row(`INSERT INTO rooms (id, name, kind, created, low, high) VALUES ($1, '', $2, $3, $4, $5)
			ON CONFLICT (low, high) DO NOTHING RETURNING num`,
			[]any{fresh, string(parley.Direct), now.UnixMilli(), low, high}, &num); err != nil {
			return err
		}
		id := fresh
		if created {
			for _, person := range []int64{low, high} {
				if _, err := addMember(t, num, person, 0, parley.Ordinary, now); err != nil {
					return err
				}
			}
		} else if _, err := t.row(`SELECT id FROM rooms WHERE low = $1 AND high = $2`, []any{low, high}, &id); err != nil {
			return err
		}
		at, _, err = seatOf(t, id, user)
		return err
	})
	if err != nil {
		return parley.Room{}, false, err
	}
	return at.Room, created, nil
}
