// Command ticker is a price board on Parley's rooms: a chat server of one's own, a page that speaks the plain protocol at
// /ws (index.html), and a participant inside the server that sends made-up prices to the room "prices" twice a second, as
// signals of the kind x-prices. Nothing is kept.
package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"log"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/hub"
	"github.com/seed-4a326f83/parley/server"
	"github.com/seed-4a326f83/parley/sqlite"
)

//go:embed index.html
var page embed.FS

func main() {
	listen := flag.String("listen", "127.0.0.1:8082", "`address` to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *listen); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, listen string) error {
	dir, err := os.MkdirTemp("", "ticker-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	store, err := sqlite.Open(ctx, filepath.Join(dir, "ticker.db"))
	if err != nil {
		return err
	}
	defer store.Close()
	bus := hub.NewBus(1024)
	defer bus.Close()
	rooms := chat.New(chat.Config{Store: store, Bus: bus, Guests: true})
	gateway := server.New(server.Config{Chat: rooms, Page: http.FileServerFS(page)})
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	log.Printf("ticker is at http://%s/", listener.Addr())
	web := &http.Server{Handler: gateway, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 2)
	go func() { failed <- web.Serve(listener) }()
	go func() { failed <- publish(ctx, rooms) }()
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	leaving, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(err, gateway.Shutdown(leaving), web.Shutdown(leaving))
}

// publish is the participant: it says hello, joins, and tells prices until ctx is done.
func publish(ctx context.Context, rooms *chat.Chat) error {
	session := rooms.Connect(deaf{}, nil)
	defer session.Close()
	say := func(r *chat.Request) error {
		answer := make(chan error, 1)
		session.Handle(ctx, r, func(_ any, err error) { answer <- err })
		return <-answer
	}
	err := errors.Join(say(&chat.Request{Type: "hello", Name: "Ticker"}), say(&chat.Request{Type: "join", Room: "prices"}))
	prices := map[string]float64{"ALDER": 82, "BIRCH": 147, "CEDAR": 310, "ELDER": 24, "HAZEL": 66, "MAPLE": 191, "ROWAN": 118}
	for ; err == nil && ctx.Err() == nil; time.Sleep(500 * time.Millisecond) {
		for name, price := range prices {
			prices[name] = math.Round(price*math.Exp(rand.NormFloat64()*0.002)*100) / 100
		}
		body, _ := json.Marshal(prices) // a map of numbers can be encoded
		err = say(&chat.Request{Type: "signal", Room: "prices", Kind: "x-prices", Body: body})
	}
	return err
}

// deaf is where a participant that only talks gets its events.
type deaf struct{}

func (deaf) Deliver(*parley.Event) {}
func (deaf) End(parley.Ending)     {}
