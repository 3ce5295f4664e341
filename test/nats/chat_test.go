package nats_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/hub"
	"github.com/seed-4a326f83/parley/nats"
	"github.com/seed-4a326f83/parley/sqlite"
)

// A person is a session on one node and what it was told.
type person struct {
	*chat.Session
	t    *testing.T
	name string
	mu   sync.Mutex
	told []string
}

// Deliver implements hub.Subscriber.
func (p *person) Deliver(ev *parley.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch ev.Type {
	case parley.EventMessage:
		p.told = append(p.told, fmt.Sprint("message ", ev.Seq))
	default:
		p.told = append(p.told, string(ev.JSON))
	}
}

// End implements hub.Subscriber.
func (p *person) End(e parley.Ending) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = append(p.told, fmt.Sprint("ended ", e.Code))
}

func (p *person) do(req chat.Request) {
	p.t.Helper()
	done := make(chan error, 1)
	p.Handle(context.Background(), &req, func(_ any, err error) { done <- err })
	if err := <-done; err != nil {
		p.t.Fatalf("%s: %s: %v", p.name, req.Type, err)
	}
}

// wait waits until an event with all the words was told.
func (p *person) wait(words ...string) {
	p.t.Helper()
	until(p.t, fmt.Sprint(p.name, " is told ", words), nothing, func() bool { return p.heard(words...) })
}

// heard reports whether an event with all the words was told.
func (p *person) heard(words ...string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.told, func(ev string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(ev, word) })
	})
}

// messages returns the messages that were told, in order.
func (p *person) messages() (all []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ev := range p.told {
		if strings.HasPrefix(ev, "message ") {
			all = append(all, ev)
		}
	}
	return all
}

func TestChatsOverNATS(t *testing.T) {
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "parley.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	relay := newRelay(t)
	relay.lead(run(t, &server.Options{}).Addr().String())
	var people []*person
	log := slog.New(slog.DiscardHandler)
	for _, name := range []string{"ann", "ben", "cat"} {
		local := hub.NewBus(1000)
		defer local.Close()
		bus, err := nats.Connect(nats.Options{URLs: []string{"nats://" + relay.Addr().String()}, Local: local, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		defer bus.Close()
		c := chat.New(chat.Config{Store: store, Bus: bus, Limits: chat.Limits{Connections: 16}, Guests: true, Log: log})
		defer c.Close(context.Background())
		p := &person{t: t, name: name}
		p.Session = c.Connect(p, nil)
		defer p.Close()
		p.do(chat.Request{Type: "hello", Name: name})
		p.do(chat.Request{Type: "join", Room: "tea"})
		people = append(people, p)
	}
	ann, ben, cat := people[0], people[1], people[2]
	ann.wait(`"presence"`, `"ben"`, `"online":true`)
	cat.wait(`"presence"`, `"ann"`, `"online":true`)

	said := 0
	say := func(p *person) {
		said++
		p.do(chat.Request{Type: "publish", Room: "tea", ID: fmt.Sprint(said), Body: json.RawMessage(`{"text":"hi"}`)})
	}
	everybodyHears := func() {
		t.Helper()
		for _, p := range people {
			p.wait(fmt.Sprint("message ", said))
			for i, got := range p.messages() {
				if want := fmt.Sprint("message ", i+1); got != want {
					t.Fatalf("%s was told %s, want %s", p.name, got, want)
				}
			}
		}
	}
	for range 20 {
		say(ann)
		say(ben)
		say(cat)
	}
	everybodyHears()
	ben.do(chat.Request{Type: "signal", Room: "tea", Kind: "typing"})
	ann.wait("typing", "ben")

	relay.cut()
	for range 5 {
		say(ann)
		say(ben)
	}
	everybodyHears()
	relay.lead(run(t, &server.Options{}).Addr().String())
	say(cat)
	everybodyHears()
	until(t, "signals cross again", func() { cat.do(chat.Request{Type: "signal", Room: "tea", Kind: "back"}) }, func() bool { return ann.heard("back") })
	cat.Close()
	ann.wait(`"presence"`, `"cat"`, `"online":false`)
}
