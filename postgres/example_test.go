//go:build unix

package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/internal/pgtest"
	"github.com/seed-4a326f83/parley/postgres"
)

// A message is stored, sent once more through another node, and read back.
func ExampleOpen() {
	ctx := context.Background()
	database, err := server.CreateDatabase(ctx) // of the tests; in use, createdb makes one
	if err != nil {
		log.Fatal(err)
	}
	var nodes []*postgres.Store
	for range 2 {
		store, err := postgres.Open(ctx, server.URL(database)+pgtest.Patience)
		if err != nil {
			log.Fatal(err)
		}
		defer store.Close()
		nodes = append(nodes, store)
	}

	now := time.Now().UTC().Truncate(time.Millisecond)
	ann, err := nodes[0].CreateGuest(ctx, parley.User{ID: parley.NewUserID(), Name: "ann"}, parley.NewSessionToken().Hash(), now)
	if err != nil {
		log.Fatal(err)
	}
	if _, _, err := nodes[0].Join(ctx, parley.Lobby, ann.ID, false, now); err != nil {
		log.Fatal(err)
	}
	draft := parley.Draft{Room: parley.Lobby, User: ann, ID: "a1", Kind: parley.KindText, Body: json.RawMessage(`{"text":"hi"}`), Time: now}
	for _, node := range nodes {
		results, err := node.Append(ctx, []parley.Draft{draft})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("seq", results[0].Seq, "stored", results[0].Stored)
	}
	page, err := nodes[1].History(ctx, parley.Lobby, parley.Range{Limit: parley.HistoryDefault})
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range page.Messages {
		fmt.Printf("%d %s: %s\n", m.Seq, m.From.Name, m.Body)
	}
	// Output:
	// seq 1 stored true
	// seq 1 stored false
	// 1 ann: {"text":"hi"}
}
