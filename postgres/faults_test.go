//go:build unix

package postgres_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/internal/storetest"
	"github.com/seed-4a326f83/parley/postgres"
)

func TestStoreThroughFaults(t *testing.T) {
	storetest.RunFaults(t, func(t *testing.T) (parley.Store, func(storetest.Moment)) {
		var n network
		s, err := postgres.OpenThrough(t.Context(), newDatabase(t), n.dial)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s, n.lose
	})
}

// A network loses the connection of the next commit, where it is told to.
type network struct {
	next atomic.Pointer[storetest.Moment]
}

func (n *network) lose(when storetest.Moment) { n.next.Store(&when) }

func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	return &connection{Conn: c, network: n}, err
}

// A connection to PostgreSQL, of whose protocol it understands when a commit is
// asked for and when it is done.
type connection struct {
	net.Conn
	network *network
	commit  []byte      // how a commit that was prepared is named in what executes it
	cut     atomic.Bool // once the commit is done
	read    []byte      // since then
}

func (c *connection) Write(b []byte) (int, error) {
	const prefix = "stmtcache_" // of pgx's names
	if at := bytes.Index(b, []byte("\x00COMMIT\x00")); at >= 0 {
		if name := bytes.LastIndex(b[:at], []byte(prefix)); name >= 0 {
			c.commit = append(append([]byte{0}, b[name:at]...), 0)
		}
	}
	if !bytes.Contains(b, []byte("Q\x00\x00\x00\x0bCOMMIT\x00")) && (c.commit == nil || !bytes.Contains(b, c.commit)) {
		return c.Conn.Write(b)
	}
	when := c.network.next.Swap(nil)
	if when == nil {
		return c.Conn.Write(b)
	}
	switch *when {
	case storetest.BeforeCommit:
		c.Close()
		return 0, io.ErrClosedPipe
	case storetest.AfterCommit:
		c.cut.Store(true)
		return c.Conn.Write(b)
	}
	n, err := c.Conn.Write(b)
	c.Close()
	return n, err
}

func (c *connection) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if !c.cut.Load() {
		return n, err
	}
	if c.read = append(c.read, b[:n]...); bytes.Contains(c.read, []byte("COMMIT\x00")) {
		c.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}
