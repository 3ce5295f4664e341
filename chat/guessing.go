package chat

import (
	"sync"
	"time"

	"github.com/seed-4a326f83/parley"
)

// How fast secrets can be guessed. Wrong guesses are counted by who is guessed
// at and from where, so that nobody can lock another one out from elsewhere; by
// address, so that not everybody is tried in turn; and by name, against many
// addresses at once. Each count is so many at once, and one more in so long.
var (
	guessesHere    = allowance{5, 10 * time.Second}
	guessesAddress = allowance{30, 3 * time.Second}
	guessesName    = allowance{100, 3 * time.Second}
)

// maxGuessers bounds the memory of this.
const maxGuessers = 100_000

type allowance struct {
	burst float64
	pause time.Duration
}

// A guessing counts guesses. It is safe for concurrent use.
type guessing struct {
	mu     sync.Mutex
	counts map[string]*guesses
}

// guesses is how many can be made: left at the time of at, and more since.
type guesses struct {
	allowance
	left float64
	at   time.Time
}

// leftAt is how many can be made at now.
func (g *guesses) leftAt(now time.Time) float64 {
	return min(g.burst, g.left+float64(now.Sub(g.at))/float64(g.pause))
}

func newGuessing() *guessing { return &guessing{counts: make(map[string]*guesses)} }

// try counts a guess at the secret of name, before it is known to be wrong: many
// can be made at once. Where it was right, forgive takes it back. One too many
// is CodeRateLimited.
func (g *guessing) try(now time.Time, address, name string) (forgive func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.counts) > maxGuessers {
		g.sweep(now)
	}
	mine := []*guesses{
		g.count("here "+address+" "+parley.NameKey(name), guessesHere, now),
		g.count("address "+address, guessesAddress, now),
		g.count("name "+parley.NameKey(name), guessesName, now),
	}
	for _, c := range mine {
		if left := c.leftAt(now); left < 1 {
			wait := time.Duration((1-left)*float64(c.pause)).Truncate(time.Second) + time.Second
			return nil, &parley.Error{Code: parley.CodeRateLimited, RetryAfter: wait, Message: "too many attempts that were wrong; wait a little, then try again"}
		}
	}
	for _, c := range mine {
		c.left, c.at = c.leftAt(now)-1, now
	}
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, c := range mine {
			c.left++
		}
	}, nil
}

func (g *guessing) count(key string, a allowance, now time.Time) *guesses {
	c := g.counts[key]
	if c == nil {
		c = &guesses{allowance: a, left: a.burst, at: now}
		g.counts[key] = c
	}
	return c
}

// sweep forgets who has not guessed for long; and everybody, where that is not
// enough: then the guesses come from so many places that counts help no more.
func (g *guessing) sweep(now time.Time) {
	for key, c := range g.counts {
		if c.leftAt(now) >= c.burst {
			delete(g.counts, key)
		}
	}
	if len(g.counts) > maxGuessers {
		clear(g.counts)
	}
}
