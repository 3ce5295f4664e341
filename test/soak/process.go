package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// A process is a server that runs.
type process struct {
	addresses
	cmd   *exec.Cmd
	stdin io.Closer
}

// startServer runs this program as a server.
func startServer(keepaliveInterval, keepaliveTimeout time.Duration) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "server",
		"--keepalive-interval", keepaliveInterval.String(), "--keepalive-timeout", keepaliveTimeout.String())
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe() // which ends with this process, however it does
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, stdin: stdin}
	if err := json.NewDecoder(stdout).Decode(&p.addresses); err != nil {
		p.stop()
		return nil, fmt.Errorf("the server does not say where it listens: %w", err)
	}
	return p, nil
}

func (p *process) stop() {
	p.stdin.Close()
	p.cmd.Wait()
}

// ask returns what the server's control says at path.
func (p *process) ask(path string) ([]byte, error) {
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + p.Control + path)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// look returns what the server holds; with garbage collected, if asked for.
func (p *process) look(collect bool) (s state, err error) {
	path := "/state"
	if collect {
		path += "?collect=1"
	}
	answer, err := p.ask(path)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(answer, &s)
}

// rest waits until the server has seen that all are gone, and returns what it holds then.
func (p *process) rest(patience time.Duration) (state, error) {
	least := state{Descriptors: 1 << 30}
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		s, err := p.look(true)
		if err != nil {
			return s, err
		}
		// What is closed at the end of a connection need not be so at once: it rests when two looks find the same.
		if s.Open == 0 && s.Descriptors == least.Descriptors && s.Goroutines == least.Goroutines {
			return s, nil
		}
		least = s
		if time.Now().After(deadline) {
			return s, fmt.Errorf("the server does not come to rest: %s\n%s", s, p.stacks())
		}
	}
}

// stacks returns what the server's goroutines do.
func (p *process) stacks() string {
	text, err := p.ask("/stacks")
	if err != nil {
		return err.Error()
	}
	return string(text)
}
