package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// child names the variable that makes a program of ours a NATS server.
const child = "CLUSTER_NATS"

// Child becomes what this program was started as by package cluster, if it was,
// and does not return then. A program that uses a [NATS] calls it first.
func Child() {
	options := os.Getenv(child)
	if options == "" {
		return
	}
	if err := serveNATS(options); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// natsOptions are what a NATS server is told.
type natsOptions struct {
	Name      string
	Host      string
	Port      int
	RoutePort int      // 0: alone
	Routes    []string // where the others of the cluster are
}

func serveNATS(text string) error {
	var o natsOptions
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	options := &server.Options{
		ServerName: o.Name, Host: o.Host, Port: o.Port, NoSigs: true,
		// A dead peer is noticed soon, since that is what is tried.
		PingInterval: 5 * time.Second, MaxPingsOut: 2, WriteDeadline: 10 * time.Second,
	}
	if o.RoutePort != 0 {
		options.Cluster = server.ClusterOpts{Name: "parley", Host: o.Host, Port: o.RoutePort}
		for _, route := range o.Routes {
			u, err := url.Parse(route)
			if err != nil {
				return err
			}
			options.Routes = append(options.Routes, u)
		}
	}
	s, err := server.NewServer(options)
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-stop
		s.Shutdown()
	}()
	s.Start()
	s.WaitForShutdown()
	return nil
}

// NATS is a NATS server or a cluster of them, each an embedded server in a
// process of its own, so that it can be killed.
type NATS struct {
	dir     string
	servers []natsOptions
	running []*Process
}

// NewNATS makes a cluster of so many servers, which listen on host. They do not
// run yet.
func NewNATS(dir, host string, servers int) (*NATS, error) {
	n := &NATS{dir: dir, running: make([]*Process, servers)}
	for i := range servers {
		o := natsOptions{Name: fmt.Sprintf("nats-%d", i+1), Host: host}
		var err1, err2 error
		o.Port, err1 = freePort(host)
		if servers > 1 {
			o.RoutePort, err2 = freePort(host)
		}
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		n.servers = append(n.servers, o)
	}
	for i := range n.servers {
		for j, other := range n.servers {
			if i != j {
				n.servers[i].Routes = append(n.servers[i].Routes, "nats://"+other.at(other.RoutePort))
			}
		}
	}
	return n, nil
}

func (o natsOptions) at(port int) string { return net.JoinHostPort(o.Host, strconv.Itoa(port)) }

// URL names all servers, as a client wants them.
func (n *NATS) URL() string {
	var urls []string
	for _, o := range n.servers {
		urls = append(urls, "nats://"+o.at(o.Port))
	}
	return strings.Join(urls, ",")
}

// Start starts those servers that do not run, and waits until they take clients.
func (n *NATS) Start() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for i, o := range n.servers {
		if n.running[i] != nil {
			continue
		}
		options, err := json.Marshal(o)
		if err != nil {
			return err
		}
		n.running[i], err = Run(n.dir, Command{Name: o.Name, Path: self, Env: []string{child + "=" + string(options)}})
		if err != nil {
			return err
		}
	}
	for i, o := range n.servers {
		if err := until(n.running[i], func() error { return answers(o.at(o.Port)) }); err != nil {
			return fmt.Errorf("NATS: %w", err)
		}
	}
	return nil
}

func answers(addr string) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	return c.Close()
}

// Kill ends all servers as kill -9 does.
func (n *NATS) Kill() {
	for i := range n.running {
		n.KillOne(i)
	}
}

// KillOne ends one of the servers, counted from 0, as kill -9 does.
func (n *NATS) KillOne(i int) {
	if p := n.running[i]; p != nil {
		p.Kill()
		n.running[i] = nil
	}
}
