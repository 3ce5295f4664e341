package cluster

import (
	"fmt"
	"os/exec"
)

// Build compiles cmd/parley of the repository at root into a file.
func Build(root, file string, flags ...string) error {
	args := append([]string{"build", "-C", root, "-o", file}, flags...)
	out, err := exec.Command("go", append(args, "./cmd/parley")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("building cmd/parley: %w\n%s", err, out)
	}
	return nil
}

// A Cluster is nodes on one store and one bus.
type Cluster struct {
	NATS  *NATS
	Nodes []*Node
}

// Addrs returns where those nodes listen that run.
func (c *Cluster) Addrs() []string {
	var addrs []string
	for _, n := range c.Nodes {
		if a := n.Addr(); a != "" {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// A Config says what a cluster is made of.
type Config struct {
	Dir    string // for logs and data folders
	Binary string // of parley
	Store  string // the database, postgres://...
	NATS   int    // servers
	Nodes  int
	Args   []string // of parley serve, besides
}

// Start starts a cluster. What runs when it fails ends by Stop all the same.
func Start(config Config) (*Cluster, error) {
	c := &Cluster{}
	var err error
	if c.NATS, err = NewNATS(config.Dir, "127.0.0.1", config.NATS); err != nil {
		return c, err
	}
	if err := c.NATS.Start(); err != nil {
		return c, err
	}
	for i := range config.Nodes {
		n := NewNode(config.Dir, fmt.Sprintf("node-%d", i+1), config.Binary,
			append([]string{"--store", config.Store, "--bus", c.NATS.URL()}, config.Args...)...)
		c.Nodes = append(c.Nodes, n)
		if err := n.Start(); err != nil {
			return c, err
		}
	}
	return c, nil
}

// Stop ends all that runs, at once.
func (c *Cluster) Stop() {
	for _, n := range c.Nodes {
		n.Kill()
	}
	if c.NATS != nil {
		c.NATS.Kill()
	}
}
