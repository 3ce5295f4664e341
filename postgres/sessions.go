package postgres

import (
	"context"
	"time"

	"github.com/seed-4a326f83/parley"
)

// CreateSession implements [parley.Store].
func (s *Store) CreateSession(ctx context.Context, user string, session parley.SessionHash, now time.Time) error {
	return s.write(ctx, func(t *tx) error {
		p, err := selfOf(t, user)
		if err != nil {
			return err
		}
		// Who signs in again has most likely lost the ones before.
		if _, err := t.exec(`DELETE FROM sessions WHERE person = $1 AND seen < $2`, p.num, oldest(now)); err != nil {
			return err
		}
		return insertSession(t, p.num, session, now)
	})
}

func insertSession(t *tx, user int64, session parley.SessionHash, now time.Time) error {
	_, err := t.exec(`INSERT INTO sessions (hash, person, created, seen) VALUES ($1, $2, $3, $4)`,
		session[:], user, now.UnixMilli(), toHour(now))
	return err
}

// UserBySession implements [parley.Store]. That a session was used is not worth
// refusing it: where that cannot be noted, it is noted another time.
func (s *Store) UserBySession(ctx context.Context, session parley.SessionHash, now time.Time) (parley.Account, error) {
	var a parley.Account
	var seen, used int64
	found, err := s.row(ctx, `SELECT `+accountColumns+`, s.seen FROM sessions s JOIN users u ON u.num = s.person WHERE s.hash = $1`,
		[]any{session[:]}, append(accountScan(&a, &seen), &used)...)
	switch {
	case err != nil:
		return parley.Account{}, err
	case !found || used < oldest(now):
		return parley.Account{}, parley.Errorf(parley.CodeUnauthorized, "this session is not known here, or has ended; sign in again")
	}
	if hour := toHour(now); hour > used {
		err := s.write(ctx, func(t *tx) error {
			_, err := t.exec(`UPDATE sessions SET seen = $1 WHERE hash = $2 AND seen < $3`, hour, session[:], hour)
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
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec(`DELETE FROM sessions WHERE hash = $1`, session[:])
		return err
	})
}

// EndSessions implements [parley.Store].
func (s *Store) EndSessions(ctx context.Context, user string, keep *parley.SessionHash) error {
	return s.write(ctx, func(t *tx) error {
		p, err := personOf(t, user)
		if parley.ErrorCode(err) == parley.CodeNotFound {
			return nil // whoever is removed has none
		}
		if err != nil {
			return err
		}
		return endSessions(t, p.num, keep)
	})
}

func endSessions(t *tx, user int64, keep *parley.SessionHash) error {
	kept := []byte{} // no session's
	if keep != nil {
		kept = keep[:]
	}
	_, err := t.exec(`DELETE FROM sessions WHERE person = $1 AND hash <> $2`, user, kept)
	return err
}

func toHour(t time.Time) int64 { return t.Truncate(time.Hour).UnixMilli() }

// oldest returns the hour in which a session that is good now was used, at the
// earliest. It is good for up to an hour longer than it need be, never shorter.
func oldest(now time.Time) int64 { return toHour(now.Add(-parley.SessionLife)) }
