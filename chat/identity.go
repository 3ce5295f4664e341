package chat

import (
	"context"
	"strings"
	"time"

	"github.com/seed-4a326f83/parley"
)

// A Caller is somebody who is believed to be who they say.
type Caller struct {
	parley.Account
	// Session is what they proved it with, where that was a session of ours.
	Session *parley.SessionHash
	// Expires is when it ends to be believed; zero: a session, which is ended by
	// hand.
	Expires time.Time
}

// Identify believes a session of ours or, where Config.Verify takes them, a
// token of another system. What it does not believe is CodeUnauthorized.
func (c *Chat) Identify(ctx context.Context, credential string) (Caller, error) {
	if strings.Count(credential, ".") == 2 { // a JWT; our sessions have no dots
		return c.verified(ctx, credential)
	}
	hash := parley.SessionToken(credential).Hash()
	account, err := c.store.UserBySession(ctx, hash, c.now())
	if err == nil && account.Role == parley.Guest && !c.guests {
		err = parley.Errorf(parley.CodeUnauthorized, "guests cannot come in here any more; sign in")
	}
	return Caller{Account: account, Session: &hash}, err
}

// stillIn says why a caller who was believed a moment ago is not any more.
func (c *Chat) stillIn(ctx context.Context, caller Caller) error {
	if caller.Session != nil {
		_, err := c.store.UserBySession(ctx, *caller.Session, c.now())
		return disbelieved(err)
	}
	account, err := c.store.Account(ctx, caller.ID)
	if err == nil && account.Removed {
		err = parley.Errorf(parley.CodeUnauthorized, "this account was removed")
	}
	return disbelieved(err)
}

func (c *Chat) verified(ctx context.Context, token string) (Caller, error) {
	if c.verify == nil {
		return Caller{}, parley.Errorf(parley.CodeUnauthorized, "this server takes no tokens; sign in")
	}
	claims, err := c.verify(ctx, token)
	if err != nil {
		return Caller{}, err
	}
	account, err := c.External(ctx, claims)
	return Caller{Account: account, Expires: claims.Expires}, err
}

// External returns the person of whom another system says so; a new one, where
// nobody has come with it before.
func (c *Chat) External(ctx context.Context, claims parley.Claims) (parley.Account, error) {
	name, err := cleanName(clipName(claims.Name))
	if err != nil {
		if name, err = cleanName(clipName(claims.Subject)); err != nil {
			name = "somebody"
		}
	}
	return c.store.ExternalUser(ctx, claims.Issuer, claims.Subject, parley.User{ID: parley.NewUserID(), Name: name}, c.now())
}

// clipName cuts a name of another system's to what fits here.
func clipName(name string) string {
	if r := []rune(name); len(r) > parley.MaxUserName {
		return string(r[:parley.MaxUserName])
	}
	return name
}

// StartSession signs somebody in: it returns a fresh session.
func (c *Chat) StartSession(ctx context.Context, user string) (parley.SessionToken, error) {
	token := parley.NewSessionToken()
	return token, c.store.CreateSession(ctx, user, token.Hash(), c.now())
}

// SignIn returns who has this name and password. address is where the attempt
// came from: guessing is slowed.
func (c *Chat) SignIn(ctx context.Context, address, name, password string) (parley.Account, error) {
	forgive, err := c.guessing.try(c.now(), address, name)
	if err != nil {
		return parley.Account{}, err
	}
	clean, err := cleanName(name)
	if err != nil {
		clean = name // which nobody has
	}
	account, stored, err := c.store.Password(ctx, clean)
	if err != nil && parley.ErrorCode(err) != parley.CodeUnauthorized {
		forgive()
		return parley.Account{}, err
	}
	right, err := c.passwords.check(ctx, stored, password)
	if err != nil {
		forgive()
		return parley.Account{}, err
	}
	if !right {
		return parley.Account{}, parley.Errorf(parley.CodeUnauthorized, "this name and password do not belong together; check both")
	}
	forgive()
	return account, nil
}

