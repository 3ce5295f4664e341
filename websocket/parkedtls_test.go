package websocket_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/poll"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// handledTLS returns a server's connection that has been given to h, its peer, and what that has below it.
func handledTLS(t *testing.T, h websocket.Handler) (*websocket.Conn, *peer, *tlsPeer) {
	t.Helper()
	var below *tlsPeer
	c, p := parkedServer(t, network{pipe: func(t *testing.T) (net.Conn, net.Conn) {
		server, client := tlsPeerPipe(t)
		below = client
		return server, client
	}, parks: poll.Supported}, acceptQuiet, h)
	return c, p, below
}

// wantTLSEnd wants TLS's goodbye and then the end of the connection.
func wantTLSEnd(t *testing.T, p *peer) {
	t.Helper()
	if f, err := p.read(); err != io.EOF { // and not errNotACloseNotify
		t.Errorf("at the end: %+v, %v", f, err)
	}
}

func TestTLSParks(t *testing.T) {
	if !websocket.TLSParks() {
		t.Error("crypto/tls does not go on after an error that is temporary: event mode over TLS falls back to goroutines")
	}
}

func TestEventTLSWithoutProof(t *testing.T) {
	t.Cleanup(websocket.DoubtTLS())
	_, p := parkedServer(t, network{pipe: tlsPipe}, acceptQuiet, echoes)
	p.sendFrame(proto.Text, true, "hello")
	p.want(frame{op: proto.Text, fin: true, payload: "hello"})
}

