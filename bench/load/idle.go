package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// words is how many messages a connection sends before it falls silent.
const words = 3

// idle opens connections, has each of them talk, and tells what they cost while they are silent. The unit is the connection.
func idle(o options) (result, error) {
	if o.cert != "" {
		return idleAfter(o, talkTLS)
	}
	return idleAfter(o, talk)
}

// idlePolled is idle for sessions that poll: a GET request of each waits.
func idlePolled(o options) (result, error) { return idleAfter(o, talkPolling) }

func idleAfter(o options, talk func(options) error) (result, error) {
	raiseLimit()
	empty, err := settled(o.pid)
	if err != nil {
		return result{}, err
	}
	if err := talk(o); err != nil {
		return result{}, err
	}
	full, err := settled(o.pid)
	return result{Units: int64(o.conns), Bytes: full - empty}, err
}

func talk(o options) error {
	there, back := exchange(o)
	fds, err := dial(o, "")
	if err != nil {
		return err
	}
	buf := make([]byte, len(back)+1)
	for range words {
		for _, fd := range fds {
			if err := sendAll(fd, there); err != nil {
				return err
			}
		}
		for _, fd := range fds {
			for got := 0; got < len(back); {
				if err := waitFor(fd, unix.POLLIN); err != nil {
					return err
				}
				if got, err = receiveExpected(fd, buf, back, got); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// open keeps connections from being closed by the collector of garbage.
var open []net.Conn

func talkTLS(o options) error {
	pem, err := os.ReadFile(o.cert)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	config := &tls.Config{RootCAs: roots, ServerName: "localhost"}
	there, back := exchange(o)
	answer := make([]byte, len(back))
	for range o.conns {
		c, err := tls.Dial("tcp", o.addr, config)
		if err != nil {
			return err
		}
		open = append(open, c)
		c.SetDeadline(time.Now().Add(silence * time.Millisecond))
		if _, err := c.Write(request(o.addr, o.path, "")); err != nil {
			return err
		}
		var head []byte
		for one := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); head = append(head, one...) {
			if _, err := io.ReadFull(c, one); err != nil {
				return err
			}
		}
		if err := checkAnswer(head); err != nil {
			return err
		}
		for range words {
			if _, err := c.Write(there); err != nil {
				return err
			}
			if _, err := io.ReadFull(c, answer); err != nil {
				return err
			}
			if !bytes.Equal(answer, back) {
				return fmt.Errorf("what came back is not what was sent: %.100q", answer)
			}
		}
	}
	return nil
}

// settled has the server give back what memory it can, until that changes nothing any more, and returns how much it has: its
// proportional share (Pss) of all that it maps.
func settled(pid int) (int64, error) {
	last := int64(-1)
	for asked := range 20 {
		if err := unix.Kill(pid, unix.SIGUSR1); err != nil {
			return 0, fmt.Errorf("asking the server to give memory back: %w", err)
		}
		time.Sleep(150 * time.Millisecond)
		now, err := pss(pid)
		if err != nil {
			return 0, err
		}
		if asked >= 3 && now > last-last/200 && now < last+last/200 { // stacks shrink by half at a time
			return now, nil
		}
		last = now
	}
	return last, nil
}

func pss(pid int) (int64, error) {
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(rollup)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "Pss: %d kB", &kib); err == nil {
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("there is no Pss in the smaps_rollup of process %d", pid)
}
