package sqlite

import (
	"context"
	"database/sql/driver"
	"strings"
	"time"

	"github.com/seed-4a326f83/parley"
)

// CreateGuest implements [parley.Store].
func (s *Store) CreateGuest(ctx context.Context, user parley.User, session parley.SessionHash, now time.Time) (parley.User, error) {
	guest := user
	err := s.writer.do(ctx, func(c *conn) error {
		var err error
		if guest.Name, err = freeName(c, user.Name); err != nil {
			return err
		}
		if _, err := c.exec(`INSERT INTO users (id, name, key, created) VALUES (?, ?, ?, ?)`,
			guest.ID, guest.Name, parley.NameKey(guest.Name), now.UnixMilli()); err != nil {
			return err
		}
		_, err = c.exec(`INSERT INTO sessions (hash, user, created, seen) SELECT ?, num, ?, ? FROM users WHERE id = ?`,
			session[:], now.UnixMilli(), toHour(now), guest.ID)
		return err
	})
	if err != nil {
		return parley.User{}, err
	}
	return guest, nil
}

// freeName returns the name, or the name with the lowest number behind it that
// is free.
func freeName(c *conn, name string) (string, error) {
	if taken, err := nameTaken(c, name); err != nil || !taken {
		return name, err
	}
	for digits, low, high := int64(1), 2, 10; ; digits, low, high = digits+1, high, high*10 {
		base := strings.TrimRight(parley.NameKey(parley.NumberedName(name, low)), "0123456789")
		next := int64(low)
		if _, err := c.row(`SELECT next FROM numbered_names WHERE base = ? AND digits = ?`,
			[]driver.Value{base, digits}, &next); err != nil {
			return "", err
		}
		free := ""
		for ; free == "" && next < int64(high); next++ {
			candidate := parley.NumberedName(name, int(next))
			taken, err := nameTaken(c, candidate)
			if err != nil {
				return "", err
			}
			if !taken {
				free = candidate
			}
		}
		if _, err := c.exec(`INSERT INTO numbered_names (base, digits, next) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET next = excluded.next WHERE next <> excluded.next`, base, digits, next); err != nil {
			return "", err
		}
		if free != "" {
			return free, nil
		}
	}
}

func nameTaken(c *conn, name string) (bool, error) {
	var one int64
	return c.row(`SELECT 1 FROM users WHERE key = ?`, []driver.Value{parley.NameKey(name)}, &one)
}

// UserBySession implements [parley.Store]. That a session was used is not worth
// refusing it: where that cannot be noted, it is noted another time.
func (s *Store) UserBySession(ctx context.Context, session parley.SessionHash, now time.Time) (parley.User, error) {
	var user parley.User
	var seen int64
	found, err := s.reads.row(ctx, `SELECT u.id, u.name, s.seen FROM sessions s JOIN users u ON u.num = s.user WHERE s.hash = ?`,
		[]any{session[:]}, &user.ID, &user.Name, &seen)
	switch {
	case err != nil:
		return parley.User{}, err
	case !found:
		return parley.User{}, parley.Errorf(parley.CodeUnauthorized, "this session is not known here, or has ended; sign in again")
	}
	if hour := toHour(now); hour > seen {
		err := s.writer.do(ctx, func(c *conn) error {
			_, err := c.exec(`UPDATE sessions SET seen = ? WHERE hash = ? AND seen < ?`, hour, session[:], hour)
			return err
		})
		if err != nil && parley.ErrorCode(err) != parley.CodeUnavailable {
			return parley.User{}, err
		}
	}
	return user, nil
}

func toHour(t time.Time) int64 { return t.Truncate(time.Hour).UnixMilli() }

// userNum returns our number of a user.
func userNum(c *conn, id string) (num int64, found bool, err error) {
	found, err = c.row(`SELECT num FROM users WHERE id = ?`, []driver.Value{id}, &num)
	return num, found, err
}
