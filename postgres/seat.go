package postgres

import (
	"context"

	"github.com/seed-4a326f83/parley"
)

// A room (r) as the user of parameter $1 (u) sees it, with what they are in it
// (m). The name of a direct room is the other's.
const (
	roomColumns = `r.id, r.kind, r.topic, r.archived, r.first, r.last,
		CASE WHEN r.low IS NULL THEN r.name
		ELSE (SELECT name FROM users WHERE num = CASE r.low WHEN u.num THEN r.high ELSE r.low END) END`
	roomQuery = `SELECT ` + roomColumns + `, r.num, coalesce(u.num, 0), coalesce(u.role, ''), m.person IS NOT NULL, coalesce(m.role, ''), coalesce(m.read, 0)
		FROM rooms r LEFT JOIN users u ON u.id = $1 LEFT JOIN members m ON m.person = u.num AND m.room = r.num WHERE r.id = $2`
)

// roomScan returns where roomColumns go.
func roomScan(r *parley.Room) []any {
	return []any{&r.ID, &r.Kind, &r.Topic, &r.Archived, &r.First, &r.Last, &r.Name}
}

// A seat is a room and what a user is in it.
type seat struct {
	parley.Room
	room, user int64       // our numbers; user is 0 where there is none
	rank       parley.Role // on the installation
	member     bool
	role       parley.Role // in the room
	read       int64
}

// scan returns where the columns of roomQuery go.
func (s *seat) scan() []any {
	return append(roomScan(&s.Room), &s.room, &s.user, &s.rank, &s.member, &s.role, &s.read)
}

// lockRoom keeps others from appending to a room, and from changing who is in it
// or what it is, until the end of the transaction.
func lockRoom(t *tx, room string) error {
	_, err := t.exec(`SELECT FROM rooms WHERE id = $1 FOR NO KEY UPDATE`, room)
	return err
}

// seatOf reads a seat in a transaction, and readSeat outside of one. Neither
// tells a room that is absent from one that is not for the user.
func seatOf(t *tx, room, user string) (s seat, found bool, err error) {
	found, err = t.row(roomQuery, []any{user, room}, s.scan()...)
	return s, found && s.visible(), err
}

func (st *Store) readSeat(ctx context.Context, room, user string) (s seat, found bool, err error) {
	found, err = st.row(ctx, roomQuery, []any{user, room}, s.scan()...)
	return s, found && s.visible(), err
}

func (s *seat) visible() bool { return s.member || s.Kind == parley.Public }

// admin reports whether the user may do to the room what its admins may.
func (s *seat) admin() bool { return s.role == parley.Admin || s.rank == parley.Admin }

// check says why the user may do nothing in the room; found is whether they see
// it.
func (s *seat) check(found bool, room string) error {
	switch {
	case !found:
		return parley.ErrNotFound()
	case !s.member && s.rank != parley.Admin:
		return parley.ErrNotJoined(room)
	}
	return nil
}

// checkChange says why the user may not change who or what the room is.
func (s *seat) checkChange(found bool, room string, admins bool) error {
	if err := s.check(found, room); err != nil {
		return err
	}
	switch {
	case s.Kind == parley.Direct:
		return parley.Errorf(parley.CodeInvalid, "a conversation of two stays as it is; make a room for more")
	case admins && !s.admin():
		return parley.Errorf(parley.CodeConflict, "only an admin of the room may do that; ask one of them")
	}
	return nil
}
