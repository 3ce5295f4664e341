package chat

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/seed-4a326f83/parley"
)

// floodTime is how long a connection may go on above its rate, without ever
// waiting as it is told to, before it is ended.
const floodTime = 10 * time.Second

// newLimiter returns a token bucket; a rate of 0 means no limit.
func newLimiter(perSecond float64, burst int) *rate.Limiter {
	if perSecond == 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Limit(perSecond), burst)
}

// take takes one from every limiter, or none and says for how long to wait.
func take(now time.Time, limiters ...*rate.Limiter) time.Duration {
	var taken []*rate.Reservation
	var wait time.Duration
	for _, l := range limiters {
		r := l.ReserveN(now, 1)
		taken = append(taken, r)
		wait = max(wait, r.DelayFrom(now))
	}
	if wait > 0 {
		for _, r := range taken {
			r.CancelAt(now)
		}
	}
	return wait
}

// A flood tells a connection that goes on in spite of rate_limited from one
// that now and then asks a little early.
type flood struct {
	since time.Time // the first of an unbroken series
	last  time.Time
}

// refused notes that a request came too early, and returns an error that says
// when to come again, and that ends the connection if it has gone on for long.
func (f *flood) refused(now time.Time, wait time.Duration, what string) error {
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
