package main

import (
	"context"
	"errors"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/seed-4a326f83/parley/internal/pgtest"
)

// A cluster is what nodes share: a PostgreSQL server and a NATS server.
type cluster struct {
	args []string // of the nodes
	stop func()
}

func newCluster() (*cluster, error) {
	db, err := pgtest.Start(pgtest.Config{Durable: true, Settings: map[string]string{"max_connections": "200"}})
	if err != nil {
		return nil, err
	}
	name, err := db.CreateDatabase(context.Background())
	if err != nil {
		return nil, errors.Join(err, db.Stop())
	}
	bus, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		return nil, errors.Join(err, db.Stop())
	}
	bus.Start()
	c := &cluster{stop: func() { bus.Shutdown(); bus.WaitForShutdown(); db.Stop() }}
	if !bus.ReadyForConnections(10 * time.Second) {
		c.stop()
		return nil, errors.New("the NATS server does not start")
	}
	c.args = []string{"--store", db.URL(name), "--bus", bus.ClientURL()}
	return c, nil
}
