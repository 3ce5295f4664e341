package cluster

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

// A Node is a parley with a data folder of its own. Its methods are called from
// one goroutine, but for Addr.
type Node struct {
	Name   string
	Binary string
	Args   []string // of parley serve, besides --listen and --data
	// Listen is where it listens, 127.0.0.1:0 if "": a port that is free.
	Listen string
	// Namespace is that of its network; "": ours.
	Namespace string

	dir     string // the log, and the data folder
	process *Process
	mu      sync.Mutex
	addr    string
	setup   string
}

var (
	address = regexp.MustCompile(`Parley (?:is open|listens) at http://([^/\s]+)/`)
	setup   = regexp.MustCompile(`#setup=(\S+)`)
)

// Addr returns where the node listens, host and port; "" where it does not run.
func (n *Node) Addr() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.addr
}

// Setup returns the token that the node printed to become the first admin with;
// "" if none.
func (n *Node) Setup() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.setup
}

func (n *Node) setAddr(addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addr = addr
}

// Start starts the node and waits until it answers.
func (n *Node) Start() error {
	if n.process != nil && n.process.Running() {
		return errors.New(n.Name + " runs already")
	}
	listen := n.Listen
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	found := make(chan string, 4)
	args := append([]string{"serve", "--listen", listen, "--data", filepath.Join(n.dir, n.Name)}, n.Args...)
	p, err := Run(n.dir, Command{Name: n.Name, Path: n.Binary, Args: args, Namespace: n.Namespace, Line: func(line string) {
		if m := setup.FindStringSubmatch(line); m != nil {
			n.mu.Lock()
			n.setup = m[1]
			n.mu.Unlock()
		}
		if m := address.FindStringSubmatch(line); m != nil {
			select {
			case found <- m[1]:
			default:
			}
		}
	}})
	if err != nil {
		return err
	}
	n.process = p
	var addr string
	select {
	case addr = <-found:
	case <-p.done:
		return fmt.Errorf("%s ended (%v); its log ends:\n%s", n.Name, p.err, p.Tail(2000))
	case <-time.After(Patience):
		return fmt.Errorf("%s printed no address in %s; its log ends:\n%s", n.Name, Patience, p.Tail(2000))
	}
	if err := AwaitHealth(p, addr); err != nil {
		return err
	}
	n.setAddr(addr)
	return nil
}

// AwaitHealth waits until the health check of what p serves at addr succeeds.
func AwaitHealth(p *Process, addr string) error {
	return until(p, func() error { return healthy(addr) })
}

func healthy(addr string) error {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + addr + "/healthz")
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New("GET /healthz: " + res.Status)
	}
	return nil
}

// PID returns the number of the node's process.
func (n *Node) PID() int { return n.process.cmd.Process.Pid }

// Signal sends the node a signal.
func (n *Node) Signal(s os.Signal) error { return n.process.Signal(s) }

// Kill ends the node as kill -9 does.
func (n *Node) Kill() {
	n.setAddr("")
	if n.process != nil {
		n.process.Kill()
	}
}

// Stop asks the node to end, and waits for that. From the first it is no longer
// told as one to connect to.
func (n *Node) Stop() error {
	n.setAddr("")
	return n.process.Stop()
}

// Log returns the end of what the node has logged in all its lives.
func (n *Node) Log(size int) string { return tail(filepath.Join(n.dir, n.Name+".log"), size) }

// NewNode makes a node whose log and data folder are in dir. It does not run yet.
func NewNode(dir, name, binary string, args ...string) *Node {
	return &Node{Name: name, Binary: binary, Args: args, dir: dir}
}
