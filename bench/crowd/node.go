package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// A node is a running parley.
type node struct {
	addr string
	cmd  *exec.Cmd
	log  *os.File
}

// build builds parley into a folder, from the module above the working directory,
// which is bench's.
func build(ctx context.Context, folder string) (binary string, err error) {
	binary = filepath.Join(folder, "parley")
	cmd := exec.CommandContext(ctx, "go", "build", "-C", "..", "-o", binary, "./cmd/parley")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building parley: %w\n%s", err, out)
	}
	return binary, nil
}

// start starts parley at addr, whose port may be 0, with its data in folder.
func start(binary, folder, addr string, args ...string) (*node, error) {
	args = append([]string{"serve", "--listen", addr, "--data", folder, "--guests"}, args...)
	n := &node{cmd: exec.Command(binary, args...)}
	log, err := os.Create(folder + ".log")
	if err != nil {
		return nil, err
	}
	n.log, n.cmd.Stderr = log, log
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := n.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if _, url, found := strings.Cut(lines.Text(), "open at http://"); found {
			n.addr, _, _ = strings.Cut(url, "/")
			return n, nil
		}
	}
	n.stop()
	told, _ := os.ReadFile(log.Name())
	return nil, errors.New("parley did not start: " + string(told))
}

// stop ends the node as a restart does, and waits until it is gone.
func (n *node) stop() error {
	n.cmd.Process.Signal(syscall.SIGTERM)
	err := n.cmd.Wait()
	n.log.Close()
	return err
}
