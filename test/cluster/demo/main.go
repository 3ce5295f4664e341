// Command demo starts an installation of several nodes on this machine, for
// trying: PostgreSQL, NATS and three nodes behind nginx. Ctrl-C ends all of it,
// and what was said is forgotten. `make cluster-demo` runs it, in the folder of
// the module test.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/seed-4a326f83/parley/internal/pgtest"
	"github.com/seed-4a326f83/parley/test/cluster"
)

func main() {
	cluster.Child()
	listen := flag.String("listen", "127.0.0.1:8080", "address of nginx, host and port")
	nodes := flag.Int("nodes", 3, "how many nodes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *nodes); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run starts everything, in the order in which it is needed, and ends it in the
// other.
func run(ctx context.Context, listen string, nodes int) error {
	dir, err := os.MkdirTemp("", "parley-cluster-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("Building parley; logs and all else are in %s\n", dir)
	binary := filepath.Join(dir, "parley")
	if err := cluster.Build("..", binary); err != nil {
		return err
	}

	fmt.Println("Starting PostgreSQL, NATS and the nodes")
	postgres, err := pgtest.Start(pgtest.Config{Durable: true})
	if err != nil {
		return err
	}
	defer postgres.Stop()
	database, err := postgres.CreateDatabase(ctx)
	if err != nil {
		return err
	}
	c, err := cluster.Start(cluster.Config{
		Dir: dir, Binary: binary, Store: postgres.URL(database), NATS: 1, Nodes: nodes,
		Args: []string{"--trusted-proxies", "127.0.0.1"},
	})
	defer c.Stop()
	if err != nil {
		return err
	}
	nginx, err := startNginx(dir, listen, c.Addrs())
	if err != nil {
		return err
	}
	defer nginx.Kill()

	fmt.Printf("\nParley is open at http://%s/ (Ctrl-C stops it)\n\n", listen)
	for _, n := range c.Nodes {
		fmt.Printf("  %s, process %d, is http://%s/\n", n.Name, n.PID(), n.Addr())
	}
	fmt.Println("\nOpen it in two browsers, kill -9 one of the nodes, and talk on.")
	select {
	case <-ctx.Done():
		fmt.Println("\nStopping")
	case <-nginx.Done():
		return fmt.Errorf("nginx ended:\n%s", nginx.Tail(2000))
	}
	return nil
}
