package main

import (
	"testing"

	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/server"
)

func TestLimitsAreTheDefaultsUnlessSaid(t *testing.T) {
	c, err := parse()
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Limits.chat(); got != chat.DefaultLimits {
		t.Errorf("limits %+v, want %+v", got, chat.DefaultLimits)
	}
	if got := c.Limits.server(); got != server.DefaultLimits() {
		t.Errorf("limits %+v, want %+v", got, server.DefaultLimits())
	}
	c, err = parse("--publish-rate=0", "--signal-rate=1", "--signal-burst=2", "--join-rate=3", "--join-burst=4", "--connections-per-person=5",
		"--connections=0", "--connections-per-address=6", "--handshake-rate=7", "--handshake-burst=8", "--call-rate=9", "--call-burst=10")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Limits.chat(), (chat.Limits{PublishBurst: 60, SignalRate: 1, SignalBurst: 2, JoinRate: 3, JoinBurst: 4, Connections: 5}); got != want {
		t.Errorf("limits %+v, want %+v", got, want)
	}
	if got, want := c.Limits.server(), (server.Limits{PerAddress: 6, HandshakeRate: 7, HandshakeBurst: 8, CallRate: 9, CallBurst: 10}); got != want {
		t.Errorf("limits %+v, want %+v", got, want)
	}
	for _, wrong := range []string{"--publish-rate=-1", "--signal-burst=0", "--join-burst=-1", "--connections=-1", "--connections-per-person=-1"} {
		if _, err := parse(wrong); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}
