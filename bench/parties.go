package main

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A party is a server that does the work.
type party struct {
	name   string // as -servers has it
	label  string // as the chart has it
	kind   kind
	binary string // which program of ours it is
	args   []string
	module string        // whose version is told
	warm   time.Duration // how long to go on before measuring; 0: as all do
	extra  bool          // measured only if asked for
	speaks string        // socketIO, or nothing but WebSocket
}

type kind int

const (
	ours kind = iota
	goPeer
	otherPeer
	limit // no WebSocket
)

const socketIO = "Socket.IO"

const websocketModule = "github.com/seed-4a326f83/parley"

var parties = []party{
	{name: "parley-event", label: "Parley, event", kind: ours, binary: "parley", args: []string{"--mode", "event"}, module: websocketModule},
	{name: "parley-blocking", label: "Parley, blocking", kind: ours, binary: "parley", args: []string{"--mode", "blocking"}, module: websocketModule},
	{name: "parley-tls", label: "Parley, event, TLS", kind: ours, binary: "parley", args: []string{"--mode", "event"}, module: websocketModule},
	{name: "parley-bare", label: "Parley, own server", kind: ours, binary: "parley", args: []string{"--mode", "bare"}, module: websocketModule},
	{name: "gorilla", label: "gorilla", kind: goPeer, binary: "gorilla", module: "github.com/gorilla/websocket"},
	{name: "coder", label: "coder", kind: goPeer, binary: "coder", module: "github.com/coder/websocket"},
	{name: "gws", label: "gws", kind: goPeer, binary: "gws", module: "github.com/lxzan/gws"},
	{name: "gobwas", label: "gobwas", kind: goPeer, binary: "gobwas", module: "github.com/gobwas/ws"},
	// Its machine code is made while it runs.
	{name: "npm-ws", label: "npm ws", kind: otherPeer, module: "ws", warm: 1200 * time.Millisecond},
	{name: "raw", label: "raw TCP", kind: limit, binary: "raw"},
	{name: "goroutines", label: "raw, goroutines", kind: limit, binary: "raw", args: []string{"--goroutines"}, extra: true},
	{name: "parley-socketio", label: "Parley, Socket.IO", kind: ours, binary: "socketio", module: websocketModule, speaks: socketIO},
	{name: "npm-socketio", label: "npm socket.io", kind: otherPeer, module: "socket.io", warm: 1200 * time.Millisecond, speaks: socketIO},
}

func partyNamed(name string) (party, bool) {
	for _, p := range parties {
		if p.name == name {
			return p, true
		}
	}
	return party{}, false
}

// folder is where a server that is written for Node.js is.
func (p party) folder() string { return filepath.Join("servers", p.name) }

// command is what starts the server, of which the programs are in bin.
func (p party) command(bin string, r row, tls certificate) *exec.Cmd {
	cmd := exec.Command(filepath.Join(bin, p.binary), p.args...)
	switch {
	case p.kind == otherPeer:
		cmd = exec.Command("node", "--expose-gc", filepath.Join(p.folder(), "server.mjs"))
	case p.name == "parley-tls":
		cmd.Args = append(cmd.Args, "--tls-cert", tls.cert, "--tls-key", tls.key)
	case p.kind == limit && r.path == "/broadcast":
		cmd.Args = append(cmd.Args, "--broadcast")
	case r.typed:
		cmd.Args = append(cmd.Args, "--typed")
	}
	if r.kind == "deflated" {
		cmd.Args = append(cmd.Args, "--compress")
	}
	return cmd
}

// version says what was measured.
func (p party) version(bin string) (string, error) {
	if p.kind == otherPeer {
		manifest, err := os.ReadFile(filepath.Join(p.folder(), "node_modules", p.module, "package.json"))
		if err != nil {
			return "", fmt.Errorf("npm's %s is missing (npm --prefix bench/%s ci): %w", p.module, p.folder(), err)
		}
		var m struct{ Version string }
		node, err2 := exec.Command("node", "--version").Output()
		if err := json.Unmarshal(manifest, &m); err != nil || err2 != nil {
			return "", fmt.Errorf("finding out the versions of %s and node: %w", p.module, firstOf(err, err2))
		}
		return m.Version + ", Node.js " + strings.TrimSpace(string(node)), nil
	}
	if p.kind == ours {
		commit, err := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=10").Output()
		if err != nil {
			return "this checkout", nil // it need not be one of git's
		}
		return "commit " + strings.TrimSpace(string(commit)), nil
	}
	info, err := buildinfo.ReadFile(filepath.Join(bin, p.binary))
	if err != nil {
		return "", err
	}
	for _, d := range info.Deps {
		if d.Path == p.module {
			return d.Version, nil
		}
	}
	return "", nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
