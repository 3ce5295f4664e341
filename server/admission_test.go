package server

import (
	"io"
	"net"
	"net/http"
	"net/netip"
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

func TestConnectionsThatSayNothingAreBounded(t *testing.T) {
	s := New(Config{})
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
