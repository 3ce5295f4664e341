package socketio

import (
	"net"
	"sync"
)

// A door is an address that servers come and go behind: another program must not get it in between. When there is no server,
// connections are closed.
type door struct {
	listener net.Listener

	mu      sync.Mutex
	current *doorway // nil: there is no server
}

func newDoor() (*door, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &door{listener: l}
	go d.accept()
	return d, nil
}

func (d *door) addr() string { return d.listener.Addr().String() }

func (d *door) close() { d.listener.Close() }

func (d *door) accept() {
	for {
		conn, err := d.listener.Accept()
		if err != nil {
			return // it was closed
		}
		d.mu.Lock()
		current := d.current
		d.mu.Unlock()
		if current == nil || !current.pass(conn) {
			conn.Close()
		}
	}
}

// open returns what the next server listens on.
func (d *door) open() net.Listener {
	w := &doorway{door: d, conns: make(chan net.Conn), closed: make(chan struct{})}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.current = w
	return w
}

// A doorway is the net.Listener of one server.
type doorway struct {
	door   *door
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

// pass hands a connection to the server, and reports whether it is still there.
func (w *doorway) pass(conn net.Conn) bool {
	select {
	case w.conns <- conn:
		return true
	case <-w.closed:
		return false
	}
}

// Accept implements net.Listener.
func (w *doorway) Accept() (net.Conn, error) {
	select {
	case conn := <-w.conns:
		return conn, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (w *doorway) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

// Addr implements net.Listener.
func (w *doorway) Addr() net.Addr { return w.door.listener.Addr() }
