package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/internal/words"
)

// accountColumns are those of a person (u) that scanAccount reads.
const accountColumns = `u.id, u.name, u.role, u.seen, u.removed IS NOT NULL, u.password IS NOT NULL`

// accountScan returns where accountColumns go. The time is to be set from seen
// after.
func accountScan(a *parley.Account, seen *int64) []any {
	return []any{&a.ID, &a.Name, &a.Role, seen, &a.Removed, &a.HasPassword}
}

// CreateGuest implements [parley.Store].
func (s *Store) CreateGuest(ctx context.Context, user parley.User, session parley.SessionHash, now time.Time) (parley.User, error) {
	guest := user
	err := s.writer.do(ctx, func(c *conn) error {
		var err error
		if guest.Name, err = freeName(c, user.Name); err != nil {
			return err
		}
		num, err := insertUser(c, guest, parley.Guest, nil, now)
		if err != nil {
			return err
		}
		return insertSession(c, num, session, now)
	})
	if err != nil {
		return parley.User{}, err
	}
	return guest, nil
}

// insertUser stores a new user, whose name is free, and returns their number;
// password is a string, or nil.
func insertUser(c *conn, user parley.User, role parley.Role, password driver.Value, now time.Time) (int64, error) {
	if _, err := c.exec(`INSERT INTO users (id, name, key, role, password, created, seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)`,
		user.ID, user.Name, parley.NameKey(user.Name), string(role), password, now.UnixMilli()); err != nil {
		return 0, err
	}
	var num int64
	if _, err := c.row(`SELECT num FROM users WHERE id = ?`, []driver.Value{user.ID}, &num); err != nil {
		return 0, err
	}
	return num, spell(c, spellUser, num, user.Name)
}

// CreateAccount implements [parley.Store].
func (s *Store) CreateAccount(ctx context.Context, user parley.User, password string, ticket *parley.SessionHash, now time.Time) error {
	return s.writer.do(ctx, func(c *conn) error {
		role, invite := parley.Ordinary, ticketRow{}
		if ticket != nil {
			var err error
			if invite, err = goodTicket(c, *ticket, now); err != nil {
				return err
			}
			if invite.reset != 0 {
				return errTicket()
			}
		} else {
			role = parley.Admin
			if there, err := adminBeside(c, 0); err != nil {
				return err
			} else if there {
				return parley.Errorf(parley.CodeConflict, "there is an admin already; ask them for an invite link")
			}
		}
		if taken, err := nameTaken(c, user.Name); err != nil {
			return err
		} else if taken {
			return parley.Errorf(parley.CodeConflict, "the name %q is in use; choose another", user.Name)
		}
		if _, err := insertUser(c, user, role, password, now); err != nil {
			return err
		}
		return invite.spend(c, now)
	})
}

// HasAdmin implements [parley.Store].
func (s *Store) HasAdmin(ctx context.Context) (bool, error) {
	var one int64
	return s.reads.row(ctx, `SELECT 1 FROM users WHERE role = 'admin'`, nil, &one)
}

// adminBeside reports whether the installation has an admin other than the
// user of this number.
func adminBeside(c *conn, user int64) (bool, error) {
	var one int64
	return c.row(`SELECT 1 FROM users WHERE role = 'admin' AND num <> ?`, []driver.Value{user}, &one)
}

func errLastAdmin() error {
	return parley.Errorf(parley.CodeConflict, "this is the last admin, and there must be one; make somebody else an admin first")
}

// ExternalUser implements [parley.Store].
func (s *Store) ExternalUser(ctx context.Context, issuer, subject string, user parley.User, now time.Time) (parley.Account, error) {
	const query = `SELECT ` + accountColumns + ` FROM identities i JOIN users u ON u.num = i.user WHERE i.issuer = ? AND i.subject = ?`
	var a parley.Account
	var seen int64
	found, err := s.reads.row(ctx, query, []any{issuer, subject}, accountScan(&a, &seen)...)
	if err == nil && !found {
		err = s.writer.do(ctx, func(c *conn) error {
			found, err := c.row(query, []driver.Value{issuer, subject}, accountScan(&a, &seen)...)
			if err != nil || found {
				return err
			}
			a = parley.Account{User: user}
			seen = now.UnixMilli()
			if a.Name, err = freeName(c, user.Name); err != nil {
				return err
			}
			num, err := insertUser(c, a.User, parley.Ordinary, nil, now)
			if err != nil {
				return err
			}
			_, err = c.exec(`INSERT INTO identities (issuer, subject, user) VALUES (?, ?, ?)`, issuer, subject, num)
			return err
		})
	}
	switch {
	case err != nil:
		return parley.Account{}, err
	case a.Removed:
		return parley.Account{}, parley.Errorf(parley.CodeUnauthorized, "this account was removed; ask an admin for another")
	}
	a.Seen = fromMillis(seen)
	return a, nil
}

