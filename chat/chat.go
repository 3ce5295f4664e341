// Package chat says what the words mean: who may do what, within which limits,
// and what becomes of it. It knows no framing and no HTTP; every gateway calls
// it alike, one [Session] a connection.
package chat

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"
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
	cluster   *cluster
	shared    *sharer
	committer *Committer
	limits    Limits
	rates     [ofConnections]rate // of a connection
	userRates [actions]rate
	began     time.Time // by now
	heartbeat Heartbeat
	now       func() time.Time
	log       *slog.Logger
	stopBus   func()

	guests    bool
	verify    func(ctx context.Context, token string) (parley.Claims, error)
	passwords passwords
	guessing  *guessing
	hasAdmin  atomic.Bool // it is known that there is one
	seen      *seen

	node     string        // begins the ids of connections
	sessions atomic.Uint64 // how many there were

	mu       sync.Mutex
	accounts map[string]*account // by user; nil: of none
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
		shared:    newSharer(c.Store),
		limits:    c.Limits,
		rates: [...]rate{
			publishing: newRate(c.Limits.PublishRate, c.Limits.PublishBurst),
			signalling: newRate(c.Limits.SignalRate, c.Limits.SignalBurst),
		},
		userRates: [...]rate{
			publishing: newRate(3*c.Limits.PublishRate, 3*c.Limits.PublishBurst),
			signalling: newRate(3*c.Limits.SignalRate, 3*c.Limits.SignalBurst),
			joining:    newRate(c.Limits.JoinRate, c.Limits.JoinBurst),
		},
		began:     c.Now(),
		heartbeat: c.Heartbeat,
		now:       c.Now,
		log:       c.Log,
		guests:    c.Guests,
		verify:    c.Verify,
		passwords: newPasswords(),
		guessing:  newGuessing(),
		seen:      newSeen(c.Store, c.Log),
		node:      rand.Text()[:8],
	}
	chat.hub = hub.New(chat.stillMember)
	chat.hub.Cluster(chat.node, func(n parley.News) { chat.tell(context.Background(), n) }, c.Bus.Follow)
	chat.cluster = newCluster(chat, newFollower(c.Store, chat.hub, c.Log))
	chat.stopBus = c.Bus.Subscribe(chat.cluster.deliver)
	return chat
}

// Heartbeat returns what clients are told, for gateways to keep.
func (c *Chat) Heartbeat() Heartbeat { return c.heartbeat }

// Guests reports whether a name is enough to come in.
func (c *Chat) Guests() bool { return c.guests }

// stillMember reports whether a user who is said to have left a room is a member
// of it all the same. What the store cannot say counts as having left.
func (c *Chat) stillMember(room, user string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	_, member, err := c.store.Room(ctx, room, user)
	return err == nil && member
}

// Close commits and acknowledges what was published, then stops. The store and
// the bus are the caller's to close.
func (c *Chat) Close(ctx context.Context) error {
	err := c.committer.Close(ctx)
	c.cluster.close()
	c.stopBus()
	for _, user := range c.hub.Users() {
		c.seen.note(user, c.now())
	}
	c.seen.close(ctx)
	return err
}

// tell publishes news on the bus. That it may be lost is the bus's nature, and
// the fate of signals when there is much of it; what nodes say of themselves they
// say again.
func (c *Chat) tell(ctx context.Context, n parley.News) {
	again := n.Signal != nil || n.Presence != nil || n.Online != nil || n.Pulse != nil
	if err := c.bus.Publish(ctx, n); err != nil && !again {
		c.log.Warn("news was lost on the bus; clients catch up from the store", "error", err)
	}
}
