package conformance

import (
	"bytes"
	"compress/flate"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"
)

// What peers may cost that try to cost much. Each test has a server of its own; what is measured is the most memory that its
// process ever had resident, beyond what it had when the peers were connected.

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

// An attack is what is to be cheap.
type attack struct {
	args  []string // of the server
	hs    handshake
	peers int
	most  int64 // bytes by which the server may grow
}

// run connects the peers, lets them do what they do, and fails the test if the server's memory grew too much.
func (a attack) run(t *testing.T, do func(peers []*peer)) {
	t.Helper()
	server := startServer(t, executable, a.args...)
	peers := make([]*peer, a.peers)
	for i := range peers {
		p, err := connect(server.addr, false, a.hs, nil, dialSmooth)
		if err != nil {
			t.Fatal(err)
		}
		defer p.nc.Close()
		p.nc.SetDeadline(time.Now().Add(2 * patience))
		peers[i] = p
	}
	before := memory(t, server.pid, "VmRSS")
	began := time.Now()
	do(peers)
	if t.Failed() {
		return
	}
	if err := onServer(server.addr, false, row{steps: steps(echoed(text(hello)), goodbye)}, dialSmooth); err != nil {
		t.Errorf("the server does not serve others any more: %v", err)
	}
	grown := memory(t, server.pid, "VmHWM") - before
	t.Logf("the server grew by %.1f MiB beyond %.1f, in %.1f s", float64(grown)/(1<<20), float64(before)/(1<<20), time.Since(began).Seconds())
	if grown > a.most {
		t.Errorf("that is more than %d MiB", a.most>>20)
	}
}

// TestEmptyFragments: a message of 10^6 empty fragments is refused at the 1,025th frame.
func TestEmptyFragments(t *testing.T) {
	attack{args: []string{"--max-fragments", "0"}, peers: 1, most: flat}.run(t, func(peers []*peer) {
		p := peers[0]
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
	attack{peers: 1, most: flat}.run(t, func(peers []*peer) {
		p := peers[0]
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
	attack{args: []string{"--limit", strconv.Itoa(2 << 30)}, peers: 100, most: flat}.run(t, func(peers []*peer) {
		header := frame{op: opBinary, declared: 1 << 30}.append(nil, true)
		for _, p := range peers {
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
	attack{peers: 1, most: bounded}.run(t, func(peers []*peer) {
		p := peers[0]
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
	attack{peers: 1, most: bounded}.run(t, func(peers []*peer) {
		p := peers[0]
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

// TestBombs: 1,000 clients at once, each with a frame of 1 MiB that inflates to 1 GiB, under a limit of 32 KiB.
func TestBombs(t *testing.T) {
	var compressed bytes.Buffer
	w, err := flate.NewWriter(&compressed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	w.Write(zeros)
	w.Flush()
	first := compressed.Len()
	w.Write(zeros)
	w.Flush()
	payload := compressed.Bytes()
	next := payload[first:] // refers to the mebibyte before, and can be repeated
	payload = append(payload, bytes.Repeat(next, 1022)...)
	bomb := frame{op: opBinary, rsv: rsv1, payload: payload}.append(nil, true)
	t.Logf("1 GiB in %d bytes", len(bomb))
	attack{
		args:  []string{"--limit", strconv.Itoa(32 << 10)},
		hs:    handshake{offer: []string{limits}, agreed: plain},
		peers: 1000,
		most:  64 << 20,
	}.run(t, func(peers []*peer) {
		var attacking sync.WaitGroup
		for _, p := range peers {
			attacking.Go(func() {
				p.write(bomb)
				if err := failed(1009)(p); err != nil {
					t.Error(err)
				}
				p.nc.Close()
			})
		}
		attacking.Wait()
	})
}
