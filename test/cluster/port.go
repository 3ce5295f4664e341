package cluster

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// freePort finds a port of host that a server may listen on, be killed, and
// listen on again: one that the kernel gives to nobody who asks for any, which
// on Linux begin at 32768.
func freePort(host string) (int, error) {
	var last error
	for range 200 {
		port := 10000 + rand.IntN(20000)
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			last = err
			continue
		}
		l.Close()
		return port, nil
	}
	return 0, fmt.Errorf("no free port on %s: %w", host, last)
}
