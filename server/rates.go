package server

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// rates bound how often each of many may do something. It is safe for
// concurrent use.
type rates struct {
	limit rate.Limit
	burst int
	now   func() time.Time

	mu    sync.Mutex
	of    map[string]*rate.Limiter
	swept time.Time
}

// newRates returns rates of so many a second; 0 is no limit.
func newRates(perSecond float64, burst int) *rates {
	limit := rate.Limit(perSecond)
	if perSecond == 0 {
		limit = rate.Inf
	}
	return &rates{limit: limit, burst: burst, now: time.Now, of: make(map[string]*rate.Limiter)}
}

// take counts one for who, or says how long to wait.
func (r *rates) take(who string) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if now.Sub(r.swept) > time.Minute {
		r.swept = now
		for who, l := range r.of {
			if l.TokensAt(now) >= float64(r.burst) {
				delete(r.of, who)
			}
		}
	}
	l := r.of[who]
	if l == nil {
		l = rate.NewLimiter(r.limit, r.burst)
		r.of[who] = l
	}
	reserved := l.ReserveN(now, 1)
	wait := reserved.DelayFrom(now)
	if wait > 0 {
		reserved.CancelAt(now)
	}
	return wait
}
