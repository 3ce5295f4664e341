package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

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
	err := s.write(ctx, func(t *tx) error {
		var err error
		if guest.Name, err = freeName(t, user.Name); err != nil {
			return err
		}
		num, err := insertUser(t, guest, parley.Guest, nil, now)
		if err != nil {
			return err
		}
		return insertSession(t, num, session, now)
	})
	if err != nil {
		return parley.User{}, err
	}
	return guest, nil
}

// insertUser stores a new user, whose name is free, and returns their number;
// password is a string, or nil.
func insertUser(t *tx, user parley.User, role parley.Role, password any, now time.Time) (num int64, err error) {
	if _, err := t.row(`INSERT INTO users (id, name, key, role, password, created, seen) VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING num`,
		[]any{user.ID, user.Name, parley.NameKey(user.Name), string(role), password, now.UnixMilli()}, &num); err != nil {
		return 0, err
	}
	return num, spellName(t, spellUser, num, user.Name)
}

// CreateAccount implements [parley.Store].
func (s *Store) CreateAccount(ctx context.Context, user parley.User, password string, ticket *parley.SessionHash, now time.Time) error {
	return s.write(ctx, func(t *tx) error {
		role, invite := parley.Ordinary, ticketRow{}
		if ticket != nil {
			var err error
			if invite, err = goodTicket(t, *ticket, now); err != nil {
				return err
			}
			if invite.reset != 0 {
				return errTicket()
			}
		} else {
			role = parley.Admin
			if err := lockAdminship(t); err != nil {
				return err
			}
			if there, err := adminBeside(t, 0); err != nil {
				return err
			} else if there {
				return parley.Errorf(parley.CodeConflict, "there is an admin already; ask them for an invite link")
			}
		}
		if taken, err := nameTaken(t, user.Name); err != nil {
			return err
		} else if taken {
			return parley.Errorf(parley.CodeConflict, "the name %q is in use; choose another", user.Name)
		}
		if _, err := insertUser(t, user, role, password, now); err != nil {
			return err
		}
		return invite.spend(t, now)
	})
}

// HasAdmin implements [parley.Store].
func (s *Store) HasAdmin(ctx context.Context) (bool, error) {
	var one int64
	return s.row(ctx, `SELECT 1 FROM users WHERE role = 'admin' LIMIT 1`, nil, &one)
}

// lockAdminship keeps others from changing who is an admin of the installation
// until the end of the transaction. It comes before all other locks.
func lockAdminship(t *tx) error {
	return t.lock("admins")
}

// adminBeside reports whether the installation has an admin other than the
// user of this number.
func adminBeside(t *tx, user int64) (bool, error) {
	var one int64
	return t.row(`SELECT 1 FROM users WHERE role = 'admin' AND num <> $1 LIMIT 1`, []any{user}, &one)
}

func errLastAdmin() error {
	return parley.Errorf(parley.CodeConflict, "this is the last admin, and there must be one; make somebody else an admin first")
}