func TestNewListenerOfOtherSockets(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	near, err := websocket.NewListener(l).Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	if _, ok := near.(*net.UnixConn); !ok {
		t.Errorf("accepted a %T", near)
	}
	l.Close()
	if _, err := websocket.NewListener(l).Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

// TestEventTLSRecords sends frames in records of every kind of size: many in one, one in many, and what says nothing between.
func TestEventTLSRecords(t *testing.T) {
	inPieces(t, func(t *testing.T) {
		_, p, below := handledTLS(t, echoes)
		text := frame{op: proto.Text, fin: true, payload: "a message in small pieces"}
		const n = 500
		var stream []byte
		for range n {
			stream = append(stream, below.seal(recordData, p.encode(proto.Text, true, text.payload))...)
		}
		for _, b := range p.encode(proto.Text, true, text.payload) {
			stream = append(stream, below.seal(recordData, []byte{b})...)
			stream = append(stream, below.seal(recordData, nil)...)
		}
		for _, part := range [][]byte{stream[:1], stream[1:4], stream[4:30], stream[30 : len(stream)/2], stream[len(stream)/2:]} {
			below.Conn.Write(part)
		}
		for range n + 1 {
			p.want(text)
		}
		// The largest record that there is.
		large := frame{op: proto.Binary, fin: true, payload: string(make([]byte, 1<<14-8))}
		p.sendFrame(proto.Binary, true, large.payload)
		p.want(large)
	})
}

// inPieces runs f as it is, and with a network that behaves as badly as it may.
func inPieces(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Run("whole", f)
	t.Run("in pieces", func(t *testing.T) {
		misbehave(t)
		f(t)
	})
}

func TestEventTLSHalfARecordHoldsNobodyUp(t *testing.T) {
	type half struct {
		p     *peer
		below *tlsPeer
		rest  []byte
	}
	var halves []half
	for range 50 {
		_, p, below := handledTLS(t, echoes)
		record := below.seal(recordData, p.encode(proto.Text, true, "whole"))
		below.Conn.Write(record[:len(record)/2])
		halves = append(halves, half{p, below, record[len(record)/2:]})
	}
	_, quick, _ := handledTLS(t, echoes)
	for range 100 {
		quick.sendFrame(proto.Text, true, "quick")
		quick.want(frame{op: proto.Text, fin: true, payload: "quick"})
	}
	for _, h := range halves {
		h.below.Conn.Write(h.rest)
		h.p.want(frame{op: proto.Text, fin: true, payload: "whole"})
	}
}

func TestEventTLSAnswersLeaveInOneRecord(t *testing.T) {
	_, p, below := handledTLS(t, echoes)
	p.sendFrame(proto.Text, true, "x")
	p.want(frame{op: proto.Text, fin: true, payload: "x"})
	for { // until nothing holds the poller up, which sends answers earlier then
		before := below.records
		var records []byte
		for range 20 {
			records = append(records, below.seal(recordData, p.encode(proto.Text, true, "x"))...)
		}
		below.Conn.Write(records)
		for range 20 {
			p.want(frame{op: proto.Text, fin: true, payload: "x"})
		}
		if below.records == before+1 || !poll.Supported {
			return
		}
	}
}

// TestEventTLSKeyUpdates has both sides change their keys all the time, which makes reads write.
func TestEventTLSKeyUpdates(t *testing.T) {
	inPieces(t, func(t *testing.T) {
		c, p, below := handledTLS(t, echoes)
		for i := range 50 {
			text := fmt.Sprint(i)
			update := below.updateKeys()
			below.Conn.Write(update[:i%len(update)])
			c.Send(websocket.MessageText, []byte("meanwhile"))
			below.Conn.Write(update[i%len(update):])
			p.sendFrame(proto.Text, true, text)
			p.want(frame{op: proto.Text, fin: true, payload: "meanwhile"})
			p.want(frame{op: proto.Text, fin: true, payload: text})
		}
		// One that comes in two records, and with nothing behind it.
		below.Conn.Write(below.seal(recordHandshake, keyUpdateBothWays[:2]))
		below.Conn.Write(below.seal(recordHandshake, keyUpdateBothWays[2:]))
		below.out = below.out.next()
		if typ, payload, err := below.open(); typ != recordHandshake || !bytes.Equal(payload, keyUpdate) {
			t.Fatal(typ, payload, err)
		}
	})
}

// TestEventTLSKeyUpdatesThatNobodyTakes has a peer ask for new keys without end, and read nothing.
func TestEventTLSKeyUpdatesThatNobodyTakes(t *testing.T) {
	if !poll.Supported {
		return
	}
	t.Cleanup(websocket.Misbehave(func(n int) int { return n }, func(n int) int { return 0 }))
	ends := make(chan error, 1)
	c, p, below := handledTLS(t, handlerFuncs{close: func(_ *websocket.Conn, err error) { ends <- err }})
	const most = 128 << 10
	for {
		var records []byte
		for range 100 {
			records = append(records, below.updateKeys()...)
			// TLS gives up on a peer that says nothing else.
			records = append(records, below.seal(recordData, p.encode(proto.Pong, true, ""))...)
		}
		below.Conn.Write(records)
		if queued := c.Queued(); queued > most {
			t.Fatalf("%d bytes are queued", queued)
		}
		select {
		case err := <-ends:
			if !strings.Contains(err.Error(), "does not take them") {
				t.Errorf("OnClose got %v", err)
			}
			return
		default:
		}
	}
}

func TestEventTLSEnds(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(p *peer, below *tlsPeer)
		want error // in OnClose
		tell func(t *testing.T, p *peer, below *tlsPeer)
	}{
		"goodbye of TLS alone": {
			func(_ *peer, below *tlsPeer) {
				below.Conn.Write(below.seal(recordAlert, closeNotify))
			},
			io.EOF,
			func(t *testing.T, p *peer, _ *tlsPeer) { wantTLSEnd(t, p) },
		},
		"no goodbye": {
			func(_ *peer, below *tlsPeer) { below.Conn.(*net.TCPConn).CloseWrite() },
			io.EOF,
			func(t *testing.T, p *peer, _ *tlsPeer) { wantTLSEnd(t, p) },
		},
		"half a record": {
			func(p *peer, below *tlsPeer) {
				below.Conn.Write(below.seal(recordData, p.encode(proto.Text, true, "half"))[:20])
				below.Conn.(*net.TCPConn).CloseWrite()
			},
			io.ErrUnexpectedEOF,
			func(t *testing.T, p *peer, _ *tlsPeer) { wantTLSEnd(t, p) },
		},
		"reset": {
			func(_ *peer, below *tlsPeer) {
				below.Conn.(*net.TCPConn).SetLinger(0)
				below.Conn.Close()
			},
			syscall.ECONNRESET,
			func(*testing.T, *peer, *tlsPeer) {},
		},
		"a record that was forged": {
			func(p *peer, below *tlsPeer) {
				record := below.seal(recordData, p.encode(proto.Text, true, "true"))
				record[len(record)-1] ^= 1
				below.Conn.Write(record)
			},
			errors.New("bad record MAC"),
			func(t *testing.T, _ *peer, below *tlsPeer) {
				if typ, payload, err := below.open(); typ != recordAlert || !bytes.Equal(payload, []byte{2, 20}) {
					t.Error(typ, payload, err) // bad_record_mac
				}
			},
		},
		"a close handshake": {
			func(p *peer, _ *tlsPeer) { p.sendFrame(proto.Close, true, "\x0f\xa1") },
			websocket.CloseError{Code: 4001},
			func(t *testing.T, p *peer, _ *tlsPeer) {
				p.want(frame{op: proto.Close, fin: true, code: 4001})
				wantTLSEnd(t, p)
			},
		},
		"a violation": {
			func(p *peer, _ *tlsPeer) { p.send([]byte{0xFF, 0xFF}) },
			errors.New("1002"),
			func(t *testing.T, p *peer, below *tlsPeer) {
				if f, err := p.read(); f.code != int(websocket.StatusProtocolError) {
					t.Error(f, err)
				}
				if typ, payload, err := below.open(); typ != recordAlert || !bytes.Equal(payload, closeNotify) {
					t.Error(typ, payload, err)
				}
				below.Conn.Close()
			},
		},
		"CloseNow": {
			func(p *peer, _ *tlsPeer) { p.sendFrame(proto.Text, true, "close now") },
			net.ErrClosed,
			func(t *testing.T, p *peer, _ *tlsPeer) { wantTLSEnd(t, p) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			ends := make(chan error, 1)
			c, p, below := handledTLS(t, handlerFuncs{
				message: func(c *websocket.Conn, typ websocket.MessageType, data []byte) {
					if string(data) == "close now" {
						c.CloseNow()
						return
					}
					c.Write(bg, typ, data)
				},
				close: func(_ *websocket.Conn, err error) { ends <- err },
			})
			p.sendFrame(proto.Text, true, "hello")
			p.want(frame{op: proto.Text, fin: true, payload: "hello"})
			test.end(p, below)
			test.tell(t, p, below)
			err := <-ends
			if !errors.Is(err, test.want) && !bytes.Contains([]byte(err.Error()), []byte(test.want.Error())) {
				t.Errorf("OnClose got %v, want %v", err, test.want)
			}
			if !c.Closed() {
				t.Error("still open")
			}
		})
	}
}

