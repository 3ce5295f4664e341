package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed-4a326f83/parley/test/interop/certificate"
	"github.com/seed-4a326f83/parley/websocket"
)

// ports is how many the server listens on, plain and with TLS each: a connection that has ended keeps its pair of ports for a
// minute, and there are 28,000 of them for one of the server's.
const ports = 3

// serve is the server's process: everything is echoed, in event mode. It ends with its standard input.
func serve(args []string) error {
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	interval := flags.Duration("keepalive-interval", 0, "`time` until a silent peer is pinged")
	timeout := flags.Duration("keepalive-timeout", 0, "`time` that it has to answer")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "parley-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cert, err := certificate.Make(dir)
	if err != nil {
		return err
	}
	options := &websocket.AcceptOptions{KeepaliveInterval: *interval, KeepaliveTimeout: *timeout}
	var h echo
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, err := websocket.Accept(w, r, options)
			if err != nil {
				return
			}
			h.open.Add(1)
			if err := conn.Handle(&h); err != nil {
				h.OnClose(conn, err)
				conn.CloseNow()
			}
		}),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert.Pair}, NextProtos: []string{"http/1.1"}},
		ErrorLog:  log.New(io.Discard, "", 0), // handshakes that end with the soak
	}
	failed := make(chan error)
	var where addresses
	for i := range 2 * ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		if i < ports {
			where.Plain = append(where.Plain, l.Addr().String())
			go func() { failed <- server.Serve(l) }()
		} else {
			where.TLS = append(where.TLS, l.Addr().String())
			go func() { failed <- server.ServeTLS(websocket.NewListener(l), "", "") }()
		}
	}
	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	where.Control = control.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("/state", func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(look(h.open.Load(), r.FormValue("collect") != ""))
	})
	mux.HandleFunc("/stacks", func(w http.ResponseWriter, _ *http.Request) { pprof.Lookup("goroutine").WriteTo(w, 1) })
	go func() { failed <- http.Serve(control, mux) }()
	go func() {
		io.Copy(io.Discard, os.Stdin)
		failed <- nil
	}()
	if err := json.NewEncoder(os.Stdout).Encode(where); err != nil {
		return err
	}
	return <-failed
}

// addresses are where a server listens.
type addresses struct {
	Plain, TLS []string
	Control    string
}

// echo is the handler of all connections.
type echo struct{ open atomic.Int64 }

// blocksEvery is how rare the messages are, by their lengths, whose handling blocks for some time.
const blocksEvery = 199

func (h *echo) OnMessage(c *websocket.Conn, typ websocket.MessageType, data []byte) {
	if len(data)%blocksEvery == 7 {
		time.Sleep(10 * time.Millisecond)
	}
	c.Write(context.Background(), typ, data) // an error has closed the connection, which the other side sees
}

func (h *echo) OnClose(*websocket.Conn, error) { h.open.Add(-1) }

// A state is what a server holds.
type state struct {
	Open        int64 // connections
	Descriptors int
	Goroutines  int
	Heap        uint64 // bytes of live objects, and garbage unless it was collected
	Resident    int64  // bytes
}

func (s state) String() string {
	return fmt.Sprintf("%d connections, %d descriptors, %d goroutines, heap %.1f MiB, resident %.1f MiB",
		s.Open, s.Descriptors, s.Goroutines, float64(s.Heap)/(1<<20), float64(s.Resident)/(1<<20))
}

// look finds out what this process holds.
func look(open int64, collect bool) state {
	if collect {
		runtime.GC()
		runtime.GC() // what pools held until now
		debug.FreeOSMemory()
	}
	s := state{Open: open, Goroutines: runtime.NumGoroutine()}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	s.Heap = memory.HeapAlloc
	if names, err := os.ReadDir("/proc/self/fd"); err == nil {
		s.Descriptors = len(names) - 1 // but for the folder itself
	}
	if pages, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := strings.Fields(string(pages)); len(fields) > 1 {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			s.Resident = n * int64(os.Getpagesize())
		}
	}
	return s
}
