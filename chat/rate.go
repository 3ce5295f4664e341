package chat

import (
	"slices"
	"time"

	"github.com/seed-4a326f83/parley"
)

// floodTime is how long a connection may go on above its rate, without ever
// waiting as it is told to, before it is ended.
const floodTime = 10 * time.Second

// A rate is how often something may be done.
type rate struct {
	every time.Duration // one, in the long run; 0: no limit
	burst int           // at once
}

// newRate returns a rate; 0 a second means no limit.
func newRate(perSecond float64, burst int) rate {
	if perSecond == 0 {
		return rate{}
	}
	return rate{time.Duration(float64(time.Second) / perSecond), burst}
}

// A bucket is when one who did something may do as much as ever again, since the
// beginning of the chat (the generic cell rate algorithm, ITU-T I.371). A new
// one may.
type bucket time.Duration

// An action is what has a rate.
type action int

const (
	publishing action = iota
	signalling
	ofConnections // that many actions have a rate of each connection, too

	joining action = iota - 1
	actions
)

// An account is what a user did of late, on all connections.
type account [actions]bucket

// accountTime is how often accounts are looked through for those that say
// nothing any more.
const accountTime = 5 * time.Second

// take takes one of an action, or none and says for how long to wait.
func (s *Session) take(a action, now time.Time) (wait time.Duration) {
	c := s.chat
	at := now.Sub(c.began)
	c.mu.Lock()
	defer c.mu.Unlock()
	ofUser := &c.accountLocked(s.hub.User().ID)[a]
	wait = c.userRates[a].wait(at, *ofUser)
	if a < ofConnections {
		wait = max(wait, c.rates[a].wait(at, s.taken[a]))
	}
	if wait > 0 {
		return wait
	}
	*ofUser = c.userRates[a].after(at, *ofUser)
	if a < ofConnections {
		s.taken[a] = c.rates[a].after(at, s.taken[a])
	}
	return 0
}

// mayJoin counts a room that a person makes among their first joins, or says how
// long to wait.
func (c *Chat) mayJoin(user string) time.Duration {
	at := c.now().Sub(c.began)
	c.mu.Lock()
	defer c.mu.Unlock()
	taken, rate := &c.accountLocked(user)[joining], c.userRates[joining]
	if wait := rate.wait(at, *taken); wait > 0 {
		return wait
	}
	*taken = rate.after(at, *taken)
	return 0
}

// wait returns for how long to wait before one can be taken of a bucket.
func (r rate) wait(now time.Duration, b bucket) time.Duration {
	if r.every == 0 {
		return 0
	}
	return time.Duration(r.after(now, b)) - now - time.Duration(r.burst)*r.every
}

// after returns what a bucket is after one more.
func (r rate) after(now time.Duration, b bucket) bucket {
	return bucket(max(time.Duration(b), now) + r.every)
}

// accountLocked returns the account of a user. c.mu is held.
func (c *Chat) accountLocked(user string) *account {
	a := c.accounts[user]
	if a == nil {
		a = new(account)
		if c.accounts == nil {
			c.accounts = make(map[string]*account)
			time.AfterFunc(accountTime, c.forgetAccounts)
		}
		c.accounts[user] = a
	}
	return a
}

// forgetAccounts drops the accounts of those who did nothing of late that counts.
func (c *Chat) forgetAccounts() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now().Sub(c.began)
	for user, a := range c.accounts {
		if time.Duration(slices.Max(a[:])) <= now {
			delete(c.accounts, user)
		}
	}
	if len(c.accounts) == 0 {
		c.accounts = nil // a map does not shrink
		return
	}
	time.AfterFunc(accountTime, c.forgetAccounts)
}

// A flood tells a connection that goes on in spite of rate_limited from one
// that now and then asks a little early.
type flood struct {
	since time.Time // the first of an unbroken series
	last  time.Time
}

// limited notes that a request came too early, and returns an error that says
// when to come again, and that ends the connection if it has gone on for long.
func (s *Session) limited(now time.Time, wait time.Duration, what string) error {
	if s.flood == nil {
		s.flood = new(flood)
	}
	f := s.flood
	if now.Sub(f.last) > time.Second {
		f.since = now
	}
	f.last = now
	// Rounded up: who waits as told must not be early again.
	wait = (wait + time.Millisecond - 1).Truncate(time.Millisecond)
	e := parley.Errorf(parley.CodeRateLimited, "you %s too fast; wait %v, then send it again", what, wait)
	e.RetryAfter = wait
	if now.Sub(f.since) < floodTime {
		return e
	}
	return &endingError{cause: e, ending: parley.Ending{
		Code: parley.CloseRate, Reason: "over the rate for too long", RetryAfter: 10 * time.Second,
	}}
}
