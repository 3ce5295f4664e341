package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"
	"time"

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

const fromMembers = ` FROM users u JOIN members m ON m.user = u.num JOIN rooms r ON r.num = m.room WHERE u.id = ?1`

// MemberOf implements [parley.Store].
func (s *Store) MemberOf(ctx context.Context, user string) ([]parley.Room, error) {
	var list []parley.Room
	err := s.reads.each(ctx, `SELECT `+roomColumns+fromMembers, []any{user}, func(rows *sql.Rows) (bool, error) {
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
	err := s.reads.each(ctx, `SELECT `+roomColumns+`, m.role, m.read,
		(SELECT count(*) FROM (SELECT 1 FROM messages x
			WHERE x.room = m.room AND x.seq > m.read AND x.counts AND x.deleted IS NULL AND x.user <> m.user LIMIT ?2)),
		(SELECT count(*) FROM (SELECT 1 FROM mentions n WHERE n.user = m.user AND n.room = m.room AND n.seq > m.read LIMIT ?2))`+fromMembers,
		[]any{user, parley.MaxCounted}, func(rows *sql.Rows) (bool, error) {
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
	got := map[string]bool{}
	begin := words.Plain(prefix)
	for later := range 2 {
		if limit <= len(list) {
			break
		}
		if err := s.reads.each(ctx, `SELECT `+roomColumns+`, m.user IS NOT NULL, (SELECT count(*) FROM members WHERE room = r.num)
			FROM room_words w JOIN rooms r ON r.num = w.room
			LEFT JOIN users u ON u.id = ?1 LEFT JOIN members m ON m.user = u.num AND m.room = r.num
			WHERE w.later = ?2 AND w.part BETWEEN ?3 AND ?4 AND (NOT r.archived OR m.user IS NOT NULL) ORDER BY w.part, w.room`,
			[]any{user, later, begin, words.UpTo(begin)}, func(rows *sql.Rows) (bool, error) {
				var o parley.RoomOffer
				if err := rows.Scan(append(roomScan(&o.Room), &o.Member, &o.Members)...); err != nil {
					return false, err
				}
				if !got[o.ID] {
					got[o.ID] = true
					list = append(list, o)
				}
				return len(list) < limit, nil
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
	return s.writer.do(ctx, func(c *conn) error {
		p, err := selfOf(c, user)
		if err != nil {
			return err
		}
		num, made, err := makeRoom(c, room, now)
		switch {
		case err != nil:
			return err
		case !made:
			return parley.Errorf(parley.CodeConflict, "the id %q is in use; choose another", room.ID)
		}
		return addMember(c, num, p.num, 0, parley.Admin, now)
	})
}

// makeRoom makes a room that is not direct, with nobody in it, unless its id is
// in use.
func makeRoom(c *conn, room parley.Room, now time.Time) (num int64, made bool, err error) {
	added, err := c.exec(`INSERT INTO rooms (id, name, kind, topic, archived, created) VALUES (?, ?, ?, ?, 0, ?) ON CONFLICT DO NOTHING`,
		room.ID, room.Name, string(room.Kind), room.Topic, now.UnixMilli())
	if err != nil || added == 0 {
		return 0, false, err
	}
	if _, err := c.row(`SELECT num FROM rooms WHERE id = ?`, []driver.Value{room.ID}, &num); err != nil {
		return 0, false, err
	}
	if room.Kind == parley.Public {
		err = spell(c, spellRoom, num, room.Name)
	}
	return num, true, err
}

// ChangeRoom implements [parley.Store].
func (s *Store) ChangeRoom(ctx context.Context, room, by string, change parley.RoomChange) (parley.Room, error) {
	var r parley.Room
	err := s.writer.do(ctx, func(c *conn) error {
		at, found, err := seatOf(c, room, by)
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
		archived := int64(0)
		if r.Archived {
			archived = 1
			clear(c.places) // nobody publishes there any more
		}
		if _, err := c.exec(`UPDATE rooms SET name = ?2, topic = ?3, archived = ?4 WHERE num = ?1`, at.room, r.Name, r.Topic, archived); err != nil {
			return err
		}
		if r.Name == at.Name || r.Kind != parley.Public {
			return nil
		}
		if _, err := c.exec(`DELETE FROM room_words WHERE room = ?`, at.room); err != nil {
			return err
		}
		return spell(c, spellRoom, at.room, r.Name)
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
	err := s.writer.do(ctx, func(c *conn) error {
		created = false
		a, err := selfOf(c, user)
		if err != nil {
			return err
		}
		b, err := personOf(c, other)
		if err != nil {
			return err
		}
		low, high := min(a.num, b.num), max(a.num, b.num)
		id := fresh
		found, err := c.row(`SELECT id FROM rooms WHERE low = ? AND high = ?`, []driver.Value{low, high}, &id)
		if err != nil {
			return err
		}
		if !found {
			created = true
			if err := makeDirect(c, fresh, low, high, now); err != nil {
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

func makeDirect(c *conn, id string, low, high int64, now time.Time) error {
	if _, err := c.exec(`INSERT INTO rooms (id, name, kind, created, low, high) VALUES (?, '', ?, ?, ?, ?)`,
		id, string(parley.Direct), now.UnixMilli(), low, high); err != nil {
		return err
	}
	var num int64
	if _, err := c.row(`SELECT num FROM rooms WHERE id = ?`, []driver.Value{id}, &num); err != nil {
		return err
	}
	if err := addMember(c, num, low, 0, parley.Ordinary, now); err != nil {
		return err
	}
	return addMember(c, num, high, 0, parley.Ordinary, now)
}
