package examples

import "testing"

// The wires of the tutorials, to the byte, from npm's ws.

func TestBroadcastFromNode(t *testing.T) {
	t.Parallel()
	script(t, nil, "broadcast.mjs", start(t, "broadcast").addr)
}

func TestOneToOneFromNode(t *testing.T) {
	t.Parallel()
	script(t, nil, "onetoone.mjs", start(t, "onetoone").addr)
}

func TestEchoFromNode(t *testing.T) {
	t.Parallel()
	script(t, nil, "echo.mjs", start(t, "echo").addr, start(t, "echo", "--prefix", "Server received: ").addr)
}

func TestBareFromNode(t *testing.T) {
	t.Parallel()
	script(t, nil, "bare.mjs", start(t, "bare").addr)
}

func TestRelayFromNode(t *testing.T) {
	t.Parallel()
	script(t, nil, "relay.mjs", start(t, "relay").addr)
}