// Account implements [parley.Store].
func (s *Store) Account(ctx context.Context, user string) (parley.Account, error) {
	var a parley.Account
	var seen int64
	found, err := s.reads.row(ctx, `SELECT `+accountColumns+` FROM users u WHERE u.id = ?`, []any{user}, accountScan(&a, &seen)...)
	switch {
	case err != nil:
		return parley.Account{}, err
	case !found:
		return parley.Account{}, parley.ErrNotFound()
	}
	a.Seen = fromMillis(seen)
	return a, nil
}

// Password implements [parley.Store].
func (s *Store) Password(ctx context.Context, name string) (parley.Account, string, error) {
	var a parley.Account
	var seen int64
	var password string
	found, err := s.reads.row(ctx, `SELECT `+accountColumns+`, u.password FROM users u
		WHERE u.key = ? AND u.removed IS NULL AND u.password IS NOT NULL`,
		[]any{parley.NameKey(name)}, append(accountScan(&a, &seen), &password)...)
	switch {
	case err != nil:
		return parley.Account{}, "", err
	case !found:
		return parley.Account{}, "", parley.Errorf(parley.CodeUnauthorized, "the name or the password is wrong; check both")
	}
	a.Seen = fromMillis(seen)
	return a, password, nil
}

// SetPassword implements [parley.Store].
func (s *Store) SetPassword(ctx context.Context, user, password string, keep *parley.SessionHash) error {
	return s.writer.do(ctx, func(c *conn) error {
		p, err := personOf(c, user)
		switch {
		case err != nil:
			return err
		case p.role == parley.Guest:
			return errGuestPassword()
		}
		return setPassword(c, p.num, password, keep)
	})
}

// setPassword replaces a password, and ends what the one before let in.
func setPassword(c *conn, user int64, password string, keep *parley.SessionHash) error {
	if _, err := c.exec(`UPDATE users SET password = ?2 WHERE num = ?1`, user, password); err != nil {
		return err
	}
	if _, err := c.exec(`DELETE FROM tickets WHERE reset = ?`, user); err != nil {
		return err
	}
	return endSessions(c, user, keep)
}

func errGuestPassword() error {
	return parley.Errorf(parley.CodeInvalid, "a guest has no password; make an account for them")
}

// ResetPassword implements [parley.Store].
func (s *Store) ResetPassword(ctx context.Context, ticket parley.SessionHash, password string, now time.Time) (parley.User, error) {
	var user parley.User
	err := s.writer.do(ctx, func(c *conn) error {
		t, err := goodTicket(c, ticket, now)
		if err != nil {
			return err
		}
		if t.reset == 0 {
			return errTicket()
		}
		if _, err := c.row(`SELECT id, name FROM users WHERE num = ?`, []driver.Value{t.reset}, &user.ID, &user.Name); err != nil {
			return err
		}
		return setPassword(c, t.reset, password, nil)
	})
	if err != nil {
		return parley.User{}, err
	}
	return user, nil
}

// A person is a user who is there, in a transaction.
type person struct {
	num  int64
	role parley.Role
}

// personOf returns a user who is not removed, or CodeNotFound.
func personOf(c *conn, id string) (person, error) {
	var p person
	found, err := c.row(`SELECT num, role FROM users WHERE id = ? AND removed IS NULL`, []driver.Value{id}, &p.num, &p.role)
	if err == nil && !found {
		err = parley.Errorf(parley.CodeNotFound, "there is no such person, or not any more; check who is meant")
	}
	return p, err
}

