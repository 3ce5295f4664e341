package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/hub"
	"github.com/seed-4a326f83/parley/nats"
	"github.com/seed-4a326f83/parley/postgres"
)

// busQueue is how many messages may be committed and not yet delivered.
const busQueue = 4096

// busFlags say how nodes reach each other.
type busFlags struct {
	Bus         []string `placeholder:"URL" help:"NATS servers over which nodes tell each other what happens: nats://HOST:PORT or tls://HOST:PORT, with USER:PASSWORD@ before the host if need be; may be repeated. Nodes that share a --store need it: without, people on one do not hear those on another."`
	Name        string   `name:"bus-name" default:"parley" placeholder:"NAME" help:"First part of the subjects on those servers (default ${default}); the second is the database's own."`
	Credentials string   `name:"bus-creds" type:"existingfile" placeholder:"FILE" help:"Credentials for NATS: a user's JWT and seed."`
	NKey        string   `name:"bus-nkey" type:"existingfile" placeholder:"FILE" help:"Credentials for NATS: the seed of an nkey."`
	CA          string   `name:"bus-ca" type:"existingfile" placeholder:"FILE" help:"Authorities (PEM) that the NATS servers' certificates are held against, where they are not the system's."`
	Cert        string   `name:"bus-cert" type:"existingfile" placeholder:"FILE" help:"Our own certificate (PEM) for NATS servers that want one; needs --bus-key."`
	Key         string   `name:"bus-key" type:"existingfile" placeholder:"FILE" help:"That certificate's private key."`
}

// check says which flags do not belong together. shared is whether nodes have a
// database in common: without, one would deliver what another has stored, under
// numbers that its own rooms have, too.
func (f *busFlags) check(shared bool) error {
	for _, server := range f.Bus {
		u, err := url.Parse(server)
		if err != nil || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) || u.Hostname() == "" {
			return errors.New("--bus must be the address of a NATS server, such as nats://10.0.0.7:4222 or tls://nats.example.org:4222")
		}
	}
	switch {
	case len(f.Bus) > 0 && !shared:
		return errors.New("--bus is for nodes with one database between them, but a data folder is for one server; name the database with --store, or leave --bus out")
	case len(f.Bus) == 0 && f.Credentials+f.NKey+f.CA+f.Cert+f.Key != "":
		return errors.New("--bus-creds, --bus-nkey, --bus-ca, --bus-cert and --bus-key are for the NATS servers of --bus; name them")
	case f.Credentials != "" && f.NKey != "":
		return errors.New("--bus-creds and --bus-nkey are two ways to sign in; name one")
	case (f.Cert == "") != (f.Key == ""):
		return errors.New("--bus-cert and --bus-key belong together; name both")
	}
	return nil
}

// open returns the bus of this node, and what closes it.
func (f *busFlags) open(ctx context.Context, store parley.Store, log *slog.Logger) (parley.Bus, func(), error) {
	local := hub.NewBus(busQueue)
	if len(f.Bus) == 0 {
		return local, local.Close, nil
	}
	installation := ""
	if s, ok := store.(*postgres.Store); ok {
		var err error
		if installation, err = s.Installation(ctx); err != nil {
			local.Close()
			return nil, nil, err
		}
	}
	bus, err := nats.Connect(nats.Options{
		URLs: f.Bus, Local: local, Name: f.Name, Installation: installation,
		Credentials: f.Credentials, NKey: f.NKey, CA: f.CA, Cert: f.Cert, Key: f.Key,
		Log: log,
	})
	if err != nil {
		local.Close()
		return nil, nil, fmt.Errorf("--bus: %w", err)
	}
	return bus, func() { bus.Close(); local.Close() }, nil
}
