package websocket

// receive waits for the network and returns what it gave; there is a c.rd then. Where that can be, it has no buffer while it
// waits between frames; over TLS, but a small one.
func (b *blocking) receive(c *Conn) ([]byte, error) {
	if c.rd != nil {
		if room := c.room(); room != nil {
			n, err := b.sock.readTo(c.nc, room)
			return room[:n], err
		}
		c.forgetReading()
	}
	if b.sock.raw != nil {
		buf, n, err := b.sock.read()
		if err != nil {
			return nil, err
		}
		c.rememberReading()
		c.rd.buf = buf
		return (*buf)[:n], nil
	}
	return b.receiveBuffered(c)
}

// receiveBuffered is receive for a network connection that can only be read with a buffer at hand.
func (b *blocking) receiveBuffered(c *Conn) ([]byte, error) {
	c.rememberReading()
	rd := c.rd
	if b.secure && c.machine.Idle() {
		n, err := c.nc.Read(rd.first[:])
		return rd.first[:n], err
	}
	if rd.buf == nil {
		rd.buf = readBuffers.Get().(*[]byte)
	}
	n, err := c.nc.Read(*rd.buf)
	return (*rd.buf)[:n], err
}
