package nats_test

import (
	"context"
	"log"

	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/hub"
	"github.com/seed-4a326f83/parley/nats"
	"github.com/seed-4a326f83/parley/sqlite"
)

// A node of an installation of several. Their store must be one that all of them
// reach; it is SQLite here to keep the example short.
func Example() {
	store, err := sqlite.Open(context.Background(), "parley.db")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	local := hub.NewBus(4096)
	defer local.Close()
	bus, err := nats.Connect(nats.Options{
		URLs:        []string{"tls://nats-1.example.org:4222", "tls://nats-2.example.org:4222"},
		Credentials: "parley.creds",
		Local:       local,
	})
	if err != nil {
		log.Fatal(err) // the options are wrong; that no server is there is no error
	}
	defer bus.Close()
	node := chat.New(chat.Config{Store: store, Bus: bus})
	defer node.Close(context.Background())
}
