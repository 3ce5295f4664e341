package conformance

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A subject is the conformance example in one of its roles and modes, on which all rows are run.
type subject struct {
	name string
	role roles
	mode string
	tls  bool
	bare bool // a server without net/http, which differs in the handshake, and so is spared the long rows
}

// subjects are all that there are.
func subjects() (all []subject) {
	for _, mode := range []string{"blocking", "event"} {
		for _, secure := range []bool{false, true} {
			for _, role := range []roles{servers, clients} {
				name := map[roles]string{servers: "server", clients: "client"}[role] + " in " + mode + " mode"
				if secure {
					name += " over TLS"
				}
				all = append(all, subject{name: name, role: role, mode: mode, tls: secure})
			}
		}
	}
	return append(all, subject{name: "server without HTTP in event mode", role: servers, mode: "event", bare: true})
}

// args returns the arguments of the conformance example that do not depend on its role.
func (s subject) args() []string {
	return []string{"--mode", s.mode, "--limit", strconv.Itoa(limit), "--send-buffer", strconv.Itoa(narrow)}
}

// workers is how many rows are run at once, on the same server or each on a client of its own: most rows wait for the network.
const workers = 4

// allFaults are the faults of all subjects, for the end of what is printed: there they are found in a log of which only the end
// is kept.
var allFaults []string

// An outcome is what became of a row.
type outcome struct {
	row
	err error
}

// TestConformance runs all rows on all subjects and prints how many passed, and those that did not.
func TestConformance(t *testing.T) {
	t.Logf("replay with -seed %d", *seed)
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			began := time.Now()
			var rows []row
			for _, r := range allRows(os.Getenv("PARLEY_ROWS")) {
				if r.is(s.role) && (!s.bare || !r.long()) {
					rows = append(rows, r)
				}
			}
			var outcomes []outcome
			if s.role == servers {
				outcomes = runServer(t, s, rows)
			} else {
				outcomes = runClient(t, s, rows)
			}
			report(t, s, outcomes, time.Since(began))
		})
	}
}

// TestRows: what is reported by its number can be found by it.
func TestRows(t *testing.T) {
	seen := make(map[string]bool)
	for _, r := range allRows("") {
		if seen[r.id] {
			t.Errorf("there are two rows %q", r.id)
		}
		seen[r.id] = true
	}
}

// report prints the table of a subject.
func report(t *testing.T, s subject, outcomes []outcome, took time.Duration) {
	var table, faults strings.Builder
	passed := 0
	for _, g := range groups {
		n, good := 0, 0
		for _, o := range outcomes {
			switch {
			case !o.in(g):
				continue
			case o.err == nil:
				good++
			default:
				fmt.Fprintf(&faults, "  FAIL %s as %s (%s): %v\n", o.id, s.name, o.what, o.err)
			}
			n++
		}
		if n > 0 {
			fmt.Fprintf(&table, "  %-3s %-28s %4d of %4d\n", strings.TrimSuffix(g.prefix, "."), g.name, good, n)
		}
		passed += good
	}
	t.Logf("as %s: %d of %d rows pass (%.1f s)\n%s", s.name, passed, len(outcomes), took.Seconds(), table.String())
	if faults.Len() > 0 {
		t.Errorf("rows that fail:\n%s", faults.String())
		allFaults = append(allFaults, faults.String())
	}
}

// runServer runs rows on a server, some at once.
func runServer(t *testing.T, s subject, rows []row) []outcome {
	args := s.args()
	if s.tls {
		args = append(args, "--cert", cert.File, "--key", cert.KeyFile)
	}
	if s.bare {
		args = append(args, "--bare")
	}
	addr := startServer(t, racing, args...).addr
	outcomes := make([]outcome, len(rows))
	next := make(chan int)
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for i := range next {
				outcomes[i] = outcome{rows[i], onServer(addr, s.tls, rows[i], dialRough(uint64(i)))}
			}
		})
	}
	for i := range rows {
		next <- i
	}
	close(next)
	running.Wait()
	return outcomes
}

// onServer runs a row on a server that is connected to by dial.
func onServer(addr string, secure bool, r row, dial func(addr string) (net.Conn, error)) error {
	early, list := r.early(true)
	p, err := connect(addr, secure, r.hs, early, dial)
	if err != nil {
		return err
	}
	defer p.nc.Close()
	return p.run(list)
}

// early returns the bytes to send together with the handshake, and the steps that remain.
func (r row) early(client bool) ([]byte, []step) {
	if !r.hs.early {
		return nil, r.steps
	}
	var b bytes.Buffer
	p := &peer{nc: recorder{Buffer: &b}, client: client}
	r.steps[0](p)
	return b.Bytes(), r.steps[1:]
}

// A recorder keeps what a step writes.
type recorder struct {
	net.Conn
	*bytes.Buffer
}

func (r recorder) Read(b []byte) (int, error)  { return r.Buffer.Read(b) }
func (r recorder) Write(b []byte) (int, error) { return r.Buffer.Write(b) }
