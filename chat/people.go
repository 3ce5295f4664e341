package chat

import (
	"context"
	"time"

	"github.com/seed-4a326f83/parley"
)

const (
	maxUses     = 1000
	inviteDays  = 7
	maxDays     = 90
	resetLife   = 24 * time.Hour
	day         = 24 * time.Hour
	listDefault = 20
	listMax     = 100
)

// A Person is an account as others see it.
type Person struct {
	parley.Account
	Online bool `json:"online"`
}

// People returns those whose name, or a word in it, begins with prefix.
func (c *Chat) People(ctx context.Context, prefix string, limit int) ([]Person, error) {
	accounts, err := c.store.FindPeople(ctx, prefix, listLimit(limit))
	people := make([]Person, len(accounts))
	for i, a := range accounts {
		people[i] = Person{a, c.hub.Online(a.ID)}
	}
	return people, err
}

// listLimit is how many a list has where so many were asked for; 0: the client
// did not say.
func listLimit(limit int) int {
	if limit <= 0 {
		return listDefault
	}
	return min(limit, listMax)
}

// checkAdmin refuses who is no admin of the installation.
func checkAdmin(by Caller) error {
	if by.Role != parley.Admin {
		return parley.Errorf(parley.CodeNotFound, "there is nothing here for you; an admin can do that")
	}
	return nil
}

// SetRole makes a person an admin, or ordinary again.
func (c *Chat) SetRole(ctx context.Context, by Caller, user string, role parley.Role) (parley.Account, error) {
	if err := checkAdmin(by); err != nil {
		return parley.Account{}, err
	}
	if role != parley.Admin && role != parley.Ordinary {
		return parley.Account{}, parley.Errorf(parley.CodeInvalid, `a role is "admin" or ""`)
	}
	if err := c.store.SetRole(ctx, user, role); err != nil {
		return parley.Account{}, err
	}
	return c.store.Account(ctx, user)
}

// Remove puts a person out, at once and for good.
func (c *Chat) Remove(ctx context.Context, by Caller, user string) error {
	if err := checkAdmin(by); err != nil {
		return err
	}
	if err := c.store.RemoveUser(ctx, user, c.now()); err != nil {
		return err
	}
	c.out(ctx, parley.Out{User: user})
	return nil
}

// Invite makes a ticket for new people; 0 stands for what is usual.
func (c *Chat) Invite(ctx context.Context, by Caller, uses, days int) (parley.SessionToken, parley.Ticket, error) {
	if err := checkAdmin(by); err != nil {
		return "", parley.Ticket{}, err
	}
	if uses == 0 {
		uses = 1
	}
	if days == 0 {
		days = inviteDays
	}
	if uses < 0 || uses > maxUses || days < 0 || days > maxDays {
		return "", parley.Ticket{}, parley.Errorf(parley.CodeInvalid, "an invite has 1 to %d uses within 1 to %d days", maxUses, maxDays)
	}
	return c.ticket(ctx, parley.Ticket{By: by.ID, Uses: uses, Expires: c.now().Add(time.Duration(days) * day)})
}

// Reset makes a ticket with which user sets a new password.
func (c *Chat) Reset(ctx context.Context, by Caller, user string) (parley.SessionToken, parley.Ticket, error) {
	if err := checkAdmin(by); err != nil {
		return "", parley.Ticket{}, err
	}
	account, err := c.store.Account(ctx, user)
	switch {
	case err != nil:
		return "", parley.Ticket{}, err
	case account.Removed || !account.HasPassword:
		return "", parley.Ticket{}, parley.Errorf(parley.CodeInvalid, "%s does not sign in with a password here", account.Name)
	}
	return c.ticket(ctx, parley.Ticket{By: by.ID, Reset: user, Uses: 1, Expires: c.now().Add(resetLife)})
}

func (c *Chat) ticket(ctx context.Context, t parley.Ticket) (parley.SessionToken, parley.Ticket, error) {
	secret := parley.NewSessionToken()
	t.Hash, t.ID, t.Expires = secret.Hash(), parley.NewRoomID(), t.Expires.UTC().Truncate(time.Millisecond)
	return secret, t, c.store.CreateTicket(ctx, t)
}

// Ticket returns what a ticket is good for, and the names that belong to it.
func (c *Chat) Ticket(ctx context.Context, secret parley.SessionToken) (t parley.Ticket, by, of parley.User, err error) {
	if t, err = c.store.Ticket(ctx, secret.Hash(), c.now()); err != nil {
		return t, by, of, err
	}
	maker, err := c.store.Account(ctx, t.By)
	if err == nil && t.Reset != "" {
		var a parley.Account
		a, err = c.store.Account(ctx, t.Reset)
		of = a.User
	}
	return t, maker.User, of, err
}

// Invites lists the invites that are good.
func (c *Chat) Invites(ctx context.Context, by Caller) ([]parley.Ticket, error) {
	if err := checkAdmin(by); err != nil {
		return nil, err
	}
	all, err := c.store.Tickets(ctx, c.now())
	invites := []parley.Ticket{}
	for _, t := range all {
		if t.Reset == "" {
			invites = append(invites, t)
		}
	}
	return invites, err
}

// Uninvite revokes an invite.
func (c *Chat) Uninvite(ctx context.Context, by Caller, id string) error {
	if err := checkAdmin(by); err != nil {
		return err
	}
	return c.store.DeleteTicket(ctx, id)
}
