package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "server" { // startServer has run this very program
		main()
		return
	}
	os.Exit(m.Run())
}

// TestSoak is the soak in small: `make soak` is an hour of it.
func TestSoak(t *testing.T) {
	var out strings.Builder
	p := plan{connections: 300, duration: 4 * time.Second, pause: 300 * time.Millisecond, patience: time.Minute, seed: uint64(time.Now().UnixNano())}
	err := p.run(&out)
	t.Log(out.String())
	if err != nil {
		t.Error(err)
	}
}
