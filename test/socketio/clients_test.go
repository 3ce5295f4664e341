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

// A task is what a script is told, in a list as JSON on its standard input.
type task struct {
	URL        string   `json:"url"`
	Recovery   string   `json:"recovery,omitempty"` // the URL of a server that has it on
	Module     string   `json:"module,omitempty"`   // of npm, which is the client
	Transports []string `json:"transports"`         // in this order
}

// run runs a script of this folder to its end, and what it started.
func run(t *testing.T, name string, tasks ...task) {
	t.Helper()
	input, err := json.Marshal(tasks)
	if err != nil {
		t.Fatal(err)
	}
	interpreter := "node"
	if strings.HasSuffix(name, ".py") {
		interpreter = debianPython
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+len(tasks))*patience)
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

var ways = []struct {
	name       string
	transports []string
}{
	{"polling", []string{"polling"}},
	{"websocket", []string{"websocket"}},
	{"upgrade", []string{"polling", "websocket"}},
}

// The newest client, and an old one, which knows nothing of recovery.
const (
	newest = "socket.io-client"
	old    = "socket.io-client-old"
)

func newTask(t *testing.T, module string, transports []string) task {
	t.Helper()
	work := task{URL: startSite(t, false).url(), Module: module, Transports: transports}
	if module == newest {
		work.Recovery = startSite(t, true).url()
	}
	return work
}

func TestNode(t *testing.T) {
	for _, module := range []string{newest, old} {
		for _, way := range ways {
			t.Run(module+" "+way.name, func(t *testing.T) { run(t, "node.mjs", newTask(t, module, way.transports)) })
		}
	}
}

func TestChromium(t *testing.T) {
	var tasks []task
	for _, module := range []string{newest, old} {
		for _, way := range ways {
			tasks = append(tasks, newTask(t, module, way.transports))
		}
	}
	run(t, "chromium.mjs", tasks...) // one browser for all: to start it takes longer than to talk
}

func TestPython(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) { run(t, "python.py", newTask(t, "", way.transports)) })
	}
}
