package test

import (
	"os"
	"testing"
	"time"
)

// debianPython is the python3 that Debian's python3-websockets and
// python3-socketio belong to; another may come first on the PATH.
const debianPython = "/usr/bin/python3"

// TestOutsiders runs clients in other languages, on WebSocket implementations
// that share nothing with ours.
func TestOutsiders(t *testing.T) {
	t.Run("node with ws", func(t *testing.T) {
		t.Parallel()
		needsModule(t, "ws")
		newControl(t).run(2*time.Minute, ".", "node", "outsiders/client.mjs")
	})
	for name, transports := range map[string][]string{
		"by polling": {"polling"}, "by WebSocket": {"websocket"}, "upgrading": {"polling", "websocket"},
	} {
		t.Run("node with socket.io-client "+name, func(t *testing.T) {
			t.Parallel()
			needsModule(t, "socket.io-client")
			args := append([]string{"outsiders/socketio.mjs"}, transports...)
			newControl(t).run(2*time.Minute, ".", "node", args...)
		})
		t.Run("python with socketio "+name, func(t *testing.T) {
			t.Parallel()
			needs(t, debianPython)
			args := append([]string{"outsiders/socketio_client.py"}, transports...)
			newControl(t).run(2*time.Minute, ".", debianPython, args...)
		})
	}
	t.Run("python with websockets", func(t *testing.T) {
		t.Parallel()
		needs(t, debianPython)
		newControl(t).run(2*time.Minute, ".", debianPython, "outsiders/client.py")
	})
}

// needsModule fails the test unless there is Node and a module of npm's.
func needsModule(t *testing.T, name string) {
	t.Helper()
	needs(t, "node")
	if _, err := os.Stat("node_modules/" + name); err != nil {
		t.Fatalf("%v; run `npm ci` in test, or `make test`", err)
	}
}
