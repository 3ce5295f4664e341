package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// cpusFor returns the CPUs that server and load get.
func cpusFor(r row) (unix.CPUSet, error) {
	var all, some unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return some, err
	}
	want := 1
	if r.twoCPUs {
		want = 2
	}
	for cpu := len(all)*64 - 1; cpu >= 0 && some.Count() < want; cpu-- {
		if all.IsSet(cpu) {
			some.Set(cpu)
		}
	}
	return some, nil
}

// start starts cmd on cpus, and has it end with us.
func start(cmd *exec.Cmd, cpus unix.CPUSet, env ...string) error {
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", cpus.Count()))
	cmd.Env = append(cmd.Env, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	// A child gets the CPUs of the thread that makes it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, &cpus); err != nil {
		return err
	}
	err := cmd.Start()
	if err2 := unix.SchedSetaffinity(0, &before); err == nil {
		err = err2
	}
	return err
}

// A server is one that runs.
type server struct {
	cmd    *exec.Cmd
	addr   string
	stderr bytes.Buffer
	exited chan struct{}
}

const startTimeout = 30 * time.Second

func startServer(cmd *exec.Cmd, cpus unix.CPUSet) (*server, error) {
	s := &server{cmd: cmd, exited: make(chan struct{})}
	cmd.Stderr = &s.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := start(cmd, cpus); err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	// Whoever does not start in time is killed, which ends the reading.
	timer := time.AfterFunc(startTimeout, func() { cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	timer.Stop()
	go func() {
		cmd.Wait()
		close(s.exited)
	}()
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		s.stop()
		return nil, fmt.Errorf("%s does not start: %s%.2000s", cmd.Path, line, s.stderr.Bytes())
	}
	s.addr = addr
	return s, nil
}

func (s *server) stop() {
	s.cmd.Process.Kill()
	<-s.exited
}

// measured is what the load client says.
type measured struct {
	Units, ServerNS, LoadNS, WallNS, Bytes int64
}

// runLoad runs the load client to its end.
func runLoad(ctx context.Context, path string, args []string, cpus unix.CPUSet) (m measured, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// Its one thread makes system calls that Go does not know of, and must not be interrupted in them.
	if err := start(cmd, cpus, "GODEBUG=asyncpreemptoff=1"); err != nil {
		return m, fmt.Errorf("starting the load client: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		return m, fmt.Errorf("%w: %.2000s", firstOf(ctx.Err(), err), stderr.Bytes())
	}
	return m, json.Unmarshal(stdout.Bytes(), &m)
}
