package test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that must happen: long enough for a
// machine that is busy with other things, since a test only waits it out when
// it fails.
const patience = 30 * time.Second

// unlimited lifts the rates, for tests of something else than the rates.
var unlimited = []string{"--publish-rate", "0"}

// A server is a running parley, its data folder, and what it printed. The
// folder outlives the process: start again after kill or stop.
type server struct {
	t    testing.TB
	data string
	args []string
	// limits is a shell's ulimit command under which it runs; "" is none.
	limits string

	process *process // nil while none runs
	stderr  lockedBuffer
}

// process is one life of a server.
type process struct {
	cmd  *exec.Cmd
	addr string
	// setup is the link that was printed to become the first admin with; "" is none.
	setup string
	done  chan struct{} // closed when it has ended
	err   error         // of Wait, once done is closed
}

// newServer starts a server with a data folder of its own, which ends with
// the test.
func newServer(t testing.TB, args ...string) *server {
	t.Helper()
	return newServerUnder(t, "", args...)
}

// newServerUnder is newServer with a ulimit command.
func newServerUnder(t testing.TB, limits string, args ...string) *server {
	t.Helper()
	s := &server{t: t, data: t.TempDir(), args: args, limits: limits}
	t.Cleanup(func() {
		if s.process != nil {
			s.process.kill()
		}
		log := s.stderr.String()
		if t.Failed() && log != "" {
			t.Logf("the server's log ends:\n%s", s.stderr.tail(4000))
		}
		if strings.Contains(log, "DATA RACE") || strings.Contains(log, "panic:") {
			t.Errorf("the server's log tells of a fault:\n%s", s.stderr.tail(8000))
		}
	})
	s.start()
	return s
}

var (
	address = regexp.MustCompile(`http://([^/\s]+)/(?:\s|$)`)
	setup   = regexp.MustCompile(`http://\S+#setup=\S+`)
)

// launch runs the binary and returns the lines it prints on standard output.
func (s *server) launch() (*process, io.Reader) {
	s.t.Helper()
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data", s.data}, s.args...)
	cmd := exec.Command(binary, args...)
	if s.limits != "" {
		cmd = exec.Command("/bin/sh", append([]string{"-c", s.limits + ` && exec "$0" "$@"`, binary}, args...)...)
	}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PARLEY_") { // would set a flag
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Stderr = &s.stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	return &process{cmd: cmd, done: make(chan struct{})}, stdout
}

// wait reaps the process; it runs once, after everything printed was read.
func (p *process) wait() {
	p.err = p.cmd.Wait()
	close(p.done)
}

// start runs the binary and waits until it answers.
func (s *server) start() {
	s.t.Helper()
	p, stdout := s.launch()
	found := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if link := setup.FindString(lines.Text()); link != "" {
				p.setup = link // printed before the address
			}
			if m := address.FindStringSubmatch(lines.Text()); m != nil {
				select {
				case found <- m[1]:
				default:
				}
			}
		}
		p.wait()
	}()
	select {
	case p.addr = <-found:
	case <-p.done:
		s.t.Fatalf("parley serve ended before it printed an address: %v\n%s", p.err, s.stderr.tail(4000))
	case <-time.After(patience):
		p.kill()
		s.t.Fatalf("parley serve printed no address in %s", patience)
	}
	s.process = p
	s.healthy()
}

// healthy checks that the server answers its health check.
func (s *server) healthy() {
	s.t.Helper()
	client := http.Client{Timeout: patience}
	res, err := client.Get(s.url() + "/healthz")
	if err != nil {
		s.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		s.t.Fatalf("GET /healthz: %s", res.Status)
	}
}

// kill ends the process as kill -9 does and waits until it is gone.
func (s *server) kill() {
	s.process.kill()
	s.process = nil
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// stop asks the process to end and checks that it does so cleanly.
func (s *server) stop() {
	s.t.Helper()
	s.terminate()
	s.ended()
}

func (s *server) terminate() { s.process.cmd.Process.Signal(syscall.SIGTERM) }

// ended waits for the end of a process that was asked to, and checks that it
// is a clean one.
func (s *server) ended() {
	s.t.Helper()
	p := s.process
	s.process = nil
	select {
	case <-p.done:
		if p.err != nil {
			s.t.Errorf("parley serve after SIGTERM: %v", p.err)
		}
	case <-time.After(patience):
		p.kill()
		s.t.Errorf("parley serve still ran %s after SIGTERM", patience)
	}
}

func (s *server) addr() string { return s.process.addr }
func (s *server) url() string  { return "http://" + s.addr() }

// lockedBuffer is a buffer for many goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *lockedBuffer) tail(n int) string {
	s := b.String()
	return s[max(0, len(s)-n):]
}

// needs fails the test unless every program is on the PATH: what is missing is
// an error here, never a skip.
func needs(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Fatalf("%v; `make test` installs what the tests need", err)
		}
	}
}

// environ is this process' environment with the given variables set.
func environ(vars ...string) []string { return append(os.Environ(), vars...) }
