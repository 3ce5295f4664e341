// Package chat says what the words mean: who may do what, within which limits,
// and what becomes of it. It knows no framing and no HTTP; every gateway calls
// it alike, one [Session] a connection.
package chat

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/hub"
)

// Config is what a [Chat] works with. Store and Bus are required.
type Config struct {
	Store parley.Store
	Bus   parley.Bus
	// Guests says that whoever gives a name may come in; they make rooms by
	// joining them.
	Guests bool
	// Verify believes tokens of other systems, or says CodeUnauthorized, with
	// [parley.ErrExpired] as the cause for one that was good. nil: none are.
	Verify func(ctx context.Context, token string) (parley.Claims, error)
	// Limits are those of design; the zero value means [DefaultLimits].
	Limits Limits
	// Heartbeat is told to clients in hello's ack and kept by the gateways; the
	// zero value means [DefaultHeartbeat].
	Heartbeat Heartbeat
	// Now is the clock for what is stored; nil means time.Now.
	Now func() time.Time
	// Log gets what clients must not hear; nil means slog.Default().
	Log *slog.Logger
}

// Limits bound what one person or connection may do. Rates are events a second.
type Limits struct {
	PublishRate  float64 // a connection; a user has three times as much. 0: no limit
	PublishBurst int
	SignalRate   float64 // a connection; a user has three times as much. 0: no limit
	SignalBurst  int
	JoinRate     float64 // first joins and direct rooms of a user; coming back is not limited. 0: no limit
	JoinBurst    int
	Connections  int // of one user. 0: no limit
}

// DefaultLimits suit people who type and programs that behave.
var DefaultLimits = Limits{
	PublishRate: 20, PublishBurst: 60,
	SignalRate: 60, SignalBurst: 120,
	JoinRate: 1, JoinBurst: 10,
	Connections: 16,
}

// A Heartbeat is how often a quiet connection is tried, and how long an answer
// may take.
type Heartbeat struct {
	Interval, Timeout time.Duration
}

// DefaultHeartbeat finds a dead peer within 35 s, and keeps the state of most
// middleboxes, which drop what is quiet for 60 s, alive.
var DefaultHeartbeat = Heartbeat{Interval: 25 * time.Second, Timeout: 10 * time.Second}

// A Chat is what all connections of a node share. Its methods may be called by
// any number of goroutines at once.
type Chat struct {
	store     parley.Store
	bus       parley.Bus
	hub       *hub.Hub
	committer *Committer
	limits    Limits
	rates     rates
	began     time.Time // by now
	heartbeat Heartbeat
	now       func() time.Time
	log       *slog.Logger
	stopBus   func()

	guests    bool
	verify    func(ctx context.Context, token string) (parley.Claims, error)
	passwords passwords
	guessing  *guessing
	seen      *seen

	mu       sync.Mutex
	accounts map[string]*account // of users who are connected, or were just now
}

// New returns a chat that listens to the bus. Close ends it.
func New(c Config) *Chat {
	if c.Limits == (Limits{}) {
		c.Limits = DefaultLimits
	}
	if c.Heartbeat == (Heartbeat{}) {
		c.Heartbeat = DefaultHeartbeat
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	chat := &Chat{
		store:     c.Store,
		bus:       c.Bus,
		committer: NewCommitter(c.Store, CommitterOptions{Logger: c.Log}),
		limits:    c.Limits,
		rates: rates{
			publish:     newRate(c.Limits.PublishRate, c.Limits.PublishBurst),
			userPublish: newRate(3*c.Limits.PublishRate, 3*c.Limits.PublishBurst),
			signal:      newRate(c.Limits.SignalRate, c.Limits.SignalBurst),
			userSignal:  newRate(3*c.Limits.SignalRate, 3*c.Limits.SignalBurst),
			userJoin:    newRate(c.Limits.JoinRate, c.Limits.JoinBurst),
		},
		began:     c.Now(),
		heartbeat: c.Heartbeat,
		now:       c.Now,
		log:       c.Log,
		guests:    c.Guests,
		verify:    c.Verify,
		passwords: newPasswords(),
		guessing:  newGuessing(),
		accounts:  make(map[string]*account),
	}
	chat.seen = newSeen(c.Store, c.Log)
	chat.hub = hub.New(chat.stillMember)
	chat.stopBus = c.Bus.Subscribe(chat.hub.Deliver)
	return chat
}

// Heartbeat returns what clients are told, for gateways to keep.
func (c *Chat) Heartbeat() Heartbeat { return c.heartbeat }

// Guests reports whether a name is enough to come in.
func (c *Chat) Guests() bool { return c.guests }

// stillMember reports whether a user who is said to have left a room is a member
// of it all the same. What the store cannot say counts as having left.
func (c *Chat) stillMember(room, user string) bool {
	_, member, err := c.store.Room(context.Background(), room, user)
	return err == nil && member
}

// Close commits and acknowledges what was published, then stops. The store and
// the bus are the caller's to close.
func (c *Chat) Close(ctx context.Context) error {
	err := c.committer.Close(ctx)
	c.stopBus()
	c.mu.Lock()
	for user, a := range c.accounts {
		if a.conns > 0 {
			c.seen.note(user, c.now())
		}
	}
	c.mu.Unlock()
	c.seen.close()
	return err
}

// tell publishes news on the bus. That it may be lost is the bus's nature, and
// the fate of signals when there is much of it.
func (c *Chat) tell(ctx context.Context, n parley.News) {
	if err := c.bus.Publish(ctx, n); err != nil && n.Signal == nil {
		c.log.Warn("news was lost on the bus; clients catch up from the store", "error", err)
	}
}

// An account is what the connections of one user share.
type account struct {
	conns int // guarded by Chat.mu

	mu      sync.Mutex
	publish bucket
	signal  bucket
	join    bucket
}

// rates are the limits that are rates.
type rates struct {
	publish, userPublish rate
	signal, userSignal   rate
	userJoin             rate
}

// accountMemory is how long a user's rates are remembered once the last
// connection has gone: long enough for every bucket here to fill up.
const accountMemory = time.Minute

// acquire counts a connection of the user, or says that it is one too many.
func (c *Chat) acquire(user string) (*account, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.accountLocked(user)
	if c.limits.Connections > 0 && a.conns >= c.limits.Connections {
		return nil, &endingError{
			cause:  parley.Errorf(parley.CodeUnavailable, "you have %d connections open, which is the most; close one, then come again", a.conns),
			ending: parley.Ending{Code: parley.CloseConnections, Reason: "too many connections of yours", RetryAfter: 10 * time.Second},
		}
	}
	a.conns++
	return a, nil
}

// accountLocked returns what the connections of a user share. c.mu is held.
func (c *Chat) accountLocked(user string) *account {
	a := c.accounts[user]
	if a == nil {
		a = new(account)
		c.accounts[user] = a
	}
	return a
}

func (c *Chat) release(user string, a *account) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a.conns--
	if a.conns == 0 {
		time.AfterFunc(accountMemory, func() { c.forget(user) })
	}
}

func (c *Chat) forget(user string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.accounts[user]; a != nil && a.conns == 0 {
		delete(c.accounts, user)
	}
}

// mayJoin counts a room that a person makes among their first joins, or says how
// long to wait.
func (c *Chat) mayJoin(user string) time.Duration {
	c.mu.Lock()
	a := c.accountLocked(user)
	if a.conns == 0 {
		time.AfterFunc(accountMemory, func() { c.forget(user) })
	}
	c.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	return take(c.now().Sub(c.began), c.rates.userJoin.of(&a.join))
}
