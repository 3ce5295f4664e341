// Package nats is the [parley.Bus] of an installation of several nodes: what
// happens on one reaches the others over a NATS server, or a cluster of them
// (https://nats.io).
//
// Nothing waits for NATS. What cannot be sent is lost, as a [parley.Bus] may
// lose it, and the nodes find in their common [parley.Store] what they missed;
// the bus goes on trying to reach a server for as long as it is open.
//
// Whoever may publish on the installation's subjects is believed: give the nodes
// an account of their own.
package nats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	client "github.com/nats-io/nats.go"

	"github.com/seed-4a326f83/parley"
)

// Options say where the servers are and who we are to them. URLs and Local are
// required.
type Options struct {
	// URLs are the servers: nats://host:4222, tls://host:4222, with user:password@
	// or token@ before the host where they ask for it. More of their cluster are
	// found by themselves.
	URLs []string
	// Local is the bus of this node, such as a hub.Bus: what is published, here
	// or elsewhere, is delivered by it. It is not closed with this one.
	Local parley.Bus
	// Name tells installations apart that share servers; "": "parley".
	Name string
	// Installation does so too, where people name none: something random that the
	// nodes of one have in common, and no others. It may be "".
	Installation string

	Credentials string // file with a user's JWT and seed, as nsc writes it
	NKey        string // file with the seed of an nkey
	CA          string // file (PEM) of the authorities that the servers' certificates are held against
	Cert, Key   string // files (PEM) of our own certificate, where the servers want one

	// Log hears of servers that went away and came back; nil: slog.Default().
	Log *slog.Logger
}

const (
	// queued is how much news may wait to be sent, and received how much to be
	// delivered; what is beyond is lost.
	queued   = 4096
	received = 2048
	// maxSignalsBehind is how much may wait before signals are dropped.
	maxSignalsBehind = 64

	dialTime  = 2 * time.Second
	writeTime = 2 * time.Second
	// pingTime is how often a quiet server is tried; it is gone after two that
	// it did not answer.
	pingTime = 2 * time.Second
	// retryTime is the pause before a server is tried again, and as much more by
	// chance.
	retryTime = 500 * time.Millisecond
	// closeTime is how long what is queued may take to leave at the end.
	closeTime = time.Second
	// complainTime is how often what was lost is told to the log.
	complainTime = 10 * time.Second
)

// A Bus is a [parley.Bus] over NATS. Its methods may be called by any number of
// goroutines at once.
type Bus struct {
	local    parley.Bus
	conn     *client.Conn
	subjects subjects
	log      *slog.Logger

	out chan parley.News
	in  chan *client.Msg

	mu      sync.Mutex
	wanted  map[string]struct{} // rooms that are followed
	changed map[string]struct{} // rooms of which that may have changed
	wake    chan struct{}       // something is in changed
	relink  chan struct{}       // the link may have changed, or lost something

	away    complaint // a server that could not be reached
	lost    complaint // news that could not be sent
	late    complaint // news that could not be delivered
	foreign complaint // news that was not understood
	refused complaint // what a server did not like

	open    context.Context // ends with Close
	close   context.CancelFunc
	running sync.WaitGroup
}

var (
	errClosed = errors.New("nats: the bus is closed")
	errFull   = errors.New("more happens than could be sent")
)

// Connect returns a bus that is connected, or goes on trying to be: that no
// server can be reached is told to the log alone, since nodes must start without.
// An error means that the options are wrong. Close ends it.
func Connect(o Options) (*Bus, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Name == "" {
		o.Name = "parley"
	}
	b := &Bus{
		local:    o.Local,
		subjects: newSubjects(o.Name, o.Installation),
		log:      o.Log,
		out:      make(chan parley.News, queued),
		in:       make(chan *client.Msg, received),
		wanted:   make(map[string]struct{}),
		changed:  make(map[string]struct{}),
		wake:     make(chan struct{}, 1),
		relink:   make(chan struct{}, 1),
	}
	b.open, b.close = context.WithCancel(context.Background())
	if err := o.checkURLs(); err != nil {
		return nil, err
	}
	options, err := o.client(b)
	if err != nil {
		return nil, err
	}
	if b.conn, err = client.Connect(strings.Join(o.URLs, ","), options...); err != nil {
		b.close()
		return nil, fmt.Errorf("nats: %w; check the servers' addresses and the files that are named", err)
	}
	if _, err := b.conn.ChanSubscribe(b.subjects.all(), b.in); err != nil {
		b.close()
		b.conn.Close()
		return nil, fmt.Errorf("nats: %w", err)
	}
	b.running.Go(b.send)
	b.running.Go(b.receive)
	b.noteLink()
	if !b.conn.IsConnected() {
		b.log.Warn("no NATS server can be reached yet; until then other nodes are told through the database, which takes longer")
	}
	return b, nil
}

