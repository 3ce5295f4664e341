package chat

import (
	"time"

	"github.com/seed-4a326f83/parley"
)

// floodTime is how long a connection may go on above its rate, without ever
// waiting as it is told to, before it is ended.
const floodTime = 10 * time.Second

// A rate is how often something may be done. Every connection has several, each
// of which is a word in memory: a [bucket].
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

// A charge is a rate and what was taken of it.
type charge struct {
	rate   rate
	bucket *bucket
}

func (r rate) of(b *bucket) charge { return charge{r, b} }

// take takes one of every charge, or none and says for how long to wait. now is
// since the beginning of the chat.
func take(now time.Duration, charges ...charge) (wait time.Duration) {
	for _, c := range charges {
		if c.rate.every > 0 {
			wait = max(wait, c.after(now)-now-time.Duration(c.rate.burst)*c.rate.every)
		}
	}
	if wait > 0 {
		return wait
	}
	for _, c := range charges {
		*c.bucket = bucket(c.after(now))
	}
	return 0
}

// after is what the bucket would be after one more.
func (c charge) after(now time.Duration) time.Duration {
	return max(time.Duration(*c.bucket), now) + c.rate.every
}

// take takes one of every charge of the session's and its user's, or none and
// says for how long to wait.
func (s *Session) take(now time.Time, charges ...charge) time.Duration {
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	return take(now.Sub(s.chat.began), charges...)
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
