package main

import (
	"bufio"
	"bytes"
	"compress/flate"
	"io"
	"net"
	"sync"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
	"github.com/gobwas/ws/wsutil"

	"github.com/seed-4a326f83/parley/bench/servers/internal/serve"
)

// A conn reads and writes whole messages.
type conn struct {
	nc       net.Conn
	rd       wsutil.Reader
	deflates bool
	message  wsflate.MessageState // says whether what comes is compressed

	mu sync.Mutex // held while writing
}

func newConn(nc net.Conn, deflates bool) *conn {
	c := &conn{nc: nc, deflates: deflates}
	c.rd = wsutil.Reader{
		Source:         bufio.NewReader(nc),
		State:          ws.StateServerSide,
		MaxFrameSize:   serve.MessageLimit,
		OnIntermediate: wsutil.ControlFrameHandler(nc, ws.StateServerSide),
	}
	if deflates {
		c.rd.State |= ws.StateExtended
		c.rd.Extensions = []wsutil.RecvExtension{&c.message}
	}
	return c
}

var inflaters = sync.Pool{New: func() any {
	return wsflate.NewReader(nil, func(r io.Reader) wsflate.Decompressor { return flate.NewReader(r) })
}}

var deflaters = sync.Pool{New: func() any {
	return wsflate.NewWriter(nil, func(w io.Writer) wsflate.Compressor {
		f, _ := flate.NewWriter(w, flate.BestSpeed) // the level is right
		return f
	})
}}

// read returns the next message, in a buffer that the caller gives back.
func (c *conn) read() (ws.OpCode, *bytes.Buffer, error) {
	p := serve.Borrow()
	for {
		h, err := c.rd.NextFrame()
		switch {
		case err != nil:
			return 0, p, err
		case h.OpCode.IsControl():
			if err := c.rd.OnIntermediate(h, &c.rd); err != nil {
				return 0, p, err
			}
			continue
		}
		p.Grow(int(h.Length) + bytes.MinRead)
		if !c.message.IsCompressed() {
			_, err = p.ReadFrom(&c.rd)
			return h.OpCode, p, err
		}
		fr := inflaters.Get().(*wsflate.Reader)
		fr.Reset(&c.rd)
		_, err = p.ReadFrom(io.LimitReader(fr, serve.MessageLimit))
		inflaters.Put(fr)
		return h.OpCode, p, err
	}
}

// inOneBuffer is up to which size header and payload are put together, to be written by one call.
const inOneBuffer = 16 << 10

// write sends a message in one frame.
func (c *conn) write(op ws.OpCode, p []byte) error {
	b := serve.Borrow()
	defer serve.GiveBack(b)
	if c.deflates {
		fw := deflaters.Get().(*wsflate.Writer)
		defer deflaters.Put(fw)
		z := serve.Borrow()
		defer serve.GiveBack(z)
		fw.Reset(z)
		fw.Write(p) // to a buffer: Close says what failed
		if err := fw.Close(); err != nil {
			return err
		}
		p = z.Bytes()
	}
	ws.WriteHeader(b, ws.Header{Fin: true, OpCode: op, Length: int64(len(p)), Rsv: ws.Rsv(c.deflates, false, false)})
	if len(p) > inOneBuffer {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, err := (&net.Buffers{b.Bytes(), p}).WriteTo(c.nc)
		return err
	}
	b.Write(p)
	return c.send(b.Bytes())
}

// send sends a frame.
func (c *conn) send(frame []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.nc.Write(frame)
	return err
}
