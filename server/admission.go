package server

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits bound the connections of a server and the calls of its HTTP API. A zero
// field is no limit.
type Limits struct {
	Connections    int     // open at once
	PerAddress     int     // open at once from one address; loopback excepted
	HandshakeRate  float64 // a second from one address; loopback excepted
	HandshakeBurst int
	CallRate       float64 // a second of one person, or of one address that nobody signed in from; loopback excepted
	CallBurst      int
}

// DefaultLimits leave a fifth of the process's file descriptors for the store,
// the page and the log.
func DefaultLimits() Limits {
	return Limits{
		Connections:   maxDescriptors() / 5 * 4,
		PerAddress:    256,
		HandshakeRate: 10, HandshakeBurst: 20,
		CallRate: 20, CallBurst: 60,
	}
}

// admission counts connections, in all and by address.
type admission struct {
	limits Limits
	now    func() time.Time
	memory memoryGauge // guarded by mu

	mu    sync.Mutex
	open  int // WebSockets
	plain int // other connections of the HTTP server, if it tells
	addrs map[netip.Prefix]*visitor
	swept time.Time
}

type visitor struct {
	open       int
	handshakes *rate.Limiter
}

func newAdmission(l Limits) *admission {
	return &admission{limits: l, now: time.Now, memory: newMemoryGauge(), addrs: make(map[netip.Prefix]*visitor)}
}

// admit lets a handshake of addr in, until leave is called with its visitor,
// which is nil for loopback, or refuses it.
func (a *admission) admit(addr netip.Addr) (v *visitor, refused *refusal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if a.limits.Connections > 0 && a.open >= a.limits.Connections {
		return nil, &refusal{http.StatusServiceUnavailable, "this server has as many connections as it can hold; come again", 10 * time.Second}
	}
	if a.memory.runsShort(now) {
		return nil, &refusal{http.StatusServiceUnavailable, "this server's memory is full; come again", 10 * time.Second}
	}
	if addr.Unmap().IsLoopback() {
		a.open++
		return nil, nil
	}
	a.sweep(now)
	v = a.visitor(addr)
	if a.limits.PerAddress > 0 && v.open >= a.limits.PerAddress {
		return nil, &refusal{http.StatusServiceUnavailable, "your address has as many connections as it may have; close one, then come again", 10 * time.Second}
	}
	if !v.handshakes.AllowN(now, 1) {
		return nil, &refusal{http.StatusServiceUnavailable, "your address opens connections too fast; come again", time.Second}
	}
	a.open++
	v.open++
	return v, nil
}

func (a *admission) leave(v *visitor) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open--
	if v != nil {
		v.open--
	}
}

// ConnState is for the field of that name of the [http.Server] that serves s. It
// closes connections at once beyond nine tenths of the process's file
// descriptors, WebSockets counted: those that are silent, or fetch the page,
// must not take the store's last ones. The bound on WebSockets is lower and is
// answered properly.
func (s *Server) ConnState(conn net.Conn, state http.ConnState) {
	a := s.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	switch state {
	case http.StateNew:
		a.plain++
		if a.plain+a.open > maxDescriptors()/10*9 {
			conn.Close()
		}
	case http.StateHijacked, http.StateClosed:
		a.plain--
	}
}

// visitor returns the entry of an address. In IPv6 that is a /64, which is what
// one customer has.
func (a *admission) visitor(addr netip.Addr) *visitor {
	bits := 32
	if addr = addr.Unmap(); addr.Is6() {
		bits = 64
	}
	prefix, _ := addr.Prefix(bits) // bits fits the address
	v := a.addrs[prefix]
	if v == nil {
		limit := rate.Limit(a.limits.HandshakeRate)
		if limit == 0 {
			limit = rate.Inf
		}
		v = &visitor{handshakes: rate.NewLimiter(limit, a.limits.HandshakeBurst)}
		a.addrs[prefix] = v
	}
	return v
}

// sweep forgets addresses that have nothing open and a full allowance, once a
// minute.
func (a *admission) sweep(now time.Time) {
	if now.Sub(a.swept) < time.Minute {
		return
	}
	a.swept = now
	for prefix, v := range a.addrs {
		if v.open == 0 && v.handshakes.TokensAt(now) >= float64(a.limits.HandshakeBurst) {
			delete(a.addrs, prefix)
		}
	}
}
