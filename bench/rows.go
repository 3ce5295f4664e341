package main

import (
	"strconv"
	"time"
)

// A row is a kind of work, and what we want to need for it.
type row struct {
	name  string
	title string
	unit  string // what a figure is of

	kind     string // as the load client has it
	path     string
	conns    int
	size     int
	inFlight int
	content  string
	twoCPUs  bool
	typed    bool // ours decodes events into a struct, and encodes them anew: else, as with Node.js, values are handed on
	measure  time.Duration
	cost     time.Duration // about how long a server takes for a round, but for measuring

	speaks string // socketIO, or nothing but WebSocket

	bars []bar
	best string // which of ours is to be below every Go peer; "": parley-event
}

// A bar is what our figure may be at most, within tolerance: factor times that of another, or just factor.
type bar struct {
	of     string // a party
	than   string // a party, or bestPeer, or "" for nobody
	factor float64
}

const (
	bestPeer  = "the best Go peer"
	tolerance = 1.03
)

const (
	µsMessage  = "µs a message"
	µsDelivery = "µs a delivery"
	µsMegabyte = "µs per 10⁶ bytes"
	µsConn     = "µs a connection"
	bytesConn  = "bytes a connection"
	µsEvent    = "µs an event"
)

func event(than string, factor float64) []bar { return []bar{{"parley-event", than, factor}} }

// How long is measured: some 10,000 to 100,000 messages go in that time, and at least as many as there are connections.
const (
	short = 600 * time.Millisecond
	long  = 800 * time.Millisecond
)

var rows = []row{
	{name: "echo-1000", title: "Echo, 1,000 connections, 125 B, 1 in flight", unit: µsMessage,
		kind: "echo", path: "/echo", conns: 1000, size: 125, inFlight: 1, content: "binary",
		measure: short, cost: 500 * time.Millisecond, bars: event("raw", 1.12)},
	{name: "echo-10000", title: "Echo, 10,000 connections, 125 B, 1 in flight", unit: µsMessage,
		kind: "echo", path: "/echo", conns: 10_000, size: 125, inFlight: 1, content: "binary",
		measure: long, cost: 1800 * time.Millisecond, bars: event("raw", 1.12)},
	{name: "echo-16", title: "Echo, 100 connections, 125 B, 16 in flight", unit: µsMessage,
		kind: "echo", path: "/echo", conns: 100, size: 125, inFlight: 16, content: "binary",
		measure: short, cost: 400 * time.Millisecond, bars: event(bestPeer, 0.15)},
	{name: "fanout-1000", title: "Fan-out to 1,000, 125 B", unit: µsDelivery,
		kind: "fanout", path: "/broadcast", conns: 1000, size: 125, inFlight: 1, content: "binary",
		measure: short, cost: 500 * time.Millisecond, bars: event("raw", 1.08)},
	{name: "fanout-10000", title: "Fan-out to 10,000, 1 KiB", unit: µsDelivery,
		kind: "fanout", path: "/broadcast", conns: 10_000, size: 1024, inFlight: 1, content: "binary",
		measure: long, cost: 1900 * time.Millisecond, bars: event("raw", 1.08)},
	{name: "binary-16m", title: "Echo of 16 MiB binary, two CPUs", unit: µsMegabyte,
		kind: "large", path: "/echo", conns: 1, size: 16 << 20, inFlight: 1, content: "binary", twoCPUs: true,
		measure: short, cost: 800 * time.Millisecond, bars: event(bestPeer, 0.95)},
	{name: "ascii-16m", title: "Echo of 16 MiB ASCII text, checked, two CPUs", unit: µsMegabyte,
		kind: "large", path: "/echo", conns: 1, size: 16 << 20, inFlight: 1, content: "ascii", twoCPUs: true,
		measure: short, cost: 800 * time.Millisecond, bars: event(bestPeer, 0.9)},
	{name: "scripts-1m", title: "Echo of 1 MiB text of many scripts, checked", unit: µsMegabyte,
		kind: "large", path: "/echo", conns: 1, size: 1 << 20, inFlight: 1, content: "scripts",
		measure: short, cost: 400 * time.Millisecond, bars: event(bestPeer, 0.35)},
	{name: "handshake", title: "Handshake and close", unit: µsConn,
		kind: "churn", path: "/echo", conns: 32, size: 125, inFlight: 1, content: "binary",
		measure: short, cost: 400 * time.Millisecond, bars: event("gorilla", 0.9), best: "parley-bare"},
	{name: "idle", title: "Idle connection after talking, memory of the process", unit: bytesConn,
		kind: "idle", path: "/echo", conns: 15_000, size: 125, inFlight: 1, content: "binary",
		cost: 5 * time.Second,
		bars: []bar{{"parley-event", "", 600}, {"parley-blocking", "", 4000}, {"parley-tls", "", 9000}}},
	{name: "deflate", title: "Echo of 2 KB JSON, compressed both ways", unit: µsMessage,
		kind: "deflated", path: "/echo", conns: 100, size: 2000, inFlight: 1, content: "json",
		measure: short, cost: 400 * time.Millisecond},
	{name: "sio-echo", title: "Socket.IO echo, 1,000 connections, event of 125 B", unit: µsEvent,
		kind: "echo", path: socketIOPath, conns: 1000, size: 125, inFlight: 1, content: "echo-event", speaks: socketIO,
		measure: short, cost: 700 * time.Millisecond, bars: []bar{{"parley-socketio", "npm-socketio", 0.5}}},
	{name: "sio-echo-typed", title: "Socket.IO echo, 1,000 connections, event of 125 B, decoded into a struct by ours", unit: µsEvent,
		kind: "echo", path: socketIOPath, conns: 1000, size: 125, inFlight: 1, content: "echo-event", speaks: socketIO, typed: true,
		measure: short, cost: 700 * time.Millisecond},
	{name: "sio-polling", title: "Socket.IO echo by polling, 200 sessions, event of 125 B", unit: µsEvent,
		kind: "polled", path: socketIOPath, conns: 200, size: 125, inFlight: 1, content: "echo-event", speaks: socketIO,
		measure: short, cost: 700 * time.Millisecond, bars: []bar{{"parley-socketio", "npm-socketio", 0.5}}},
	{name: "sio-fanout", title: "Socket.IO broadcast to 1,000, event of 125 B", unit: µsDelivery,
		kind: "fanout", path: socketIOPath, conns: 1000, size: 125, inFlight: 1, content: "broadcast-event", speaks: socketIO,
		measure: short, cost: 700 * time.Millisecond,
		bars: []bar{{"parley-socketio", "parley-event", 1.15}}},
	{name: "sio-idle", title: "Socket.IO idle connection after talking, memory of the process", unit: bytesConn,
		kind: "idle", path: socketIOPath, conns: 3000, size: 125, inFlight: 1, content: "echo-event", speaks: socketIO,
		cost: 3 * time.Second, bars: []bar{{"parley-socketio", "npm-socketio", 0.2}}},
	{name: "sio-idle-polling", title: "Socket.IO session by polling, idle after talking, memory of the process", unit: bytesConn,
		kind: "idle-polled", path: socketIOPath, conns: 3000, size: 125, inFlight: 1, content: "echo-event", speaks: socketIO,
		cost: 4 * time.Second, bars: []bar{{"parley-socketio", "npm-socketio", 0.2}}},
}

