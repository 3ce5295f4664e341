package server

import (
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

func TestAdmission(t *testing.T) {
	now := time.Now()
	a := newAdmission(Limits{Connections: 10, PerAddress: 3, HandshakeRate: 1, HandshakeBurst: 5})
	a.now = func() time.Time { return now }
	var (
		one    = netip.MustParseAddr("192.0.2.1")
		other  = netip.MustParseAddr("2001:db8::1")
		beside = netip.MustParseAddr("2001:db8::2") // in the same /64
		mapped = netip.MustParseAddr("::ffff:192.0.2.1")
		local  = netip.MustParseAddr("127.0.0.1")
	)
	var releases []func()
	admit := func(addr netip.Addr, want bool) {
		t.Helper()
		visitor, refused := a.admit(addr)
		if (refused == nil) != want {
			t.Fatalf("admitting %v: %v, want %v", addr, refused, want)
		}
		if refused != nil {
			if refused.status != http.StatusServiceUnavailable || refused.retryAfter <= 0 {
				t.Fatalf("refused with %+v", refused)
			}
			return
		}
		releases = append(releases, func() { a.leave(visitor) })
	}
	admit(one, true)
	admit(mapped, true)
	admit(one, true)
	admit(one, false) // three at once
	admit(other, true)
	admit(beside, true)
	admit(beside, true)
	admit(other, false)
	for range 4 {
		admit(local, true) // loopback is bounded by the whole alone
	}
	admit(local, false) // ten in all

	for _, release := range releases {
		release()
	}
	if a.open != 0 {
		t.Fatalf("%d open when all have left", a.open)
	}
	for range 2 { // five handshakes at once
		admit(one, true)
		releases[len(releases)-1]()
	}
	admit(one, false)
	now = now.Add(time.Second)
	admit(one, true)
	admit(one, false)
	releases[len(releases)-1]()

	now = now.Add(time.Hour)
	admit(netip.MustParseAddr("192.0.2.9"), true)
	if len(a.addrs) != 1 {
		t.Errorf("%d addresses are remembered, want the last alone", len(a.addrs))
	}
}

func TestNobodyIsLetInWhileMemoryRunsShort(t *testing.T) {
	now := time.Now()
	used, limit := uint64(79), int64(100)
	a := newAdmission(Limits{})
	a.now = func() time.Time { return now }
	a.memory.used, a.memory.limit = func() uint64 { return used }, func() int64 { return limit }
	admit := func(want bool) {
		t.Helper()
		now = now.Add(memoryAge)
		if _, refused := a.admit(netip.MustParseAddr("127.0.0.1")); (refused == nil) != want {
			t.Errorf("with %d of %d in use: %v", used, limit, refused)
		} else if refused != nil && (refused.status != http.StatusServiceUnavailable || refused.retryAfter <= 0) {
			t.Errorf("refused with %+v", refused)
		}
	}
	admit(true)
	used = 81
	admit(false)
	limit = math.MaxInt64 // there is none
	admit(true)
	limit = 1000
	admit(true)
}

// TestMemoryInUse holds memory and finds it counted, and not what is garbage.
func TestMemoryInUse(t *testing.T) {
	const size = 256 << 20
	measure := func() uint64 { runtime.GC(); return memoryInUse() }
	before := measure()
	held := make([]byte, size)
	with := measure()
	runtime.KeepAlive(held)
	after := measure()
	if with < before+size/2 || after > before+size/2 {
		t.Errorf("%d MiB before, %d with %d more, %d when they were garbage", before>>20, with>>20, size>>20, after>>20)
	}
}

func TestConnectionsThatSayNothingAreBounded(t *testing.T) {
	s := &Server{admission: newAdmission(DefaultLimits())}
	most := maxDescriptors() / 10 * 9
	for range most {
		s.ConnState(nil, http.StateNew) // a nil connection cannot be closed
	}
	client, conn := net.Pipe()
	defer client.Close()
	s.ConnState(conn, http.StateNew)
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("one too many was not closed: %v", err)
	}
	s.ConnState(conn, http.StateClosed)
	s.ConnState(conn, http.StateHijacked)
	s.ConnState(nil, http.StateNew)
}

func TestDefaultLimitsLeaveDescriptors(t *testing.T) {
	if n := DefaultLimits().Connections; n < 100 || n >= maxDescriptors() {
		t.Errorf("%d connections of %d descriptors", n, maxDescriptors())
	}
}
