// Command cursors shows everyone on a page where everyone else points, on Parley's rooms: a chat server of one's own and a
// page, nothing more. The page (index.html) speaks the plain protocol at /ws: cursors are signals of the kind x-cursor, who
// is here is the room's presence, and the room is what stands behind # in the address. Nothing is kept.
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/hub"
	"github.com/seed-4a326f83/parley/server"
	"github.com/seed-4a326f83/parley/sqlite"
)

//go:embed index.html
var page embed.FS

func main() {
	listen := flag.String("listen", "127.0.0.1:8083", "`address` to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *listen); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, listen string) error {
	dir, err := os.MkdirTemp("", "cursors-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	store, err := sqlite.Open(ctx, filepath.Join(dir, "cursors.db"))
	if err != nil {
		return err
	}
	defer store.Close()
	bus := hub.NewBus(1024)
	defer bus.Close()
	gateway := server.New(server.Config{
		Chat: chat.New(chat.Config{Store: store, Bus: bus, Guests: true}),
		Page: http.FileServerFS(page),
	})
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	log.Printf("cursors is at http://%s/", listener.Addr())
	web := &http.Server{Handler: gateway, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	leaving, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(err, gateway.Shutdown(leaving), web.Shutdown(leaving))
}
