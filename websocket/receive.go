package websocket

// receive waits for the network and returns what it gave. Where that can be, it has no buffer while it waits between frames;
// over TLS, but a small one.
func (b *blocking) receive(c *Conn) ([]byte, error) {
	rd := c.rd
	if room := c.room(); room != nil {
		n, err := c.nc.Read(room)
		return room[:n], err
	}
	if b.ready != nil {
		n, err := b.ready.read(rd)
		if rd.buf == nil {
			return nil, err
		}
		return (*rd.buf)[:n], err
	}
	if b.secure && c.machine.Idle() {
		if rd.buf != nil {
			readBuffers.Put(rd.buf)
			rd.buf = nil
		}
		n, err := c.nc.Read(rd.first[:])
		return rd.first[:n], err
	}
	if rd.buf == nil {
		rd.buf = readBuffers.Get().(*[]byte)
	}
	n, err := c.nc.Read(*rd.buf)
	return (*rd.buf)[:n], err
}
