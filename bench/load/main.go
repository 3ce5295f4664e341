// Command load drives a server of the benchmarks and says what that cost the server, as JSON in one line. It is one thread that
// makes system calls, sends frames that were made beforehand, and compares what comes back with the bytes that must come back.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

// options say what is to be done.
type options struct {
	addr     string
	path     string
	raw      bool // no WebSocket: what is sent comes back
	socketIO bool // Socket.IO over WebSocket
	pid      int  // the server
	conns    int
	size     int
	inFlight int
	content  string
	warm     time.Duration
	measure  time.Duration
	cert     string
}

// A result is what was done, and what it cost.
type result struct {
	Units    int64 // messages, deliveries, bytes or connections
	ServerNS int64 // CPU time of the server
	LoadNS   int64 // CPU time of this process
	WallNS   int64
	Bytes    int64 // memory of the server, beyond what it takes without connections
}

var kinds = map[string]func(options) (result, error){
	"echo":        echo,
	"fanout":      fanOut,
	"large":       large,
	"churn":       churn,
	"idle":        idle,
	"idle-polled": idlePolled,
	"deflated":    deflated,
	"polled":      polled,
}

func main() {
	var o options
	kind := flag.String("kind", "echo", "what to do: echo, fanout, large, churn, idle, idle-polled, deflated or polled")
	flag.StringVar(&o.addr, "addr", "", "the server's `address`")
	flag.StringVar(&o.path, "path", "/echo", "the `path` to ask for")
	flag.BoolVar(&o.raw, "raw", false, "the server knows no WebSocket")
	flag.BoolVar(&o.socketIO, "socketio", false, "speak Socket.IO over WebSocket")
	flag.IntVar(&o.pid, "pid", 0, "the server's process `id`")
	flag.IntVar(&o.conns, "conns", 1, "how many connections")
	flag.IntVar(&o.size, "size", 125, "how many bytes a message has")
	flag.IntVar(&o.inFlight, "inflight", 1, "how many messages are on their way on a connection")
	flag.StringVar(&o.content, "content", "binary", "what is in them: binary, ascii, scripts, json, or a Socket.IO event: echo-event or broadcast-event")
	flag.DurationVar(&o.warm, "warm", 300*time.Millisecond, "how long to go on before measuring")
	flag.DurationVar(&o.measure, "measure", time.Second, "how long to measure")
	flag.StringVar(&o.cert, "tls-cert", "", "speak TLS, and trust the certificate in this `file`")
	flag.Parse()

	// Nothing is allocated while it counts, and another thread would only take time away.
	debug.SetGCPercent(-1)
	runtime.LockOSThread()
	r, err := run(*kind, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(r)
}

func run(kind string, o options) (result, error) {
	f := kinds[kind]
	if f == nil {
		return result{}, fmt.Errorf("there is no kind of load %q", kind)
	}
	return f(o)
}
