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
	"strings"
	"syscall"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/server"
	"github.com/seed-4a326f83/parley/web"
	"github.com/seed-4a326f83/parley/websocket"
)

const (
	// headerTime and maxHeader bound what a request may say before it is heard.
	headerTime = 5 * time.Second
	maxHeader  = 16 << 10
	// answerTime is how long a request other than an upgrade may take.
	answerTime = 30 * time.Second
	// headerSlack is what net/http reads beyond Server.MaxHeaderBytes.
	headerSlack = 4 << 10
	// stopTime is how long connections may take to say goodbye.
	stopTime = 25 * time.Second
)

type serveCmd struct {
	Listen         string     `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on (default ${default}). Port 0 takes a free one."`
	Data           string     `default:"./parley-data" type:"path" placeholder:"FOLDER" help:"Folder for everything that is kept (default ./parley-data)."`
	Store          string     `placeholder:"URL" help:"Address of a PostgreSQL database that keeps everything instead of --data, such as postgres://parley@db.example.org/parley. Any number of nodes may use one, with --bus. Give one with a password in the environment."`
	PublicURL      *url.URL   `placeholder:"URL" help:"Address under which people open this server, where it is not the one it listens on."`
	Accounts       bool       `help:"People sign in with a name and a password; the first one becomes the admin by a link that is printed, and invites the others."`
	Guests         bool       `help:"Whoever gives a name may come in. On a loopback address that is so anyway, unless there is another way to sign in."`
	TLSCert        string     `name:"tls-cert" type:"existingfile" placeholder:"FILE" help:"Certificate (PEM, with its chain) for HTTPS; needs --tls-key."`
	TLSKey         string     `name:"tls-key" type:"existingfile" placeholder:"FILE" help:"The certificate's private key."`
	HTTPListen     string     `name:"http-listen" placeholder:"HOST:PORT" help:"With --tls-cert, an address for plain HTTP that leads to HTTPS."`
	AllowOrigin    []string   `placeholder:"ORIGIN" help:"Origin of another site whose pages may use this server, such as https://intranet.example.org; may be repeated."`
	TrustedProxies []string   `placeholder:"CIDR" help:"Addresses of reverse proxies whose X-Forwarded-For is believed; may be repeated."`
	JWT            jwtFlags   `embed:"" prefix:"jwt-" group:"Tokens of another system"`
	OIDC           oidcFlags  `embed:"" prefix:"oidc-" group:"Signing in with OpenID Connect"`
	Bus            busFlags   `embed:"" group:"Several nodes"`
	Limits         limitFlags `embed:"" group:"Limits (0 sets none)"`
}

// Validate implements kong's check of flags.
func (c *serveCmd) Validate() error {
	if err := c.Limits.check(); err != nil {
		return err
	}
	if err := c.checkStore(); err != nil {
		return err
	}
	if err := c.Bus.check(c.Store != ""); err != nil {
		return err
	}
	if u := c.PublicURL; u != nil && (u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "") {
		return errors.New("--public-url must be a whole address, such as https://chat.example.org")
	}
	return c.checkSignIn()
}