// ExternalUser implements [parley.Store].
func (s *Store) ExternalUser(ctx context.Context, issuer, subject string, user parley.User, now time.Time) (parley.Account, error) {
	const query = `SELECT ` + accountColumns + ` FROM identities i JOIN users u ON u.num = i.person WHERE i.issuer = $1 AND i.subject = $2`
	var a parley.Account
	var seen int64
	found, err := s.row(ctx, query, []any{issuer, subject}, accountScan(&a, &seen)...)
	if err == nil && !found {
		err = s.write(ctx, func(t *tx) error {
			found, err := t.row(query, []any{issuer, subject}, accountScan(&a, &seen)...)
			if err != nil || found {
				return err
			}
			a = parley.Account{User: user}
			seen = now.UnixMilli()
			if a.Name, err = freeName(t, user.Name); err != nil {
				return err
			}
			num, err := insertUser(t, a.User, parley.Ordinary, nil, now)
			if err != nil {
				return err
			}
			_, err = t.exec(`INSERT INTO identities (issuer, subject, person) VALUES ($1, $2, $3)`, issuer, subject, num)
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
	found, err := s.row(ctx, `SELECT `+accountColumns+` FROM users u WHERE u.id = $1`, []any{user}, accountScan(&a, &seen)...)
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
	found, err := s.row(ctx, `SELECT `+accountColumns+`, u.password FROM users u
		WHERE u.key = $1 AND u.removed IS NULL AND u.password IS NOT NULL`,
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
	return s.write(ctx, func(t *tx) error {
		p, err := changePerson(t, user)
		switch {
		case err != nil:
			return err
		case p.role == parley.Guest:
			return errGuestPassword()
		}
		return setPassword(t, p.num, password, keep)
	})
}

// setPassword replaces a password, and ends what the one before let in.
func setPassword(t *tx, user int64, password string, keep *parley.SessionHash) error {
	if _, err := t.exec(`UPDATE users SET password = $2 WHERE num = $1`, user, password); err != nil {
		return err
	}
	if _, err := t.exec(`DELETE FROM tickets WHERE reset = $1`, user); err != nil {
		return err
	}
	return endSessions(t, user, keep)
}

func errGuestPassword() error {
	return parley.Errorf(parley.CodeInvalid, "a guest has no password; make an account for them")
}

// ResetPassword implements [parley.Store].
func (s *Store) ResetPassword(ctx context.Context, ticket parley.SessionHash, password string, now time.Time) (parley.User, error) {
	var user parley.User
	err := s.write(ctx, func(t *tx) error {
		// Users are locked before tickets.
		var num int64
		if found, err := t.row(`SELECT u.num, u.id, u.name FROM tickets t JOIN users u ON u.num = t.reset WHERE t.hash = $1 FOR NO KEY UPDATE OF u`,
			[]any{ticket[:]}, &num, &user.ID, &user.Name); err != nil {
			return err
		} else if !found {
			return errTicket()
		}
		if _, err := goodTicket(t, ticket, now); err != nil {
			return err
		}
		return setPassword(t, num, password, nil)
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

const personQuery = `SELECT num, role FROM users WHERE id = $1 AND removed IS NULL `

// personOf returns a user who is not removed, or CodeNotFound, and keeps them so
// until the end of the transaction.
func personOf(t *tx, id string) (person, error) { return personBy(t, personQuery+`FOR SHARE`, id) }

// changePerson is personOf for a transaction that changes the person.
func changePerson(t *tx, id string) (person, error) {
	return personBy(t, personQuery+`FOR NO KEY UPDATE`, id)
}

func personBy(t *tx, query, id string) (person, error) {
	var p person
	found, err := t.row(query, []any{id}, &p.num, &p.role)
	if err == nil && !found {
		err = parley.Errorf(parley.CodeNotFound, "there is no such person, or not any more; check who is meant")
	}
	return p, err
}

// lockPeople is for a transaction that is about several, before it asks
// personOf for each.
func lockPeople(t *tx, ids ...string) error {
	_, err := t.exec(`SELECT FROM users WHERE id = ANY ($1) ORDER BY num FOR SHARE`, ids)
	return err
}

// selfOf is personOf for the one who asks: CodeUnauthorized.
func selfOf(t *tx, id string) (person, error) {
	p, err := personOf(t, id)
	if parley.ErrorCode(err) == parley.CodeNotFound {
		err = parley.Errorf(parley.CodeUnauthorized, "this account is not known here, or not any more; sign in again")
	}
	return p, err
}

// SetRole implements [parley.Store].
func (s *Store) SetRole(ctx context.Context, user string, role parley.Role) error {
	return s.write(ctx, func(t *tx) error {
		if err := lockAdminship(t); err != nil {
			return err
		}
		p, err := changePerson(t, user)
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
			if err := p.resign(t); err != nil {
				return err
			}
		}
		_, err = t.exec(`UPDATE users SET role = $2 WHERE num = $1`, p.num, string(role))
		return err
	})
}

// resign takes from an admin what they could leave behind to come back by.
func (p *person) resign(t *tx) error {
	if there, err := adminBeside(t, p.num); err != nil {
		return err
	} else if !there {
		return errLastAdmin()
	}
	_, err := t.exec(`DELETE FROM tickets WHERE by = $1`, p.num)
	return err
}

// RemoveUser implements [parley.Store].
func (s *Store) RemoveUser(ctx context.Context, user string, now time.Time) error {
	return s.write(ctx, func(t *tx) error {
		if err := lockAdminship(t); err != nil {
			return err
		}
		var p person
		var removed bool
		found, err := t.row(`SELECT num, role, removed IS NOT NULL FROM users WHERE id = $1 FOR NO KEY UPDATE`, []any{user}, &p.num, &p.role, &removed)
		switch {
		case err != nil:
			return err
		case !found:
			return parley.Errorf(parley.CodeNotFound, "there is no such person; check who is meant")
		case removed:
			return nil
		}
		if p.role == parley.Admin {
			if err := p.resign(t); err != nil {
				return err
			}
			p.role = parley.Ordinary
		}
		if _, err := t.exec(`SELECT FROM rooms WHERE num IN (SELECT room FROM members WHERE person = $1) ORDER BY num FOR NO KEY UPDATE`, p.num); err != nil {
			return err
		}
		if err := succeed(t, p.num, 0); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE users SET removed = $2, role = $3, password = NULL WHERE num = $1`, p.num, now.UnixMilli(), string(p.role)); err != nil {
			return err
		}
		for _, query := range []string{
			`DELETE FROM sessions WHERE person = $1`,
			`DELETE FROM tickets WHERE by = $1`,
			`DELETE FROM tickets WHERE reset = $1`,
			`DELETE FROM members WHERE person = $1`,
			`DELETE FROM mentions WHERE person = $1`,
		} {
			if _, err := t.exec(query, p.num); err != nil {
				return err
			}
		}
		return nil
	})
}

// FindPeople implements [parley.Store].
func (s *Store) FindPeople(ctx context.Context, prefix string, limit int) ([]parley.Account, error) {
	var list []parley.Account
	begin := words.Plain(prefix)
	for later := range 2 {
		if limit <= len(list) {
			break
		}
		if err := s.each(ctx, `SELECT `+accountColumns+` FROM user_words w JOIN users u ON u.num = w.person
			WHERE w.later = $1 AND w.part BETWEEN $2 AND $3 AND u.removed IS NULL
			AND NOT EXISTS (SELECT 1 FROM user_words o WHERE o.person = w.person AND o.part BETWEEN $2 AND $3 AND (o.later, o.part) < (w.later, w.part))
			ORDER BY w.part, w.person LIMIT $4`,
			[]any{later, begin, words.UpTo(begin), limit - len(list)}, func(rows pgx.Rows) (bool, error) {
				var a parley.Account
				var seen int64
				err := rows.Scan(accountScan(&a, &seen)...)
				a.Seen = fromMillis(seen)
				list = append(list, a)
				return true, err
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
	users, times := make([]string, 0, len(seen)), make([]int64, 0, len(seen))
	for user, at := range seen {
		users, times = append(users, user), append(times, at.UnixMilli())
	}
	return s.write(ctx, func(t *tx) error {
		if _, err := t.exec(`SELECT FROM users WHERE id = ANY ($1) ORDER BY num FOR NO KEY UPDATE`, users); err != nil {
			return err
		}
		_, err := t.exec(`UPDATE users u SET seen = v.seen FROM unnest($1::text[], $2::bigint[]) v (id, seen) WHERE u.id = v.id AND u.seen < v.seen`, users, times)
		return err
	})
}
