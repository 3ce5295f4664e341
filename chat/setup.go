package chat

import (
	"context"
	"time"

	"github.com/seed-4a326f83/parley"
)

// setupLife is for how long a link that makes the first admin is good: while the
// server runs.
const setupLife = 10 * 365 * 24 * time.Hour

// SetupTicket makes a ticket with which whoever runs the server becomes the first
// admin, or returns "" where there is one. It is good on every node.
func SetupTicket(ctx context.Context, people parley.People) (parley.SessionToken, error) {
	if has, err := people.HasAdmin(ctx); err != nil || has {
		return "", err
	}
	secret := parley.NewSessionToken()
	return secret, people.CreateTicket(ctx, parley.Ticket{
		Hash: secret.Hash(), ID: parley.NewRoomID(), Uses: 1, Expires: time.Now().Add(setupLife).UTC().Truncate(time.Millisecond),
	})
}

// setsUp reports whether a ticket makes the first admin.
func setsUp(t parley.Ticket) bool { return t.By == "" && t.Reset == "" }

// SetUp makes the first admin of whoever has a [SetupTicket]. All of them end with
// it.
func (c *Chat) SetUp(ctx context.Context, secret parley.SessionToken, name, password string) (parley.Account, error) {
	t, err := c.store.Ticket(ctx, secret.Hash(), c.now())
	if parley.ErrorCode(err) == parley.CodeNotFound || err == nil && !setsUp(t) {
		err = parley.Errorf(parley.CodeNotFound, "this link is not good, or not any more; the server prints it when it starts and there is no admin")
	}
	if err != nil {
		return parley.Account{}, err
	}
	a, err := c.SignUp(ctx, nil, name, password)
	if err != nil {
		return parley.Account{}, err
	}
	// That there is an admin makes them worthless; one that stays is only untidy.
	all, err := c.store.Tickets(ctx, c.now())
	for _, t := range all {
		if err == nil && setsUp(t) {
			err = c.store.DeleteTicket(ctx, t.ID)
		}
	}
	if err != nil {
		c.log.Warn("links to become the first admin could not be put away", "error", err)
	}
	return a, nil
}

// HasAdmin reports whether there is an admin.
func (c *Chat) HasAdmin(ctx context.Context) (bool, error) {
	if c.hasAdmin.Load() { // the last one cannot be removed
		return true, nil
	}
	has, err := c.store.HasAdmin(ctx)
	if has {
		c.hasAdmin.Store(true)
	}
	return has, err
}
