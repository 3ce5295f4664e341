package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Patience bounds every wait for something that must happen: long enough for a
// machine that is busy with other things, since only a failure waits it out.
const Patience = 60 * time.Second

// A Process is a running program of ours that writes a log.
type Process struct {
	cmd  *exec.Cmd
	name string
	log  string
	done chan struct{} // closed when it has ended
	err  error         // of Wait, once done is closed
}

// A Command is what a Process runs.
type Command struct {
	Name      string // for people, and of the log
	Path      string
	Args      []string
	Env       []string // besides ours
	Namespace string   // of the network; "": ours
	// Line is given each line that it prints on standard output, which goes into
	// the log where this is nil.
	Line func(string)
}

// Run starts a program, whose log is appended to a file in dir.
func Run(dir string, c Command) (*Process, error) {
	log := filepath.Join(dir, c.Name+".log")
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	cmd := exec.Command(c.Path, c.Args...)
	if c.Namespace != "" {
		cmd = exec.Command("ip", append([]string{"netns", "exec", c.Namespace, c.Path}, c.Args...)...)
	}
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PARLEY_") { // would set a flag
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, c.Env...)
	cmd.Stdout, cmd.Stderr = file, file
	if c.Line != nil {
		cmd.Stdout = &lines{each: c.Line}
	}
	// A group of its own, so that a Ctrl-C meets whoever started it, alone.
	cmd.SysProcAttr = childAttributes()
	p := &Process{cmd: cmd, name: c.Name, log: log, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Linux ends a child with the thread that started it, which therefore stays.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s cannot be started: %w", c.Name, err)
	}
	return p, nil
}

// Done is closed when it has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Running reports whether it has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Signal sends it a signal.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Kill ends it as kill -9 does, and waits until it is gone.
func (p *Process) Kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// Stop asks it to end, by SIGTERM, and waits for that; an end that is not a
// clean one is an error.
func (p *Process) Stop() error {
	p.Signal(syscall.SIGTERM)
	return p.Wait()
}

// Wait waits for its end, which must be a clean one.
func (p *Process) Wait() error {
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("%s ended: %w", p.name, p.err)
		}
		return nil
	case <-time.After(Patience):
		p.Kill()
		return fmt.Errorf("%s still ran %s after SIGTERM", p.name, Patience)
	}
}

// Tail returns the end of its log.
func (p *Process) Tail(n int) string { return tail(p.log, n) }

func tail(file string, n int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-n):])
}

// until waits until it does not fail any more, or p has ended.
func until(p *Process, do func() error) error {
	deadline := time.Now().Add(Patience)
	for {
		err := do()
		switch {
		case err == nil:
			return nil
		case p != nil && !p.Running():
			return fmt.Errorf("%s ended (%v); its log ends:\n%s", p.name, p.err, p.Tail(2000))
		case time.Now().After(deadline):
			return fmt.Errorf("after %s: %w", Patience, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A lines writer hands every line to each.
type lines struct {
	rest string
	each func(string)
}

func (l *lines) Write(b []byte) (int, error) {
	l.rest += string(b)
	for {
		line, rest, ok := strings.Cut(l.rest, "\n")
		if !ok {
			return len(b), nil
		}
		l.rest = rest
		l.each(line)
	}
}
