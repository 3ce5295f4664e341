package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/hub"
	"github.com/seed-4a326f83/parley/server"
	"github.com/seed-4a326f83/parley/sqlite"
	"github.com/seed-4a326f83/parley/web"
)

const (
	// headerTime and maxHeader bound what a request may say before it is heard.
	headerTime = 5 * time.Second
	maxHeader  = 16 << 10
	// headerSlack is what net/http reads beyond Server.MaxHeaderBytes.
	headerSlack = 4 << 10
	// stopTime is how long connections may take to say goodbye.
	stopTime = 25 * time.Second
	// busQueue is how many messages may be committed and not yet delivered.
	busQueue = 4096
)

type serveCmd struct {
	Listen       string   `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on (default ${default}). Port 0 takes a free one."`
	Data         string   `default:"./parley-data" type:"path" placeholder:"FOLDER" help:"Folder for everything that is kept (default ./parley-data)."`
	PublicURL    *url.URL `placeholder:"URL" help:"Address under which people open this server, where it is not the one it listens on."`
	PublishRate  float64  `default:"20" help:"Messages a second that one connection may publish; three times as many a person. 0: no limit."`
	PublishBurst int      `default:"60" help:"Messages that may come at once before the rate counts."`
}

// Run serves until ctx is done.
func (c *serveCmd) Run(ctx context.Context) (err error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("the data folder cannot be made: %w", err)
	}
	lock := flock.New(filepath.Join(c.Data, "parley.lock"))
	if ok, err := lock.TryLock(); err != nil {
		return fmt.Errorf("the data folder cannot be locked: %w", err)
	} else if !ok {
		return fmt.Errorf("another parley runs on %s; stop it, or name another folder with --data", c.Data)
	}
	defer lock.Unlock()

	// Listening comes before the store, so that a taken port is told at once.
	listener, err := listen(ctx, c.Listen)
	if err != nil {
		return fmt.Errorf("%w; name another address with --listen", err)
	}
	defer listener.Close()

	store, err := sqlite.Open(ctx, filepath.Join(c.Data, "parley.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	bus := hub.NewBus(busQueue)
	defer bus.Close()
	limits := chat.DefaultLimits
	limits.PublishRate, limits.PublishBurst = c.PublishRate, c.PublishBurst
	gateway := server.New(server.Config{
		Chat:      chat.New(chat.Config{Store: store, Bus: bus, Limits: limits, Heartbeat: server.DefaultHeartbeat, Log: log}),
		Page:      web.Handler(),
		PublicURL: c.PublicURL,
		Log:       log,
	})
	httpServer := &http.Server{
		Handler:           gateway,
		ReadHeaderTimeout: headerTime,
		MaxHeaderBytes:    maxHeader - headerSlack,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	fmt.Printf("Parley keeps its data in %s\nParley is open at %s (Ctrl-C stops it)\n", c.Data, openAddress(listener.Addr(), c.PublicURL))

	served := make(chan error, 1)
	go func() { served <- httpServer.Serve(listener) }()
	select {
	case err = <-served:
		return err
	case <-ctx.Done():
	}
	fmt.Println("Parley stops: saying goodbye to everyone")
	stopping, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	listener.Close()
	err = gateway.Shutdown(stopping)
	return errors.Join(err, httpServer.Shutdown(stopping))
}

// listen listens on a TCP address; a peer whose kernel is silent is given up
// after as long as one that answers no heartbeat.
func listen(ctx context.Context, address string) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, fd syscall.RawConn) error {
		return setUserTimeout(fd, server.DefaultHeartbeat.Interval+server.DefaultHeartbeat.Timeout)
	}}
	return config.Listen(ctx, "tcp", address)
}

// openAddress returns what to type into a browser.
func openAddress(listening net.Addr, public *url.URL) string {
	if public != nil {
		return public.String()
	}
	addr, ok := listening.(*net.TCPAddr)
	if ok && addr.IP.IsUnspecified() {
		addr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: addr.Port}
	}
	return fmt.Sprintf("http://%s/", addr)
}
