package main

import (
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "server" { // startServer has run this very program
		main()
		return
	}
	os.Exit(m.Run())
}

// TestCut cuts at every place there is: what is sent as text must be some.
func TestCut(t *testing.T) {
	for from := range len(sampleText) - 100 - utf8.UTFMax {
		if p := cut(message{opText, sampleText}, from, from%100); !utf8.Valid(p) || len(p) > 103 {
			t.Fatalf("%d bytes from %d on: %q", from%100, from, p)
		}
	}
	if p := cut(message{opBinary, sampleBytes}, len(sampleBytes)-7, 7); len(p) != 7 {
		t.Errorf("7 bytes are %d", len(p))
	}
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
