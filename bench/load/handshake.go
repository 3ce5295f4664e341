package main

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"

	"golang.org/x/sys/unix"
)

// key is what every handshake sends: only a server that keeps state between them could tell.
const key = "UGFybGV5IG1lYXN1cmVzIQ=="

const deflateOffer = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"

// request is the client's side of the handshake, as a browser's, with its extra fields.
func request(addr, path, extra string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: parley-bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Origin: http://%s\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n%s\r\n", path, addr, addr, key, extra)
}

// accepted is the field that must be in the answer, without its name.
func accepted() []byte {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return []byte(base64.StdEncoding.EncodeToString(sum[:]) + "\r\n")
}

// checkAnswer holds the server's side of the handshake against what it must be.
func checkAnswer(answer []byte) error {
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 101 ")) || !bytes.HasSuffix(answer, []byte("\r\n\r\n")) ||
		!bytes.Contains(answer, accepted()) {
		return fmt.Errorf("the server answers the handshake with %.300q", answer)
	}
	return nil
}

// dial connects n times, and upgrades the connections.
func dial(o options, extra string) ([]int, error) {
	raiseLimit()
	fds := make([]int, o.conns)
	buf := make([]byte, 4096)
	path := o.path
	if o.socketIO {
		path += "?EIO=4&transport=websocket"
	}
	ask := request(o.addr, path, extra)
	for i := range fds {
		fd, err := connect(o.addr, i/connsPerAddress)
		if err != nil {
			return nil, err
		}
		fds[i] = fd
		reset(fd)
		if o.raw {
			continue
		}
		if _, err := send(fd, ask); err != nil {
			return nil, fmt.Errorf("sending a handshake: %w", err)
		}
		n, head := 0, -1
		for head < 0 {
			if err := waitFor(fd, unix.POLLIN); err != nil {
				return nil, err
			}
			m, err := receive(fd, buf[n:])
			if err != nil || m == 0 {
				return nil, fmt.Errorf("handshake %d: the server has sent %.300q, and then %w", i, buf[:n], orEOF(err))
			}
			n += m
			head = bytes.Index(buf[:n], []byte("\r\n\r\n"))
		}
		head += len("\r\n\r\n")
		if o.socketIO {
			if err := firstOf(checkAnswer(buf[:head]), join(fd, buf[head:n])); err != nil {
				return nil, err
			}
			continue
		}
		if err := checkAnswer(buf[:n]); err != nil {
			return nil, err
		}
		if extra == deflateOffer && !bytes.Contains(buf[:n], []byte("permessage-deflate")) {
			return nil, fmt.Errorf("the server does not compress: it answers %.300q", buf[:n])
		}
	}
	return fds, nil
}
