package conformance

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"
)

// runClient runs rows on clients, each of which goes through a part of them.
func runClient(t *testing.T, s subject, rows []row) []outcome {
	outcomes := make([]outcome, len(rows))
	var running sync.WaitGroup
	for w := range workers {
		var mine []row
		var index []int
		for i := w; i < len(rows); i += workers {
			mine, index = append(mine, rows[i]), append(index, i)
		}
		if len(mine) == 0 {
			continue
		}
		suite, err := newSuite(mine, s.tls, uint64(w))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { suite.listener.Close() })
		args := append([]string{"client", "--agent", agent}, s.args()...)
		if s.tls {
			args = append(args, "--url", "wss://"+suite.listener.Addr().String(), "--ca", cert.File)
		} else {
			args = append(args, "--url", "ws://"+suite.listener.Addr().String())
		}
		program := start(t, racing, args...)
		running.Go(func() {
			go func() { // so that nobody waits for a client that is no more
				<-program.ended
				suite.listener.Close()
			}()
			err := suite.run()
			for n, i := range index {
				outcomes[i] = outcome{rows[i], suite.errs[n]}
			}
			<-program.ended
			if err = errors.Join(err, program.err); err != nil {
				t.Errorf("the client's own run: %v", err)
			}
		})
	}
	running.Wait()
	return outcomes
}

// agent is a name that has to be escaped in a URL.
const agent = "parley client & co/1.0 ü"

// A suite is a server that drives one client through rows, as Autobahn's suite does.
type suite struct {
	listener net.Listener
	rows     []row
	errs     []error
}

var errNotPlayed = errors.New("the client did not ask for this case")

// newSuite makes the suite of one of the workers.
func newSuite(rows []row, secure bool, worker uint64) (*suite, error) {
	l, err := listenRough(worker << 32)
	if err != nil {
		return nil, err
	}
	if secure {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert.Pair}})
	}
	s := &suite{l, rows, make([]error, len(rows))}
	for i := range s.errs {
		s.errs[i] = errNotPlayed
	}
	return s, nil
}

// run serves until the client asks for the reports. The client is to ask for all rows, in their order.
func (s *suite) run() error {
	if err := s.serve("/getCaseCount", func(c *call) error {
		p, err := c.accept(handshake{}, nil)
		if err != nil {
			return err
		}
		return p.run(steps(send(text(strconv.Itoa(len(s.rows))), closing(1000, "")), closed(1000)))
	}); err != nil {
		return fmt.Errorf("/getCaseCount: %w", err)
	}
	for i, r := range s.rows {
		if err := s.serve("/runCase", func(c *call) error {
			if q := c.req.URL.Query(); q.Get("case") != strconv.Itoa(i+1) || q.Get("agent") != agent {
				return fmt.Errorf("the client asked for %s", c.req.URL)
			}
			s.errs[i] = onClient(c, r)
			return nil
		}); err != nil {
			return fmt.Errorf("/runCase %d: %w", i+1, err)
		}
	}
	return s.serve("/updateReports", func(c *call) error {
		if q := c.req.URL.Query(); q.Get("agent") != agent {
			return fmt.Errorf("the client asked for %s", c.req.URL)
		}
		p, err := c.accept(handshake{}, nil)
		if err != nil {
			return err
		}
		return p.run(steps(goodbye))
	})
}

// serve handles the client's next connection, which must be for path.
func (s *suite) serve(path string, handle func(*call) error) error {
	nc, err := s.listener.Accept()
	if err != nil {
		return err
	}
	defer nc.Close()
	c, err := receive(nc)
	if err != nil {
		return err
	}
	if c.req.URL.Path != path {
		return fmt.Errorf("the client asked for %s", c.req.URL)
	}
	return handle(c)
}

func onClient(c *call, r row) error {
	early, list := r.early(false)
	p, err := c.accept(r.hs, early)
	if err != nil || r.hs.refused {
		return err
	}
	return p.run(list)
}
