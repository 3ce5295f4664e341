package socketio

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// patience bounds every wait for something that must happen; a test waits it out only when it fails.
	patience = 60 * time.Second
	// debianPython is the python3 that Debian's python3-socketio belongs to; another may come first on the PATH.
	debianPython = "/usr/bin/python3"
)

// A task is what a script is told, as JSON on its standard input.
type task struct {
	URL        string   `json:"url"`
	Recovery   string   `json:"recovery"`   // the URL of a server that has it on
	Module     string   `json:"module"`     // of Node, which is the client
	Transports []string `json:"transports"` // in this order
}

// run runs a script of this folder to its end, and what it started.
func run(t *testing.T, name string, work task) {
	t.Helper()
	input, err := json.Marshal(work)
	if err != nil {
		t.Fatal(err)
	}
	interpreter := "node"
	if strings.HasSuffix(name, ".py") {
		interpreter = debianPython
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, interpreter, name)
	cmd.Stdin = bytes.NewReader(input)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s\n(`make test` installs what the tests need)", name, err, text)
	}
}

var transports = map[string][]string{
	"polling":   {"polling"},
	"websocket": {"websocket"},
	"upgrade":   {"polling", "websocket"},
}

func TestNode(t *testing.T) {
	for _, module := range []string{"socket.io-client", "socket.io-client-old"} {
		for name, these := range transports {
			t.Run(module+" "+name, func(t *testing.T) {
				work := task{URL: "http://" + startSite(t, false).addr, Module: module, Transports: these}
				if module == "socket.io-client" { // the old one knows nothing of it
					work.Recovery = "http://" + startSite(t, true).addr
				}
				run(t, "client.mjs", work)
			})
		}
	}
}

func TestPython(t *testing.T) {
	for name, these := range transports {
		t.Run(name, func(t *testing.T) {
			run(t, "client.py", task{URL: "http://" + startSite(t, false).addr, Transports: these})
		})
	}
}