// SignUp makes an account: of whoever was invited, or the first admin where
// ticket is nil.
func (c *Chat) SignUp(ctx context.Context, ticket *parley.SessionToken, name, password string) (parley.Account, error) {
	name, err := cleanName(name)
	if err != nil {
		return parley.Account{}, err
	}
	if err := checkPassword(password, name); err != nil {
		return parley.Account{}, err
	}
	var hash *parley.SessionHash
	if ticket != nil {
		h := ticket.Hash()
		t, err := c.store.Ticket(ctx, h, c.now())
		if err == nil && setsUp(t) {
			err = parley.Errorf(parley.CodeNotFound, "this link makes the first admin; it is no invitation")
		}
		if err != nil { // before the work of hashing
			return parley.Account{}, err
		}
		hash = &h
	}
	stored, err := c.passwords.hash(ctx, password)
	if err != nil {
		return parley.Account{}, err
	}
	user := parley.User{ID: parley.NewUserID(), Name: name}
	if err := c.store.CreateAccount(ctx, user, stored, hash, c.now()); err != nil {
		return parley.Account{}, err
	}
	return c.store.Account(ctx, user.ID)
}

// ResetPassword sets the password of whoever the ticket is for, and signs them
// out everywhere.
func (c *Chat) ResetPassword(ctx context.Context, ticket parley.SessionToken, password string) (parley.Account, error) {
	t, err := c.store.Ticket(ctx, ticket.Hash(), c.now())
	if err == nil && t.Reset == "" {
		err = parley.Errorf(parley.CodeNotFound, "this link is not one for a new password; ask for another one")
	}
	if err != nil {
		return parley.Account{}, err
	}
	account, err := c.store.Account(ctx, t.Reset)
	if err == nil {
		err = checkPassword(password, account.Name)
	}
	if err != nil {
		return parley.Account{}, err
	}
	stored, err := c.passwords.hash(ctx, password)
	if err != nil {
		return parley.Account{}, err
	}
	user, err := c.store.ResetPassword(ctx, ticket.Hash(), stored, c.now())
	if err != nil {
		return parley.Account{}, err
	}
	c.out(ctx, parley.Out{User: user.ID})
	return c.store.Account(ctx, user.ID)
}

// ChangePassword replaces one's own password and signs one out everywhere else.
func (c *Chat) ChangePassword(ctx context.Context, by Caller, address, old, password string) error {
	if err := checkPassword(password, by.Name); err != nil {
		return err
	}
	if _, err := c.SignIn(ctx, address, by.Name, old); err != nil {
		if parley.ErrorCode(err) == parley.CodeUnauthorized {
			err = parley.Errorf(parley.CodeInvalid, "the old password is another one; check it")
		}
		return err
	}
	stored, err := c.passwords.hash(ctx, password)
	if err != nil {
		return err
	}
	if err := c.store.SetPassword(ctx, by.ID, stored, by.Session); err != nil {
		return err
	}
	c.out(ctx, parley.Out{User: by.ID, Except: by.Session})
	return nil
}

// SignOut ends the session that by came with, or all of theirs.
func (c *Chat) SignOut(ctx context.Context, by Caller, everywhere bool) error {
	if everywhere {
		if err := c.store.EndSessions(ctx, by.ID, nil); err != nil {
			return err
		}
		c.out(ctx, parley.Out{User: by.ID})
		return nil
	}
	if by.Session == nil {
		return nil // a token ends by itself
	}
	if err := c.store.EndSession(ctx, *by.Session); err != nil {
		return err
	}
	c.out(ctx, parley.Out{User: by.ID, Session: by.Session})
	return nil
}

// out has connections ended, on all nodes.
func (c *Chat) out(ctx context.Context, o parley.Out) { c.tell(ctx, parley.News{Out: &o}) }
