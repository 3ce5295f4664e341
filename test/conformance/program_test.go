package conformance

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/test/interop/certificate"
)

var (
	executable string                   // the conformance example, built for these tests
	racing     string                   // the same, with the race detector
	cert       *certificate.Certificate // of all servers here
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "parley-conformance-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if cert, err = certificate.Make(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	executable, racing = filepath.Join(dir, "conformance"), filepath.Join(dir, "racing")
	for path, race := range map[string]string{executable: "-race=false", racing: "-race"} {
		build := exec.Command("go", "build", "-C", "../..", "-o", path, race, "./examples/conformance")
		if text, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building the conformance example: %v\n%s", err, text)
			return 1
		}
	}
	code := m.Run()
	if len(allFaults) > 0 {
		fmt.Printf("rows that fail:\n%s", strings.Join(allFaults, ""))
	}
	return code
}

// A program is the conformance example, running.
type program struct {
	pid   int
	addr  string        // a server listens here
	ended chan struct{} // closed when it has ended by itself
	err   error         // how, once ended is closed
}

var address = regexp.MustCompile(`wss?://([^/\s]+)/`)

// start runs the conformance example. It is killed when the test ends; what it printed is shown if the test failed.
func start(t *testing.T, executable string, args ...string) *program {
	t.Helper()
	cmd := exec.Command(executable, args...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &program{pid: cmd.Process.Pid, ended: make(chan struct{})}
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
	go func() {
		defer close(p.ended)
		reading.Wait()
		p.err = cmd.Wait()
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-p.ended
		if printed := log.String(); t.Failed() || strings.Contains(printed, "panic") || strings.Contains(printed, "DATA RACE") {
			t.Errorf("conformance %s printed:\n%s", strings.Join(args, " "), printed)
		}
	})
	if args[0] == "server" {
		select {
		case p.addr = <-found:
		case <-p.ended:
			t.Fatalf("the server ended: %v", p.err)
		case <-time.After(patience):
			t.Fatal("the server printed no address")
		}
	}
	return p
}

func startServer(t *testing.T, executable string, args ...string) *program {
	t.Helper()
	return start(t, executable, append([]string{"server", "--listen", "127.0.0.1:0"}, args...)...)
}
