package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/hub"
	"github.com/seed-4a326f83/parley/sqlite"
)

// BenchmarkLargeAccount is what the server does for the page of somebody who is
// in 1,000 rooms, each with 200 unread lines, and in one with 100,000 lines:
// opening the page (hello, the list of rooms, and the room before the eyes),
// scrolling back, going to another room, looking for something, and being told
// of news. Each operation reports its slowest time, too.
func BenchmarkLargeAccount(b *testing.B) {
	const rooms, unread, lines = 1000, 200, 100_000
	store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "parley.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	bus := hub.NewBus(1024)
	defer bus.Close()
	limits := chat.DefaultLimits
	limits.JoinRate, limits.PublishRate = 0, 0
	c := chat.New(chat.Config{Store: store, Bus: bus, Limits: limits, Guests: true})
	defer c.Close(context.Background())

	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	session := parley.NewSessionToken()
	guest := func(name string, session parley.SessionToken) parley.User {
		u, err := store.CreateGuest(b.Context(), parley.User{ID: parley.NewUserID(), Name: name}, session.Hash(), now)
		if err != nil {
			b.Fatal(err)
		}
		return u
	}
	ann, ben := guest("ann", session), guest("ben", parley.NewSessionToken())
	say := lineMaker()
	fill := func(room string, n int) {
		for _, u := range []parley.User{ann, ben} {
			if _, _, err := store.Join(b.Context(), room, u.ID, true, now); err != nil {
				b.Fatal(err)
			}
		}
		for n > 0 {
			batch := make([]parley.Draft, min(n, 1000))
			for i := range batch {
				batch[i] = parley.Draft{
					Room: room, User: ben, ID: fmt.Sprint(n - i), Kind: parley.KindText, Time: now,
					Body: json.RawMessage(fmt.Sprintf(`{"text":%q}`, say())),
				}
			}
			if _, err := store.Append(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
			n -= len(batch)
		}
	}
	fill("large", lines)
	for i := range rooms {
		fill(fmt.Sprint("room-", i), unread)
	}

	ctx := b.Context()
	do := func(s *chat.Session, req chat.Request) (answer any) {
		s.Handle(ctx, &req, func(ack any, err error) {
			if err != nil {
				b.Fatalf("%s: %v", req.Type, err)
			}
			answer = parley.EncodeJSON(ack)
		})
		return answer
	}
	open := func() *chat.Session {
		s := c.Connect(deaf{}, nil)
		do(s, chat.Request{Type: "hello", Session: string(session)})
		do(s, chat.Request{Type: "rooms"})
		do(s, chat.Request{Type: "join", Rooms: map[string]*int64{"large": nil}})
		return s
	}
	s := open()
	defer s.Close()
	by, err := c.Identify(ctx, string(session))
	if err != nil {
		b.Fatal(err)
	}
	chance := rand.New(rand.NewPCG(3, 4))
	find := func(query string) func() {
		return func() {
			hits, err := c.Search(ctx, by, query, 0)
			if err != nil || len(hits.Messages) == 0 {
				b.Fatal(query, len(hits.Messages), err)
			}
		}
	}
	limit := int64(100)
	for _, test := range []struct {
		name string
		do   func()
	}{
		{"open", func() { open().Close() }},
		{"list", func() { do(s, chat.Request{Type: "rooms"}) }},
		{"scroll", func() {
			before := 1 + chance.Int64N(lines)
			do(s, chat.Request{Type: "history", Room: "large", Before: &before, Limit: &limit})
		}},
		{"switch", func() {
			do(s, chat.Request{Type: "join", Rooms: map[string]*int64{fmt.Sprint("room-", chance.IntN(rooms)): nil}})
		}},
		{"search-common", find("the")},
		{"search-two", find("there their")},
		{"search-beginning", find("th")},
		{"search-in-room", find("the in:large")},
		{"search-from-before", find("the from:ben before:2026-11-21")},
		{"search-quoted", find(`"of the"`)},
	} {
		b.Run(test.name, func(b *testing.B) {
			var slowest time.Duration
			for b.Loop() {
				began := time.Now()
				test.do()
				slowest = max(slowest, time.Since(began))
			}
			b.ReportMetric(float64(slowest)/1e6, "slowest-ms")
		})
	}
}

// deaf is a Subscriber whom nobody hears of.
type deaf struct{}

func (deaf) Deliver(*parley.Event) {}
func (deaf) End(parley.Ending)     {}

// lineMaker returns a way to make lines of ten words, the first of them as
// frequent as those of English.
func lineMaker() func() string {
	chance := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("the of and to in is you that it he was for on are as with his they at be this have from or had by hot but some what there we can out other were all your when up use word how said an each she their th")
	for len(words) < 20_000 {
		words = append(words, strings.ToLower(parley.NewRoomID()[:3+chance.IntN(8)]))
	}
	rank := rand.NewZipf(chance, 1.1, 3, uint64(len(words)-1))
	return func() string {
		line := make([]string, 10)
		for i := range line {
			line[i] = words[rank.Uint64()]
		}
		return strings.Join(line, " ")
	}
}
