package interop

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/test/interop/certificate"
)

const (
	// patience bounds every wait for something that must happen; a test waits it out only when it fails.
	patience = 60 * time.Second
	// debianPython is the python3 that Debian's python3-websockets belongs to; another may come first on the PATH.
	debianPython = "/usr/bin/python3"
)

// cert is the certificate of all servers here.
var cert *certificate.Certificate

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "parley-interop-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if cert, err = certificate.Make(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// listen opens a port for a server of this process, over TLS if secure.
func listen(t *testing.T, secure bool) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if secure {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert.Pair}})
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// A task is what a script is told, as JSON on its standard input.
type task struct {
	URL     string `json:"url,omitempty"` // to connect to: the script is a client
	Cert    string `json:"cert"`          // of the server, and trusted by the client
	Key     string `json:"key,omitempty"` // of the server; without it, it speaks plainly
	Mode    mode   `json:"mode"`          // of compression
	Deflate bool   `json:"deflate"`       // whether compression must be agreed on
	Long    string `json:"long"`          // the long text
}

// command prepares a script of this folder, which ends with its children when the test does. It is told one task, or a list.
func command(ctx context.Context, t *testing.T, name string, tasks ...task) *exec.Cmd {
	t.Helper()
	for i := range tasks {
		tasks[i].Long = longText
	}
	var told any = tasks
	if len(tasks) == 1 {
		told = tasks[0]
	}
	input, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	interpreter := "node"
	if strings.HasSuffix(name, ".py") {
		interpreter = debianPython
	}
	cmd := exec.CommandContext(ctx, interpreter, name)
	cmd.Stdin = bytes.NewReader(input)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// runScript runs a script that is a client to its end.
func runScript(t *testing.T, name string, tasks ...task) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if text, err := command(ctx, t, name, tasks...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s\n(`make test` installs what the tests need)", name, err, text)
	}
}

// startScript runs a script that is a server until the test ends, and returns the port that it printed.
func startScript(t *testing.T, name string, work task) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := command(ctx, t, name, work)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatalf("%v (`make test` installs what the tests need)", err)
	}
	var reading sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		reading.Wait()
		cmd.Wait()
		if log.Len() > 0 {
			t.Errorf("%s printed:\n%s", name, log.String())
		}
	})
	port := make(chan string, 1)
	reading.Go(func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		port <- strings.TrimSpace(line)
		io.Copy(io.Discard, out)
	})
	select {
	case p := <-port:
		if p == "" {
			t.Fatalf("%s ended instead of serving (`make test` installs what the tests need)", name)
		}
		return p
	case <-time.After(patience):
		t.Fatalf("%s printed no port", name)
		return ""
	}
}
