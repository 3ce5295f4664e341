package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seed-4a326f83/parley"
)

// Heads implements [parley.Store].
func (s *Store) Heads(ctx context.Context, rooms []string) (map[string]parley.Room, error) {
	heads := make(map[string]parley.Room, len(rooms))
	err := s.each(ctx, `SELECT id, name, kind, topic, archived, first, last FROM rooms WHERE id = ANY ($1)`, []any{rooms}, func(rows pgx.Rows) (bool, error) {
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

// Installation returns what tells the database from all others: a random name
// that it was given when it was made.
func (s *Store) Installation(ctx context.Context) (name string, err error) {
	err = s.each(ctx, `SELECT installation FROM parley`, nil, func(rows pgx.Rows) (bool, error) {
		return false, rows.Scan(&name)
	})
	return name, err
}

// Standing implements [parley.Store].
func (s *Store) Standing(ctx context.Context, users []string, now time.Time) (map[string]parley.Standing, error) {
	standing := make(map[string]parley.Standing, len(users))
	// One query, so that what it tells was so at one moment.
	err := s.each(ctx, `SELECT u.id,
		ARRAY(SELECT hash FROM sessions WHERE person = u.num AND seen >= $2),
		ARRAY(SELECT r.id FROM members m JOIN rooms r ON r.num = m.room WHERE m.person = u.num)
		FROM users u WHERE u.id = ANY ($1) AND u.removed IS NULL`,
		[]any{users, oldest(now)}, func(rows pgx.Rows) (bool, error) {
			var id string
			var hashes [][]byte
			var one parley.Standing
			err := rows.Scan(&id, &hashes, &one.Rooms)
			for _, hash := range hashes {
				one.Sessions = append(one.Sessions, parley.SessionHash(hash))
			}
			standing[id] = one
			return true, err
		})
	if err != nil {
		return nil, err
	}
	return standing, nil
}