// selfOf is personOf for the one who asks: CodeUnauthorized.
func selfOf(c *conn, id string) (person, error) {
	p, err := personOf(c, id)
	if parley.ErrorCode(err) == parley.CodeNotFound {
		err = parley.Errorf(parley.CodeUnauthorized, "this account is not known here, or not any more; sign in again")
	}
	return p, err
}

// SetRole implements [parley.Store].
func (s *Store) SetRole(ctx context.Context, user string, role parley.Role) error {
	return s.writer.do(ctx, func(c *conn) error {
		p, err := personOf(c, user)
		switch {
		case err != nil:
			return err
		case role != parley.Admin && role != parley.Ordinary:
			return parley.Errorf(parley.CodeInvalid, "there is no role %q; make them %q, or %q for none", role, parley.Admin, parley.Ordinary)
		case p.role == parley.Guest:
			return parley.Errorf(parley.CodeInvalid, "a guest has no role; make an account for them")
		case p.role == role:
			return nil
		}
		if p.role == parley.Admin {
			if err := p.resign(c); err != nil {
				return err
			}
		}
		_, err = c.exec(`UPDATE users SET role = ?2 WHERE num = ?1`, p.num, string(role))
		return err
	})
}

// resign takes from an admin what they could leave behind to come back by.
func (p *person) resign(c *conn) error {
	if there, err := adminBeside(c, p.num); err != nil {
		return err
	} else if !there {
		return errLastAdmin()
	}
	_, err := c.exec(`DELETE FROM tickets WHERE by = ?`, p.num)
	return err
}

// RemoveUser implements [parley.Store].
func (s *Store) RemoveUser(ctx context.Context, user string, now time.Time) error {
	return s.writer.do(ctx, func(c *conn) error {
		var p person
		var removed bool
		found, err := c.row(`SELECT num, role, removed IS NOT NULL FROM users WHERE id = ?`, []driver.Value{user}, &p.num, &p.role, &removed)
		switch {
		case err != nil:
			return err
		case !found:
			return parley.Errorf(parley.CodeNotFound, "there is no such person; check who is meant")
		case removed:
			return nil
		}
		if p.role == parley.Admin {
			if err := p.resign(c); err != nil {
				return err
			}
			p.role = parley.Ordinary
		}
		clear(c.places)
		if err := succeed(c, p.num, 0); err != nil {
			return err
		}
		if _, err := c.exec(`UPDATE users SET removed = ?2, role = ?3, password = NULL WHERE num = ?1`, p.num, now.UnixMilli(), string(p.role)); err != nil {
			return err
		}
		for _, query := range []string{
			`DELETE FROM sessions WHERE user = ?`,
			`DELETE FROM tickets WHERE by = ?`,
			`DELETE FROM tickets WHERE reset = ?`,
			`DELETE FROM members WHERE user = ?`,
			`DELETE FROM mentions WHERE user = ?`,
		} {
			if _, err := c.exec(query, p.num); err != nil {
				return err
			}
		}
		return nil
	})
}

// FindPeople implements [parley.Store].
func (s *Store) FindPeople(ctx context.Context, prefix string, limit int) ([]parley.Account, error) {
	var list []parley.Account
	got := map[string]bool{}
	begin := words.Plain(prefix)
	for later := range 2 {
		if limit <= len(list) {
			break
		}
		if err := s.reads.each(ctx, `SELECT `+accountColumns+` FROM user_words w JOIN users u ON u.num = w.user
			WHERE w.later = ? AND w.part BETWEEN ? AND ? AND u.removed IS NULL ORDER BY w.part, w.user`,
			[]any{later, begin, words.UpTo(begin)}, func(rows *sql.Rows) (bool, error) {
				var a parley.Account
				var seen int64
				if err := rows.Scan(accountScan(&a, &seen)...); err != nil {
					return false, err
				}
				if !got[a.ID] {
					got[a.ID] = true
					a.Seen = fromMillis(seen)
					list = append(list, a)
				}
				return len(list) < limit, nil
			}); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// SetSeen implements [parley.Store].
func (s *Store) SetSeen(ctx context.Context, seen map[string]time.Time) error {
	if len(seen) == 0 {
		return nil
	}
	return s.writer.do(ctx, func(c *conn) error {
		for user, at := range seen {
			if _, err := c.exec(`UPDATE users SET seen = ?2 WHERE id = ?1 AND seen < ?2`, user, at.UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
}
