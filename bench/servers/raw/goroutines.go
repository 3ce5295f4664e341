package main

import (
	"net"

	"github.com/seed-4a326f83/parley/bench/servers/internal/serve"
)

func serveGoroutines(l net.Listener, broadcast bool) error {
	var room serve.Room[net.Conn]
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		if broadcast {
			room.Join(c)
		}
		go func() {
			defer c.Close()
			if broadcast {
				defer room.Leave(c)
			}
			receive(c, func(p []byte) error {
				if !broadcast {
					_, err := c.Write(p)
					return err
				}
				room.Each(func(c net.Conn) { c.Write(p) }) // whose connection is broken finds out by reading
				return nil
			})
		}()
	}
}

// receive hands over what comes, until the connection ends or f fails. The buffer grows with what is sent at a time.
func receive(c net.Conn, f func(p []byte) error) {
	buf := make([]byte, 4<<10)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if err := f(buf[:n]); err != nil {
			return
		}
		if n == len(buf) && n < 256<<10 {
			buf = make([]byte, 2*n)
		}
	}
}