// checkURLs refuses what is no address without repeating it, as the library would:
// there may be a password in it.
func (o *Options) checkURLs() error {
	for _, server := range o.URLs {
		if !strings.Contains(server, "://") {
			server = "nats://" + server // as the library has it
		}
		if _, err := url.Parse(server); err != nil {
			return errors.New("nats: the address of a server is wrong; it looks like nats://host:4222, or nats://user:password@host:4222 with %2F for a / and %25 for a % in the password")
		}
	}
	return nil
}

// client returns what the options mean to the library.
func (o *Options) client(b *Bus) ([]client.Option, error) {
	options := []client.Option{
		client.Name("parley"),
		client.NoEcho(), // what is published here is delivered by the local bus
		client.RetryOnFailedConnect(true),
		client.MaxReconnects(-1),
		client.ReconnectWait(retryTime),
		client.ReconnectJitter(retryTime, retryTime),
		client.ReconnectBufSize(-1), // what could not be sent then is old when it can
		client.IgnoreAuthErrorAbort(),
		client.Timeout(dialTime),
		client.FlusherTimeout(writeTime),
		client.PingInterval(pingTime),
		client.MaxPingsOutstanding(2),
		client.ConnectHandler(func(c *client.Conn) { b.linked(c) }),
		client.ReconnectHandler(func(c *client.Conn) { b.linked(c) }),
		client.DisconnectErrHandler(func(_ *client.Conn, err error) { b.unlinked(err) }),
		client.ReconnectErrHandler(func(_ *client.Conn, err error) { b.unreached(err) }),
		client.ErrorHandler(func(_ *client.Conn, _ *client.Subscription, err error) { b.failed(err) }),
	}
	if o.Credentials != "" {
		options = append(options, client.UserCredentials(o.Credentials))
	}
	if o.NKey != "" {
		nkey, err := client.NkeyOptionFromSeed(o.NKey)
		if err != nil {
			return nil, fmt.Errorf("nats: the nkey's seed cannot be read: %w", err)
		}
		options = append(options, nkey)
	}
	if o.CA != "" {
		options = append(options, client.RootCAs(o.CA))
	}
	if o.Cert != "" || o.Key != "" {
		options = append(options, client.ClientCert(o.Cert, o.Key))
	}
	return options, nil
}

// Publish implements [parley.Bus]. It waits for the bus of this node alone.
func (b *Bus) Publish(ctx context.Context, n parley.News) error {
	if b.open.Err() != nil {
		return errClosed
	}
	err := b.local.Publish(ctx, n)
	if n.Signal != nil && len(b.out) > maxSignalsBehind {
		return err
	}
	select {
	case b.out <- n:
	default:
		b.lose(errFull)
	}
	return err
}

// Subscribe implements [parley.Bus].
func (b *Bus) Subscribe(deliver func(parley.News)) (stop func()) {
	stop = b.local.Subscribe(deliver)
	b.noteLink()
	return stop
}

// Follow implements [parley.Bus].
func (b *Bus) Follow(room string, wanted bool) {
	b.mu.Lock()
	if wanted {
		b.wanted[room] = struct{}{}
	} else {
		delete(b.wanted, room)
	}
	b.changed[room] = struct{}{}
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Close sends what is queued, if that is soon done, and ends the bus. Nothing is
// delivered once it has returned.
func (b *Bus) Close() {
	b.close()
	b.running.Wait()
}

// noteLink has this node told whether it reaches the others. One goroutine does,
// so that the last it is told is how it is.
func (b *Bus) noteLink() {
	select {
	case b.relink <- struct{}{}:
	default:
	}
}

// deliver hands news to the bus of this node, which may have to wait. Signals
// may be refused there, and all else at the end.
func (b *Bus) deliver(n parley.News) { b.local.Publish(b.open, n) }
