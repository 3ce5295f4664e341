// Package postgres keeps a [parley.Store] in a PostgreSQL database, which any
// number of nodes may use at once.
//
// Nothing is remembered between calls: each asks the database, which alone
// knows what other nodes have changed. Every commit is on the disk of the
// server, and of its synchronous standbys, before its caller hears of it.
//
// A database that cannot be reached costs an error of CodeUnavailable, and the
// store works again as soon as the database does.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-4a326f83/parley"
)

const (
	// connectTime bounds making a connection.
	connectTime = 5 * time.Second
	// statementTime and lockTime bound a statement, and what it waits for others.
	statementTime = 10 * time.Second
	lockTime      = 5 * time.Second
	// idleTime bounds how long a transaction waits for its node to say on. While
	// one that is frozen or cut off has rooms locked, nobody appends to them.
	idleTime = 2 * time.Second
	// callSlack is how much longer than a statement a call may take, with waiting
	// for a connection and trying again. A database that is silent is noticed by
	// the end of it.
	callSlack = 5 * time.Second
	// closeTime is how long Close waits: a node that stops must not outstay those
	// who stop it for a database that is silent.
	closeTime = 3 * time.Second
	// appendConns is how many connections appending has to itself, so that no
	// message waits behind ten thousand people who come back at once.
	appendConns = 2
	// otherConns is how many connections all else shares, where the address does
	// not say (pool_max_conns).
	otherConns = 16
)

// sessionDefaults are settings of every connection, in PostgreSQL's words, where
// the address does not say otherwise. They free what a node holds that has
// stopped in the middle of something.
var sessionDefaults = map[string]string{
	"application_name":                    "parley",
	"statement_timeout":                   milliseconds(statementTime),
	"lock_timeout":                        milliseconds(lockTime),
	"idle_in_transaction_session_timeout": milliseconds(idleTime),
}

// appendSettings are those of the connections that append, where all is looked
// up by a key. A plan that was made while the tables were small would go through
// them, and be kept when they no longer are.
var appendSettings = map[string]string{"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}

// A Store is a [parley.Store] in a PostgreSQL database. Make one with [Open].
// All methods are safe for concurrent use.
type Store struct {
	where    string
	callTime time.Duration
	pool     *pgxpool.Pool
	appends  *pgxpool.Pool
	closed   atomic.Bool
	close    func()
	open     context.Context // ends with Close, when that has waited for long enough
}

var _ parley.Store = (*Store)(nil)

// Open connects to the database at url, postgres://user:password@host/database
// or what else libpq takes, and brings its tables up to date; an empty one gets
// them. The database must be there. One that a newer Parley has changed, or that
// has other tables, is refused unchanged. What the parameters of pgxpool in url
// do not say, the store decides.
//
// Errors do not tell the password.
func Open(ctx context.Context, url string) (*Store, error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	return open(ctx, config)
}

// parse reads the address of a database.
func parse(url string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the address of the database is wrong: %w; it looks like postgres://user:password@host:5432/database", err)
	}
	if config.MaxConns < otherConns && !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = otherConns
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTime
	}
	for name, value := range sessionDefaults {
		if _, set := config.ConnConfig.RuntimeParams[name]; !set {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	config.AfterConnect = syncCommits
	return config, nil
}

func open(ctx context.Context, config *pgxpool.Config) (*Store, error) {
	if err := migrate(ctx, config.ConnConfig, time.Now()); err != nil {
		return nil, openError(config.ConnConfig, err)
	}
	s := &Store{where: whereOf(config.ConnConfig), callTime: statementTime + callSlack}
	if ms, err := strconv.ParseInt(config.ConnConfig.RuntimeParams["statement_timeout"], 10, 64); err == nil {
		s.callTime = max(s.callTime, time.Duration(ms)*time.Millisecond+callSlack)
	}
	var err error
	// Nothing connects yet, so ctx, which may end after Open, is not for them.
	if s.pool, err = pgxpool.NewWithConfig(context.Background(), config); err != nil {
		return nil, openError(config.ConnConfig, err)
	}
	config = config.Copy()
	config.MaxConns, config.MinConns, config.MinIdleConns = appendConns, 0, 0
	maps.Copy(config.ConnConfig.RuntimeParams, appendSettings)
	if s.appends, err = pgxpool.NewWithConfig(context.Background(), config); err != nil {
		s.pool.Close()
		return nil, openError(config.ConnConfig, err)
	}
	var end context.CancelFunc
	s.open, end = context.WithCancel(context.Background())
	s.close = sync.OnceFunc(func() {
		defer end()
		s.closed.Store(true)
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.appends.Close()
			s.pool.Close()
		}()
		select {
		case <-done:
		case <-time.After(closeTime):
		}
	})
	return s, nil
}

// String says which database it is, for a person.
func (s *Store) String() string { return s.where }

func whereOf(config *pgx.ConnConfig) string {
	return fmt.Sprintf("the database %q at %s", config.Database, config.Host)
}

// Close waits for what is under way, if that is soon done, ends it if not, and
// closes the connections. What is asked of the store after that fails. Closing
// again does nothing.
func (s *Store) Close() error {
	s.close()
	return nil
}

// syncCommits has commits wait for the disk on a connection for whose database
// or role that was turned off.
func syncCommits(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')`)
	return err
}

// A call is one call of a Store: its context is ctx, and ends with the call, or
// with the store.
func (s *Store) call(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, canceled(err)
	}
	if s.closed.Load() {
		return nil, nil, errClosed()
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.callTime, errSilent)
	stop := context.AfterFunc(s.open, cancel)
	return ctx, func() { stop(); cancel() }, nil
}

// milliseconds spells a time as PostgreSQL's settings have it.
func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

var errSilent = errors.New("the database does not answer in time")
