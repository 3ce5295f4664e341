package test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"
)

// A control lets a program in another language have servers of its own, each
// behind a proxy, and do to them what happens in life:
//
//	POST /servers                    with rates=default, the rates are not lifted; with accounts=1, people sign in, and
//	                                 with guests=1 come in by name all the same; with oidc=URL, by that provider (whose
//	                                 client "parley" the server is); with jwt=FILE, by tokens signed with that key
//	                                 -> {"id": 0, "url": "http://...", "direct": "http://...", "setup": "http://..."}
//	POST /servers/{id}/{what}        kill, stop, start, wipe, cut, stall, restore
//	POST /servers/{id}/gate          puts a web proxy in front, or changes it: upgrades=pass, hang, swallow or a status
//	                                 -> {"url": "http://..."}
//	POST /servers/{id}/seen          -> what came to it: {"passed": 0, "stopped": 0, "polls": 0}
//
// The url is the proxy's, so that it stays the same across a restart; direct is
// the server's own, until it is restarted.
type control struct {
	t       *testing.T
	url     string
	jobs    chan job
	servers []*served
}

type served struct {
	*server
	*proxy
	gate *gate // nil until one is asked for
}

// A job runs on the test's own goroutine, as testing demands of what may fail.
type job struct {
	do   func() (any, error)
	done chan<- reply
}

type reply struct {
	value any
	err   error
}

func newControl(t *testing.T) *control {
	t.Helper()
	c := &control{t: t, jobs: make(chan job)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /servers", c.handle(c.open))
	mux.HandleFunc("POST /servers/{id}/{what}", c.handle(c.act))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: mux}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	c.url = "http://" + l.Addr().String()
	return c
}

func (c *control) handle(do func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		done := make(chan reply, 1)
		var got reply
		select {
		case c.jobs <- job{func() (any, error) { return do(r) }, done}:
		case <-r.Context().Done():
			return
		}
		select {
		case got = <-done:
		case <-r.Context().Done():
			return
		}
		if got.err != nil {
			http.Error(w, got.err.Error(), http.StatusBadRequest)
			return
		}
		json.NewEncoder(w).Encode(got.value)
	}
}

func (c *control) open(r *http.Request) (any, error) {
	args := unlimited
	if r.FormValue("rates") == "default" {
		args = nil
	}
	args = slices.Clone(args)
	for _, flag := range []string{"accounts", "guests"} {
		if r.FormValue(flag) != "" {
			args = append(args, "--"+flag)
		}
	}
	if file := r.FormValue("jwt"); file != "" {
		args = append(args, "--jwt-key", file)
	}
	p := newProxy(c.t, "")
	if issuer := r.FormValue("oidc"); issuer != "" {
		args = append(args, "--oidc-issuer", issuer, "--oidc-client", "parley", "--oidc-name", "Example", "--public-url", "http://"+p.addr())
	}
	s := newServer(c.t, args...)
	p.aim(s.addr())
	c.servers = append(c.servers, &served{server: s, proxy: p})
	return object{"id": len(c.servers) - 1, "url": "http://" + p.addr(), "direct": s.url(), "setup": s.process.setup}, nil
}

func (c *control) act(r *http.Request) (any, error) {
	var id int
	if _, err := fmt.Sscan(r.PathValue("id"), &id); err != nil || id < 0 || id >= len(c.servers) {
		return nil, fmt.Errorf("no server %q", r.PathValue("id"))
	}
	s := c.servers[id]
	switch what := r.PathValue("what"); what {
	case "kill":
		s.kill()
	case "stop":
		s.stop()
	case "start":
		s.start()
		s.aim(s.server.addr())
	case "wipe": // while it does not run: forget everything
		if err := os.RemoveAll(s.data); err != nil {
			return nil, err
		}
	case "cut":
		s.cut()
	case "stall":
		s.stall()
	case "restore":
		s.restore()
	case "gate":
		if err := s.putGate(c.t, r.FormValue("upgrades")); err != nil {
			return nil, err
		}
		return object{"url": s.gate.url}, nil
	case "seen":
		if s.gate == nil {
			return nil, errors.New("this server has no gate")
		}
		return s.gate.saw(), nil
	default:
		return nil, fmt.Errorf("cannot %q a server", what)
	}
	return object{}, nil
}

func (s *served) putGate(t testing.TB, upgrades string) (err error) {
	if s.gate != nil {
		return s.gate.let(upgrades)
	}
	s.gate, err = newGate(t, s.proxy.addr(), upgrades)
	return err
}

// run runs a program that uses this control (PARLEY_CONTROL names its URL) and
// fails the test unless the program succeeds within limit.
func (c *control) run(limit time.Duration, dir, name string, args ...string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = environ("PARLEY_CONTROL=" + c.url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that the program's children end with it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		c.t.Fatalf("%v; `make test` installs what the tests need", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer cancel()
	for {
		select {
		case j := <-c.jobs:
			value, err := j.do()
			j.done <- reply{value, err}
		case err := <-ended:
			if ctx.Err() != nil {
				err = errors.Join(err, fmt.Errorf("still ran after %s", limit))
			}
			if err != nil {
				c.t.Fatalf("%s %v: %v\n%s", name, args, err, out.String())
			}
			c.t.Logf("%s", out.String())
			return
		}
	}
}