// TestEventTLSCloseWhileSending ends connections from all sides while messages are going both ways.
func TestEventTLSCloseWhileSending(t *testing.T) {
	inPieces(t, func(t *testing.T) {
		for i := range 50 {
			ended := make(chan struct{})
			server, far := tlsPipe(t)
			c := websocket.ServerConn(server, acceptQuiet)
			if err := c.Handle(handlerFuncs{message: echoes.message, close: func(*websocket.Conn, error) { close(ended) }}); err != nil {
				t.Fatal(err)
			}
			p := &peer{t: t, nc: far, masks: true, machine: proto.New(proto.Config{Role: proto.Client, Limit: -1})}
			go func() {
				for c.Send(websocket.MessageBinary, make([]byte, 1000)) == nil {
				}
			}()
			read := async(func() error {
				for {
					if _, err := p.read(); err != nil {
						return err
					}
				}
			})
			for range 20 {
				p.sendFrame(proto.Text, true, "hello")
			}
			switch i % 3 {
			case 0:
				c.CloseNow()
			case 1:
				c.Close(websocket.StatusNormalClosure, "")
				p.sendFrame(proto.Close, true, "\x03\xe8")
			case 2:
				far.(*tls.Conn).NetConn().Close()
			}
			<-ended
			far.(*tls.Conn).NetConn().Close()
			read()
		}
	})
}
