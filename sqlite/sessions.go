package sqlite

import (
	"context"
	"time"

	"github.com/seed-4a326f83/parley"
)

// CreateSession implements [parley.Store].
func (s *Store) CreateSession(ctx context.Context, user string, session parley.SessionHash, now time.Time) error {
	return s.writer.do(ctx, func(c *conn) error {
		p, err := selfOf(c, user)
		if err != nil {
			return err
		}
		// Who signs in again has most likely lost the ones before.
		if _, err := c.exec(`DELETE FROM sessions WHERE user = ? AND seen < ?`, p.num, oldest(now)); err != nil {
			return err
		}
		return insertSession(c, p.num, session, now)
	})
}

func insertSession(c *conn, user int64, session parley.SessionHash, now time.Time) error {
	_, err := c.exec(`INSERT INTO sessions (hash, user, created, seen) VALUES (?, ?, ?, ?)`,
		session[:], user, now.UnixMilli(), toHour(now))
	return err
}

// UserBySession implements [parley.Store]. That a session was used is not worth
// refusing it: where that cannot be noted, it is noted another time.
func (s *Store) UserBySession(ctx context.Context, session parley.SessionHash, now time.Time) (parley.Account, error) {
	var a parley.Account
	var seen, used int64
	found, err := s.reads.row(ctx, `SELECT `+accountColumns+`, s.seen FROM sessions s JOIN users u ON u.num = s.user WHERE s.hash = ?`,
		[]any{session[:]}, append(accountScan(&a, &seen), &used)...)
	switch {
	case err != nil:
		return parley.Account{}, err
	case !found || used < oldest(now):
		return parley.Account{}, parley.Errorf(parley.CodeUnauthorized, "this session is not known here, or has ended; sign in again")
	}
	if hour := toHour(now); hour > used {
		err := s.writer.do(ctx, func(c *conn) error {
			_, err := c.exec(`UPDATE sessions SET seen = ? WHERE hash = ? AND seen < ?`, hour, session[:], hour)
			return err
		})
		if err != nil && parley.ErrorCode(err) != parley.CodeUnavailable {
			return parley.Account{}, err
		}
	}
	a.Seen = fromMillis(seen)
	return a, nil
}

// EndSession implements [parley.Store].
func (s *Store) EndSession(ctx context.Context, session parley.SessionHash) error {
	return s.writer.do(ctx, func(c *conn) error {
		_, err := c.exec(`DELETE FROM sessions WHERE hash = ?`, session[:])
		return err
	})
}

// EndSessions implements [parley.Store].
func (s *Store) EndSessions(ctx context.Context, user string, keep *parley.SessionHash) error {
	return s.writer.do(ctx, func(c *conn) error {
		p, err := personOf(c, user)
		if parley.ErrorCode(err) == parley.CodeNotFound {
			return nil // whoever is removed has none
		}
		if err != nil {
			return err
		}
		return endSessions(c, p.num, keep)
	})
}

func endSessions(c *conn, user int64, keep *parley.SessionHash) error {
	kept := []byte{} // no session's
	if keep != nil {
		kept = keep[:]
	}
	_, err := c.exec(`DELETE FROM sessions WHERE user = ? AND hash <> ?`, user, kept)
	return err
}

func toHour(t time.Time) int64 { return t.Truncate(time.Hour).UnixMilli() }

// oldest returns the hour in which a session that is good now was used, at the
// earliest. It is good for up to an hour longer than it need be, never shorter.
func oldest(now time.Time) int64 { return toHour(now.Add(-parley.SessionLife)) }
