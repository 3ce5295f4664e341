package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/hub"
	"github.com/seed-4a326f83/parley/sqlite"
)

// A screen passes on what its session is told.
type screen chan *parley.Event

func (s screen) Deliver(ev *parley.Event) { s <- ev }
func (s screen) End(e parley.Ending)      { fmt.Println("ended:", e.Reason) }

// A program's own session: what a gateway does for each of its connections.
func ExampleSession() {
	dir, _ := os.MkdirTemp("", "parley")
	defer os.RemoveAll(dir)
	store, err := sqlite.Open(context.Background(), filepath.Join(dir, "parley.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	bus := hub.NewBus(100)
	c := chat.New(chat.Config{Store: store, Bus: bus, Guests: true})
	defer c.Close(context.Background())

	told := make(screen, 1)
	session := c.Connect(told, nil)
	defer session.Close()
	do := func(req chat.Request) {
		answered := make(chan struct{})
		session.Handle(context.Background(), &req, func(ack any, err error) {
			if err != nil {
				fmt.Println(req.Type, "was refused:", parley.ErrorCode(err))
			} else {
				fmt.Printf("%s was answered: %T\n", req.Type, ack)
			}
			close(answered)
		})
		<-answered
	}
	hi := chat.Request{Type: "publish", Room: parley.Lobby, ID: "1", Body: json.RawMessage(`{"text":"hi"}`)}
	do(chat.Request{Type: "hello", Name: "ann"})
	do(hi)
	do(chat.Request{Type: "join", Room: parley.Lobby})
	do(hi)
	ev := <-told
	fmt.Println("told:", ev.Type, "of", ev.Room)
	// Output:
	// hello was answered: chat.HelloAck
	// publish was refused: not_joined
	// join was answered: chat.JoinAck
	// publish was answered: chat.PublishAck
	// told: message of lobby
}