// Run serves until ctx is done.
func (c *serveCmd) Run(ctx context.Context) (err error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	limitMemory(log)
	verify, err := c.verifier()
	if err != nil {
		return err
	}
	origins, err1 := c.origins()
	proxies, err2 := c.proxies()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	// Listening comes first, so that a taken port is told at once and leaves no
	// folder behind. Nobody is answered before all stands.
	listener, err := listen(ctx, c.Listen)
	if err != nil {
		return fmt.Errorf("%w; name another address with --listen", err)
	}
	defer listener.Close()
	store, where, err := c.openStore(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	bus, closeBus, err := c.Bus.open(ctx, store, log)
	if err != nil {
		return err
	}
	defer closeBus()
	open := openAddress(listener.Addr(), c.PublicURL, c.TLSCert != "")
	ways, err := c.signIns(ctx, store, open)
	if err != nil {
		return err
	}
	gateway := server.New(server.Config{
		Chat:           chat.New(chat.Config{Store: store, Bus: bus, Guests: c.guests(), Verify: verify, Limits: c.Limits.chat(), Log: log}),
		Page:           web.Handler(),
		PublicURL:      c.PublicURL,
		AllowOrigins:   origins,
		TrustedProxies: proxies,
		SignIns:        ways,
		Limits:         c.Limits.server(),
		Log:            log,
	})
	httpServer := &http.Server{
		Handler:           gateway,
		ReadHeaderTimeout: headerTime,
		MaxHeaderBytes:    maxHeader - headerSlack,
		WriteTimeout:      answerTime, // of the page; an upgraded connection has none
		IdleTimeout:       time.Minute,
		ConnState:         gateway.ConnState,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	fmt.Printf("Parley keeps its data in %s\n", where)
	if c.PublicURL != nil {
		fmt.Printf("Parley listens at %s\n", openAddress(listener.Addr(), nil, c.TLSCert != ""))
	}
	fmt.Printf("Parley is open at %s (Ctrl-C stops it)\n", open)

	go tidy(ctx)
	served := make(chan error, 2)
	switch {
	case c.TLSCert == "":
		go func() { served <- httpServer.Serve(listener) }()
	default:
		below := websocket.NewListener(listener) // so that idle connections have no goroutine here either
		go func() { served <- httpServer.ServeTLS(below, c.TLSCert, c.TLSKey) }()
	}
	if c.HTTPListen != "" {
		plain, err := listen(ctx, c.HTTPListen)
		if err != nil {
			return fmt.Errorf("%w; name another address with --http-listen", err)
		}
		redirect := redirector(open)
		defer redirect.Close()
		go func() { served <- redirect.Serve(plain) }()
	}
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

// limitMemory sets the runtime's memory limit, unless GOMEMLIMIT does: to nine
// tenths of what the container may have, or the machine has. The server takes no
// more connections in well below it.
func limitMemory(log *slog.Logger) {
	from := memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)
	if _, err := memlimit.Set(memlimit.WithRatio(0.9), memlimit.WithProvider(from)); err != nil {
		log.Warn("how much memory there is cannot be told; set GOMEMLIMIT", "error", err)
	}
}

// makeFolder makes a folder where there is none, and syncs the one it is in: a
// database in a folder that a power cut takes back is lost.
func makeFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	parent, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil // it is there, and not for us to read or sync
	}
	defer parent.Close()
	parent.Sync() // not every system lets a folder be synced
	return nil
}

// listen listens on a TCP address; a peer whose kernel is silent is given up
// after as long as one that answers no heartbeat.
func listen(ctx context.Context, address string) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, fd syscall.RawConn) error {
		return setUserTimeout(fd, chat.DefaultHeartbeat.Interval+chat.DefaultHeartbeat.Timeout)
	}}
	return config.Listen(ctx, "tcp", address)
}

// openAddress returns what to type into a browser.
func openAddress(listening net.Addr, public *url.URL, tls bool) string {
	if public != nil {
		return public.String()
	}
	addr, ok := listening.(*net.TCPAddr)
	if ok && addr.IP.IsUnspecified() {
		addr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: addr.Port}
	}
	if tls {
		return fmt.Sprintf("https://%s/", addr)
	}
	return fmt.Sprintf("http://%s/", addr)
}

// redirector returns a server that leads to the same path of another address.
func redirector(to string) *http.Server {
	to = strings.TrimSuffix(to, "/")
	return &http.Server{
		ReadHeaderTimeout: headerTime,
		MaxHeaderBytes:    maxHeader - headerSlack,
		WriteTimeout:      answerTime,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, to+r.URL.RequestURI(), http.StatusPermanentRedirect)
		}),
	}
}
