// Package examples drives the programs under examples/ from outside, as those who copy them will: from npm's ws and from
// Chromium, over sockets.
package examples

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that must happen; a test waits it out only when it fails.
const patience = 30 * time.Second

// binaries is the folder of the programs.
var binaries string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "parley-examples-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binaries = dir
	build := exec.Command("go", "build", "-C", "../..", "-o", dir+string(filepath.Separator), "./examples/...")
	if text, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the examples: %v\n%s", err, text)
		return 1
	}
	return m.Run()
}

// A program is an example that runs.
type program struct {
	addr string // it listens here
	pid  int
}

var address = regexp.MustCompile(`(?:ws|http)://([^/\s]+)/`)

// start runs an example on a free port until the test ends.
func start(t *testing.T, name string, args ...string) *program {
	t.Helper()
	cmd := exec.Command(filepath.Join(binaries, name), append([]string{"--listen", "127.0.0.1:0"}, args...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found := make(chan string, 1)
	var log bytes.Buffer
	var reading sync.WaitGroup
	reading.Go(func() {
		lines := bufio.NewReader(io.TeeReader(stderr, &log))
		for {
			line, err := lines.ReadString('\n')
			if m := address.FindStringSubmatch(line); m != nil {
				select {
				case found <- m[1]:
				default:
				}
			}
			if err != nil {
				return
			}
		}
	})
	t.Cleanup(func() {
		cmd.Process.Kill()
		reading.Wait()
		cmd.Wait()
		if t.Failed() || strings.Contains(log.String(), "panic") {
			t.Errorf("%s printed:\n%s", name, log.String())
		}
	})
	select {
	case addr := <-found:
		return &program{addr, cmd.Process.Pid}
	case <-time.After(patience):
		t.Fatalf("%s printed no address", name)
		return nil
	}
}

// script runs a Node script of this folder and returns what it printed.
func script(t *testing.T, env []string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that a browser ends with the script
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("node %s: %v\n%s\n(`make test` installs what the tests need)", strings.Join(args, " "), err, text)
	}
	return text
}
