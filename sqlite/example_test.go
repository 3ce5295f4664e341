package sqlite_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/sqlite"
)

// A message is stored, sent once more, and read back.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "parley")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	store, err := sqlite.Open(ctx, filepath.Join(dir, "parley.db"))
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	now := time.Now().UTC().Truncate(time.Millisecond)
	ann, err := store.CreateGuest(ctx, parley.User{ID: parley.NewUserID(), Name: "ann"}, parley.NewSessionToken().Hash(), now)
	if err != nil {
		log.Fatal(err)
	}
	if _, _, err := store.Join(ctx, parley.Lobby, ann.ID, false, now); err != nil {
		log.Fatal(err)
	}
	draft := parley.Draft{Room: parley.Lobby, User: ann, ID: "a1", Kind: parley.KindText, Body: json.RawMessage(`{"text":"hi"}`), Time: now}
	for range 2 {
		results, err := store.Append(ctx, []parley.Draft{draft})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("seq", results[0].Seq, "stored", results[0].Stored)
	}
	page, err := store.History(ctx, parley.Lobby, parley.Range{Limit: parley.HistoryDefault})
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