const socketIOPath = "/socket.io/"

// takes reports whether p can do the work.
func (r row) takes(p party) bool {
	switch {
	case r.speaks != p.speaks: // but for what broadcasts are compared with
		return r.name == "sio-fanout" && p.name == "parley-event"
	case p.name == "parley-tls":
		return r.kind == "idle"
	case p.name == "parley-bare": // after the handshake it is parley-event
		return r.kind == "churn"
	case p.kind == limit:
		return r.kind != "deflated"
	}
	return true
}

// connsOf is how many connections p is given. TLS takes a thousandth of a second for each, which nothing here measures.
func (r row) connsOf(p party) int {
	if p.name == "parley-tls" {
		return min(r.conns, 5000)
	}
	return r.conns
}

// loadArgs are the load client's.
func (r row) loadArgs(p party, s *server, tls certificate) []string {
	warm := 200 * time.Millisecond
	if p.warm > 0 {
		warm = p.warm
	}
	path := r.path
	if r.speaks != p.speaks {
		path = "/broadcast"
	}
	args := []string{"-kind", r.kind, "-addr", s.addr, "-pid", strconv.Itoa(s.cmd.Process.Pid), "-path", path,
		"-conns", strconv.Itoa(r.connsOf(p)), "-size", strconv.Itoa(r.size), "-inflight", strconv.Itoa(r.inFlight),
		"-content", r.content, "-warm", warm.String(), "-measure", r.measure.String()}
	if p.kind == limit {
		args = append(args, "-raw")
	}
	if p.speaks == socketIO {
		args = append(args, "-socketio")
	}
	if p.name == "parley-tls" {
		args = append(args, "-tls-cert", tls.cert)
	}
	return args
}

// figure makes the row's figure of what the load client has measured.
func (r row) figure(m measured) float64 {
	n := float64(m.Units)
	switch r.unit {
	case bytesConn:
		return float64(m.Bytes) / n
	case µsMegabyte:
		return float64(m.ServerNS) / 1e3 / (n / 1e6)
	default:
		return float64(m.ServerNS) / 1e3 / n
	}
}
