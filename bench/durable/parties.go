package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/internal/pgtest"
	"github.com/seed-4a326f83/parley/postgres"
	"github.com/seed-4a326f83/parley/sqlite"
)

const (
	jetStream = "JetStream, sync always"
	// rooms, or subjects, that the publishers are spread over, as people are.
	rooms = 8
)

var body = json.RawMessage(`{"text":"the quick brown fox jumps over the lazy dog, and back again"}`)

// parties returns who is compared, and what to call at the end.
func parties() (ps []party, clean func() error, err error) {
	server, err := pgtest.Start(pgtest.Config{Durable: true})
	if err != nil {
		return nil, nil, err
	}
	return []party{
		{"SQLite", onSQLite(parley.KindText)},
		{"SQLite, not searchable", onSQLite("x-bench")},
		{"PostgreSQL", onPostgres(server, parley.KindText)},
		{"PostgreSQL, not searchable", onPostgres(server, "x-bench")},
		{jetStream, onJetStream},
	}, server.Stop, nil
}

// onSQLite publishes messages of a kind: texts are put into the index for
// searching, others are not.
func onSQLite(kind string) func(context.Context, string, int) (running, error) {
	return func(ctx context.Context, folder string, publishers int) (running, error) {
		store, err := sqlite.Open(ctx, filepath.Join(folder, "parley.db"))
		if err != nil {
			return running{}, err
		}
		return onStore(ctx, store, kind, publishers)
	}
}

// onStore publishes through the committer, as the server does.
func onStore(ctx context.Context, store parley.Store, kind string, publishers int) (running, error) {
	users := make([]parley.User, publishers)
	for i := range users {
		var err error
		users[i], err = store.CreateGuest(ctx, parley.User{ID: parley.NewUserID(), Name: fmt.Sprint("p", i)}, parley.NewSessionToken().Hash(), time.Now())
		if err != nil {
			return running{}, errors.Join(err, store.Close())
		}
		if _, _, err := store.Join(ctx, room(i), users[i].ID, true, time.Now()); err != nil {
			return running{}, errors.Join(err, store.Close())
		}
	}
	committer := chat.NewCommitter(store, chat.CommitterOptions{})
	return running{
		publish: func(_ context.Context, publisher int, n int64) error {
			acked := make(chan error, 1)
			err := committer.Submit(parley.Draft{
				Room: room(publisher), User: users[publisher], ID: fmt.Sprint("m", n), Kind: kind,
				Body: body, Time: time.Now().UTC().Truncate(time.Millisecond),
			}, func(a parley.Appended) { acked <- a.Err })
			if err != nil {
				return err
			}
			return <-acked
		},
		stop: func() {
			committer.Close(context.Background())
			store.Close()
		},
	}, nil
}

func room(publisher int) string { return fmt.Sprint("room-", publisher%rooms) }

// onJetStream publishes to a stream in a server in this process, without a
// network between.
func onJetStream(ctx context.Context, folder string, publishers int) (running, error) {
	s, err := natsserver.NewServer(&natsserver.Options{
		DontListen: true, JetStream: true, StoreDir: folder, SyncAlways: true, NoSigs: true, NoLog: true,
	})
	if err != nil {
		return running{}, err
	}
	s.Start()
	stop := func() { s.Shutdown(); s.WaitForShutdown() }
	if !s.ReadyForConnections(10 * time.Second) {
		stop()
		return running{}, errors.New("the NATS server does not start")
	}
	conn, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		stop()
		return running{}, err
	}
	stop = func() { conn.Close(); s.Shutdown(); s.WaitForShutdown() }
	js, err := jetstream.New(conn)
	if err == nil {
		_, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: "rooms", Subjects: []string{"room.*"}, Storage: jetstream.FileStorage})
	}
	if err != nil {
		stop()
		return running{}, err
	}
	return running{
		publish: func(ctx context.Context, publisher int, n int64) error {
			_, err := js.Publish(ctx, fmt.Sprint("room.", publisher%rooms), body, jetstream.WithMsgID(fmt.Sprint("m", n)))
			return err
		},
		stop: stop,
	}, nil
}

// onPostgres is onSQLite for a PostgreSQL server of this machine, with a database
// of its own, which syncs as it does out of the box.
func onPostgres(server *pgtest.Server, kind string) func(context.Context, string, int) (running, error) {
	return func(ctx context.Context, _ string, publishers int) (running, error) {
		name, err := server.CreateDatabase(ctx)
		if err != nil {
			return running{}, err
		}
		store, err := postgres.Open(ctx, server.URL(name))
		if err != nil {
			return running{}, err
		}
		return onStore(ctx, store, kind, publishers)
	}
}
