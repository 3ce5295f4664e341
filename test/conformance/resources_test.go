package conformance

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// What peers may cost that try to cost much. Each test has a server of its own; what is measured is the most memory that its
// process ever had resident beyond what it has after serving one connection.

// How much a process may grow whose memory does not depend on what is sent, in bytes. The garbage collector lets some
// megabytes come together before it looks: fewer if what is sent is not kept (flat), more if it is answered (bounded).
const (
	flat    = 8 << 20
	bounded = 16 << 20
)

// memory reads the resident memory of a process, now or the most there ever was, in bytes.
func memory(t *testing.T, pid int, field string) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(field + `:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		t.Fatalf("no %s in %s", field, status)
	}
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}

// grows runs what is to be cheap against a server, and fails the test if the server's memory grew by more than most bytes.
func grows(t *testing.T, most int64, args []string, attack func(addr string)) {
	t.Helper()
	server := startServer(t, args...)
	if err := onServer(server.addr, row{steps: steps(echoed(text(hello)), goodbye)}); err != nil {
		t.Fatal(err)
	}
	before := memory(t, server.pid, "VmRSS")
	began := time.Now()
	attack(server.addr)
	if t.Failed() {
		return
	}
	if err := onServer(server.addr, row{steps: steps(echoed(text(hello)), goodbye)}); err != nil {
		t.Errorf("the server does not serve others any more: %v", err)
	}
	grown := memory(t, server.pid, "VmHWM") - before
	t.Logf("the server grew by %.1f MiB beyond %.1f, in %.1f s", float64(grown)/(1<<20), float64(before)/(1<<20), time.Since(began).Seconds())
	if grown > most {
		t.Errorf("that is more than %d MiB", most>>20)
	}
}

// attacker connects, for attacks of one connection.
func attacker(t *testing.T, addr string, hs handshake) *peer {
	t.Helper()
	p, err := connect(addr, hs, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.nc.Close() })
	p.nc.SetDeadline(time.Now().Add(2 * patience))
	return p
}

// TestEmptyFragments: a message of 10^6 empty fragments is refused at the 1,025th frame.
func TestEmptyFragments(t *testing.T) {
	grows(t, flat, []string{"--max-fragments", "0"}, func(addr string) {
		p := attacker(t, addr, handshake{})
		p.write(p.encode([]frame{text("").more()}))
		thousand := bytes.Repeat(cont("").more().append(nil, true), 1000)
		for range 1000 {
			p.write(thousand)
		}
		if err := failed(1008)(p); err != nil {
			t.Error(err)
		}
	})
}

// TestManyEmptyFragments: where any number is allowed, 10^6 of them cost nothing either.
func TestManyEmptyFragments(t *testing.T) {
	grows(t, flat, nil, func(addr string) {
		p := attacker(t, addr, handshake{})
		p.write(p.encode([]frame{text("").more()}))
		thousand := bytes.Repeat(cont("").more().append(nil, true), 1000)
		for range 1000 {
			p.write(thousand)
		}
		if err := p.run(steps(send(cont("end")), want(text("end")), goodbye)); err != nil {
			t.Error(err)
		}
	})
}

// TestDeclaredLength: 100 frames that declare 1 GiB, of which nothing comes.
func TestDeclaredLength(t *testing.T) {
	grows(t, flat, []string{"--limit", strconv.Itoa(2 << 30)}, func(addr string) {
		header := frame{op: opBinary, declared: 1 << 30}.append(nil, true)
		for range 100 {
			p := attacker(t, addr, handshake{})
			// The pong tells that the server has read that far.
			p.write(append(p.encode([]frame{ping("")}), header...))
			if err := p.want(pong("")); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestPingFlood: 10^6 pings of the largest kind from a peer that reads no answer.
func TestPingFlood(t *testing.T) {
	grows(t, bounded, nil, func(addr string) {
		p := attacker(t, addr, handshake{})
		thousand := bytes.Repeat(ping(every(125)).append(nil, true), 1000)
		for range 1000 {
			if _, err := p.nc.Write(thousand); err != nil {
				t.Fatalf("the server stopped to read: %v", err)
			}
		}
		p.nc.Close()
	})
}

// TestTakesNothing: a peer that has everything echoed and reads nothing is not read from either, once its socket is full.
func TestTakesNothing(t *testing.T) {
	grows(t, bounded, nil, func(addr string) {
		p := attacker(t, addr, handshake{})
		message := binaryMessage(every(64<<10)).append(nil, true)
		p.nc.SetWriteDeadline(time.Now().Add(time.Second))
		for n := 0; ; n++ {
			if _, err := p.nc.Write(message); isTimeout(err) {
				break
			} else if err != nil || n > 10_000 {
				t.Fatalf("%d messages were taken, %v", n, err)
			}
		}
		p.nc.Close()
	})
}
