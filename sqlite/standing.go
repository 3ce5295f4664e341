package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/seed-4a326f83/parley"
)

// Heads implements [parley.Store].
func (s *Store) Heads(ctx context.Context, rooms []string) (map[string]parley.Room, error) {
	heads := make(map[string]parley.Room, len(rooms))
	err := s.reads.each(ctx, `SELECT r.id, r.name, r.kind, r.topic, r.archived, r.first, r.last FROM json_each(?) j JOIN rooms r ON r.id = j.value`,
		[]any{jsonList(rooms)}, func(rows *sql.Rows) (bool, error) {
			var r parley.Room
			err := rows.Scan(&r.ID, &r.Name, &r.Kind, &r.Topic, &r.Archived, &r.First, &r.Last)
			if r.Kind == parley.Direct {
				r.Name = ""
			}
			heads[r.ID] = r
			return true, err
		})
	if err != nil {
		return nil, err
	}
	return heads, nil
}

// Standing implements [parley.Store].
func (s *Store) Standing(ctx context.Context, users []string, now time.Time) (map[string]parley.Standing, error) {
	standing := make(map[string]parley.Standing, len(users))
	// One query, so that what it tells was so at one moment. Of sessions and
	// rooms, each row has one or the other; somebody with neither has one row.
	err := s.reads.each(ctx, `
		WITH here AS (SELECT u.num, u.id FROM json_each(?1) j JOIN users u ON u.id = j.value WHERE u.removed IS NULL)
		SELECT id, NULL, NULL FROM here
		UNION ALL SELECT h.id, s.hash, NULL FROM here h JOIN sessions s ON s.user = h.num WHERE s.seen >= ?2
		UNION ALL SELECT h.id, NULL, r.id FROM here h JOIN members m ON m.user = h.num JOIN rooms r ON r.num = m.room`,
		[]any{jsonList(users), oldest(now)}, func(rows *sql.Rows) (bool, error) {
			var id string
			var hash []byte
			var room sql.NullString
			if err := rows.Scan(&id, &hash, &room); err != nil {
				return false, err
			}
			one := standing[id]
			if hash != nil {
				one.Sessions = append(one.Sessions, parley.SessionHash(hash))
			}
			if room.Valid {
				one.Rooms = append(one.Rooms, room.String)
			}
			standing[id] = one
			return true, nil
		})
	if err != nil {
		return nil, err
	}
	return standing, nil
}

// jsonList returns a list as one argument of a query, for json_each: a query per
// length would be prepared for each.
func jsonList(list []string) string {
	text, _ := json.Marshal(list) // strings are never refused
	return string(text)
}
