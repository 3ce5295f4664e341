package hub_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/hub"
)

// A printer is a connection that prints what it is told.
type printer struct{ name string }

func (p printer) Deliver(ev *parley.Event) { fmt.Println(p.name, "is told:", ev.Type, ev.Seq) }
func (p printer) End(e parley.Ending)      { fmt.Println(p.name, "is ended:", e.Reason) }

// What is published on the bus reaches those who have joined the room.
func ExampleHub() {
	h := hub.New(func(room, user string) bool { return true })
	bus := hub.NewBus(100)
	bus.Subscribe(h.Deliver)

	var ann hub.Session
	ann.To(printer{"ann"})
	h.Connect(&ann, "connection 1", parley.User{ID: "u1", Name: "ann"})
	defer ann.Close()
	sub, _ := ann.Join(parley.Room{ID: "lobby", Name: "lobby", Kind: parley.Public})
	// Held: read what was said before, answer the client, then go live.
	sub.Release(7)

	for seq := int64(1); seq < 10; seq++ {
		bus.Publish(context.Background(), parley.News{Message: &parley.Message{
			Room: "lobby", Seq: seq, Kind: parley.KindText, Body: json.RawMessage(`{"text":"hi"}`),
		}})
	}
	bus.Close() // delivers what is queued
	// Output:
	// ann is told: message 8
	// ann is told: message 9
}
