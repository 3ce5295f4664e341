package websocket_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
	"github.com/seed-4a326f83/parley/websocket/internal/deflate"
	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

var modes = []websocket.CompressionMode{websocket.CompressionContextTakeover, websocket.CompressionNoContextTakeover}

// compressing are the options of both sides for a mode.
func compressing(mode websocket.CompressionMode, bits int) (*websocket.DialOptions, *websocket.AcceptOptions) {
	d, a := dialQuiet, acceptQuiet
	d.CompressionMode, d.CompressionWindowBits = mode, bits
	a.CompressionMode, a.CompressionWindowBits = mode, bits
	return &d, &a
}

// TestConnectionsBehaveTheSameWithCompression runs what has been tested without it, with every message compressed.
func TestConnectionsBehaveTheSameWithCompression(t *testing.T) {
	d, a := dialQuiet, acceptQuiet
	defer func() { dialQuiet, acceptQuiet = d, a }()
	for i, mode := range modes {
		o, p := compressing(mode, 9+i)
		o.CompressionThreshold, p.CompressionThreshold = 1, 1
		dialQuiet, acceptQuiet = *o, *p
		for name, test := range map[string]func(*testing.T){
			"CancelledReadKeepsTheMessage":                          TestCancelledReadKeepsTheMessage,
			"CancelledReaderIsContinuedByTheNext":                   TestCancelledReaderIsContinuedByTheNext,
			"CloseRead":                                             TestCloseReadAnswersPingsAndNoticesTheEnd,
			"EndWithoutACloseFrame":                                 TestEndWithoutACloseFrame,
			"EveryCutOfTheStreamGivesTheSameMessages":               TestEveryCutOfTheStreamGivesTheSameMessages,
			"MaxFragmentsOfTheCaller":                               TestMaxFragmentsOfTheCaller,
			"MessagesOfAllSizesBothWays":                            TestMessagesOfAllSizesBothWays,
			"MessagesWaitForAWriterButControlFramesDoNot":           TestMessagesWaitForAWriterButControlFramesDoNot,
			"NetConnDeadlines":                                      TestNetConnDeadlines,
			"NetConnIsAStream":                                      TestNetConnIsAStream,
			"NetConnOfTheWrongMessageType":                          TestNetConnOfTheWrongMessageType,
			"NextMessageBeforeTheEndOfTheLast":                      TestNextMessageBeforeTheEndOfTheLast,
			"ReadLimit":                                             TestReadLimit,
			"ReaderAfterACancelledReadHasAllOfTheMessage":           TestReaderAfterACancelledReadHasAllOfTheMessage,
			"ReaderHandsOutWhatThereIs":                             TestReaderHandsOutWhatThereIs,
			"WriteLeavesTheCallersBytesAlone":                       TestWriteLeavesTheCallersBytesAlone,
			"WriteWhoseContextHasEndedLeavesTheConnectionGood":      TestWriteWhoseContextHasEndedLeavesTheConnectionGood,
			"WriterAfterItsClose":                                   TestWriterAfterItsClose,
			"WriterWhoseContextEndsInTheMessageClosesTheConnection": TestWriterWhoseContextEndsInTheMessageClosesTheConnection,
		} {
			t.Run(fmt.Sprintf("mode %d/%s", mode, name), test)
		}
	}
}

func TestCompressedMessagesArrive(t *testing.T) {
	for _, mode := range modes {
		for _, bits := range []int{0, 8, 9, 15} {
			t.Run(fmt.Sprintf("mode %d/window %d", mode, bits), func(t *testing.T) {
				d, a := compressing(mode, bits)
				d.CompressionThreshold = 1
				url := serve(t, a, echo)
				c := dial(t, url, d)
				for i, size := range []int{0, 1, 10, 127, 128, 511, 512, 1000, 4095, 4096, 4097, 70_000, 1 << 19} {
					piece := fmt.Sprintf("grüße %d, ", i)
					random := make([]byte, size)
					for j := range random {
						random[j] = byte(rand.Uint32())
					}
					for _, text := range []string{strings.Repeat(piece, size/len(piece)+1), string(bytes.Repeat([]byte{byte(i)}, size)), string(random)} {
						c.SetReadLimit(int64(len(text)))
						if err := c.Write(bg, websocket.MessageBinary, []byte(text)); err != nil {
							t.Fatal(err)
						}
						wantMessage(t, c, websocket.MessageBinary, text)
					}
				}
			})
		}
	}
}

// TestWhichMessagesAreCompressed looks at the wire.
func TestWhichMessagesAreCompressed(t *testing.T) {
	const text, binary = websocket.MessageText, websocket.MessageBinary
	for _, tc := range []struct {
		mode      websocket.CompressionMode
		threshold int
		typ       websocket.MessageType
		size      int
		rsv1      bool
	}{
		{websocket.CompressionDisabled, 1, text | websocket.Compressed, 1000, false},
		{websocket.CompressionContextTakeover, 0, text, 127, false},
		{websocket.CompressionContextTakeover, 0, text, 128, true},
		{websocket.CompressionNoContextTakeover, 0, text, 511, false},
		{websocket.CompressionNoContextTakeover, 0, binary, 512, true},
		{websocket.CompressionNoContextTakeover, -1, binary, 512, true},
		{websocket.CompressionContextTakeover, 1000, text, 999, false},
		{websocket.CompressionContextTakeover, 1000, text, 1000, true},
		{websocket.CompressionContextTakeover, 1, text, 1, true},
		{websocket.CompressionContextTakeover, 1, text, 0, false},
		{websocket.CompressionContextTakeover, 0, text | websocket.Compressed, 20, true},
		{websocket.CompressionContextTakeover, 0, text | websocket.Uncompressed, 5000, false},
		{websocket.CompressionNoContextTakeover, 1, binary | websocket.Uncompressed, 5000, false},
		{websocket.CompressionNoContextTakeover, 1, binary, 2, false}, // gets no shorter
	} {
		d, a := compressing(tc.mode, 0)
		d.CompressionThreshold, a.CompressionThreshold = tc.threshold, tc.threshold
		inRolesWith(t, d, a, func(t *testing.T, c *websocket.Conn, p *peer) {
			message := bytes.Repeat([]byte("m"), tc.size)
			whole := p.soon()
			if err := c.Write(bg, tc.typ, message); err != nil {
				t.Fatal(err)
			}
			if f := whole(); f.rsv1 != tc.rsv1 || !f.fin || !f.rsv1 && f.payload != string(message) {
				t.Errorf("%+v: Write sent %+v", tc, f)
			}
			if tc.mode == websocket.CompressionNoContextTakeover && tc.size == 2 || tc.size == 0 {
				return // a Writer does not know what comes after its first bytes
			}
			frames := async(func() (all []frame) {
				for {
					f, err := p.read()
					if all = append(all, f); err != nil || f.fin {
						return all
					}
				}
			})
			w, err := c.Writer(bg, tc.typ)
			if err != nil {
				t.Fatal(err)
			}
			w.Write(message)
			w.Write(message[:1])
			w.Close()
			all := frames()
			if len(all) != 3 {
				t.Fatalf("%+v: Writer sent %+v", tc, all)
			}
			got := all[0].payload + all[1].payload + all[2].payload
			if all[0].rsv1 != tc.rsv1 || !tc.rsv1 && got != string(message)+"m" {
				t.Errorf("%+v: Writer sent %+v", tc, all)
			}
		})
	}
}

func TestCompressionCannotBeChosenBothWays(t *testing.T) {
	client, _ := pair(t)
	both := websocket.MessageText | websocket.Compressed | websocket.Uncompressed
	if err := client.Write(bg, both, nil); err == nil || !strings.Contains(err.Error(), "not both") {
		t.Error(err)
	}
	if _, err := client.Writer(bg, both); err == nil {
		t.Error("Writer")
	}
	for typ, want := range map[websocket.MessageType]string{
		websocket.MessageText:                            "MessageText",
		websocket.MessageBinary | websocket.Compressed:   "MessageBinary|Compressed",
		websocket.MessageBinary | websocket.Uncompressed: "MessageBinary|Uncompressed",
		both: "MessageText|Compressed|Uncompressed",
		-1:   "MessageType(-1)",
		7:    "MessageType(7)",
	} {
		if got := typ.String(); got != want {
			t.Errorf("%d is %q", int(typ), got)
		}
	}
}

// TestCompressedPiecesAreHandedOutAsTheyAreWritten: what one Write sends, a Reader at the other end has before the next.
func TestCompressedPiecesAreHandedOutAsTheyAreWritten(t *testing.T) {
	for _, mode := range modes {
		synctest.Test(t, func(t *testing.T) {
			d, a := compressing(mode, 0)
			client, server := pairOf(t, d, a)
			for _, way := range [][2]*websocket.Conn{{client, server}, {server, client}} {
				w, err := way[0].Writer(bg, websocket.MessageText|websocket.Compressed)
				if err != nil {
					t.Fatal(err)
				}
				var r io.Reader
				buf := make([]byte, 100_000)
				for _, size := range []int{1, 5, 100, 1, 512, 513, 5000, 60_000} {
					piece := strings.Repeat("piece", size/5+1)[:size]
					sent := async(func() error { _, err := io.WriteString(w, piece); return err })
					if r == nil {
						if _, r, err = way[1].Reader(bg); err != nil {
							t.Fatal(err)
						}
					}
					if _, err := io.ReadFull(r, buf[:size]); err != nil || string(buf[:size]) != piece {
						t.Fatalf("%d bytes: %v", size, err)
					}
					if err := sent(); err != nil {
						t.Fatal(err)
					}
				}
				ended := async(w.Close)
				if n, err := r.Read(buf); n != 0 || err != io.EOF {
					t.Fatal(n, err)
				}
				if err := ended(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestReadersOfAnyBuffer(t *testing.T) {
	d, a := compressing(websocket.CompressionContextTakeover, 0)
	client, server := pairOf(t, d, a)
	text := strings.Repeat("a text that is read in parts, ", 300)
	for _, size := range []int{1, 2, 3, 7, 100, 4096, 1 << 20} {
		go client.Write(bg, websocket.MessageText, []byte(text))
		_, r, err := server.Reader(bg)
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		buf := make([]byte, size)
		for err == nil {
			var n int
			n, err = r.Read(buf)
			got = append(got, buf[:n]...)
			if err == nil && n == 0 {
				t.Fatal("Read returns nothing")
			}
		}
		if err != io.EOF || string(got) != text {
			t.Fatalf("with %d bytes at a time: %v", size, err)
		}
	}
}

// TestCancelledReadInACompressedMessage ends reads after every byte of a message, in the middle of symbols and of characters.
func TestCancelledReadInACompressedMessage(t *testing.T) {
	for _, mode := range modes {
		_, a := compressing(mode, 0)
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			c := websocket.ServerConn(near, *a)
			defer c.CloseNow()
			p := &peer{t: t, nc: far, masks: true}
			text := strings.Repeat("größer, ", 30)
			for _, read := range []func(ctx context.Context) ([]byte, error){
				func(ctx context.Context) ([]byte, error) {
					_, b, err := c.Read(ctx)
					return b, err
				},
				func(ctx context.Context) ([]byte, error) {
					_, r, err := c.Reader(ctx)
					if err != nil {
						return nil, err
					}
					return io.ReadAll(r)
				},
			} {
				frame := p.encodeRSV1(proto.Text, true, deflated(text))
				var got []byte
				for i := range len(frame) - 1 {
					go p.send(frame[i : i+1])
					part, err := read(timeout(t, time.Second))
					wantIs(t, err, errDeadline)
					got = append(got, part...)
				}
				go p.send(frame[len(frame)-1:])
				rest, err := read(bg)
				if err != nil || string(got)+string(rest) != text {
					t.Fatalf("%q and %q, %v", got, rest, err)
				}
			}
			far.Close()
		})
	}
}

// TestManyWritersWithCompression mixes all ways of sending, some of them cancelled while they wait for their turn: what does
// not go out must not be referred to.
func TestManyWritersWithCompression(t *testing.T) {
	const writers, each = 8, 60
	for _, mode := range modes {
		d, a := compressing(mode, 10)
		a.CompressionThreshold = 1
		text := func(i, j int) string {
			return fmt.Sprintf("%d %d ", i, j) + strings.Repeat(fmt.Sprintf("writer %d, message %d; ", i, j), i*j)
		}
		url := serve(t, a, func(c *websocket.Conn) {
			var wg sync.WaitGroup
			for i := range writers {
				wg.Go(func() {
					for j := range each {
						p := []byte(text(i, j))
						var err error
						switch j % 4 {
						case 0:
							err = c.Write(bg, websocket.MessageText, p)
						case 1:
							err = c.WritePrepared(bg, websocket.Prepare(websocket.MessageText, p))
						case 2:
							var w io.WriteCloser
							if w, err = c.Writer(bg, websocket.MessageText); err == nil {
								w.Write(p[:len(p)/2])
								w.Write(p[len(p)/2:])
								err = w.Close()
							}
						case 3:
							err = c.Write(bg, websocket.MessageText|websocket.Uncompressed, p)
						}
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			for range writers {
				wg.Go(func() {
					for range each {
						// Whether or not it goes out, the connection stays good: it has ended before.
						ctx, cancel := context.WithCancel(bg)
						cancel()
						c.Write(ctx, websocket.MessageText, []byte("0 0 never"))
					}
				})
			}
			wg.Wait()
			c.Close(websocket.StatusNormalClosure, "")
		})
		c := dial(t, url, d)
		count := 0
		for msg, err := range c.Messages(bg) {
			if err != nil {
				t.Fatal(err)
			}
			var i, j int
			fmt.Sscan(string(msg.Data), &i, &j)
			if string(msg.Data) != text(i, j) {
				t.Fatalf("%.50q came", msg.Data)
			}
			count++
		}
		if count != writers*each {
			t.Errorf("%d messages came, want %d", count, writers*each)
		}
	}
}

// TestWriteThatWaitedInVainIsNotReferredTo has a write's context end while another frame is being sent.
func TestWriteThatWaitedInVainIsNotReferredTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, a := compressing(websocket.CompressionContextTakeover, 0)
		client, server := pairOf(t, d, a)
		words := []byte(strings.Repeat("never sent, but repeated later. ", 10))
		pinged := async(func() error { return server.Ping(timeout(t, time.Hour)) }) // holds the line until it is read
		synctest.Wait()
		wantIs(t, server.Write(timeout(t, time.Second), websocket.MessageText, words), errDeadline)
		prepared := websocket.Prepare(websocket.MessageText, words)
		wantIs(t, server.WritePrepared(timeout(t, time.Second), prepared), errDeadline)
		go readErr(server) // for the pong
		go server.Write(bg, websocket.MessageText, words)
		wantMessage(t, client, websocket.MessageText, string(words))
		if err := pinged(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCompressedMessagesAfterTheCloseFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a := compressing(websocket.CompressionContextTakeover, 0)
		near, far := net.Pipe()
		c := websocket.ServerConn(near, *a)
		p := &peer{t: t, nc: far, machine: proto.New(proto.Config{Role: proto.Client, Limit: -1}), masks: true}
		closed := async(func() error { return c.Close(websocket.StatusNormalClosure, "") })
		p.want(frame{op: proto.Close, fin: true, code: 1000})
		message := []byte(strings.Repeat("late ", 100))
		wantIs(t, c.Write(bg, websocket.MessageText, message), net.ErrClosed)
		wantIs(t, c.WritePrepared(bg, websocket.Prepare(websocket.MessageText, message)), net.ErrClosed)
		p.sendFrame(proto.Close, true, "\x03\xe8")
		if err := closed(); err != nil {
			t.Fatal(err)
		}
		far.Close()
	})
}

func TestNetConnOfCompressedMessages(t *testing.T) {
	for _, how := range []websocket.MessageType{0, websocket.Compressed, websocket.Uncompressed} {
		d, a := compressing(websocket.CompressionContextTakeover, 0)
		client, server := pairOf(t, d, a)
		in := websocket.NetConn(bg, client, websocket.MessageBinary|how)
		out := websocket.NetConn(bg, server, websocket.MessageBinary|how)
		for _, text := range []string{"short", strings.Repeat("long ", 1000)} {
			go out.Write([]byte(text))
			got := make([]byte, len(text))
			if _, err := io.ReadFull(in, got); err != nil || string(got) != text {
				t.Fatalf("%v: %.20q, %v", how, got, err)
			}
		}
	}
}

func TestMessagesReferToThoseBefore(t *testing.T) {
	text := []byte(`{"type":"message","room":"lobby","seq":12,"from":{"id":"u1","name":"ann"},"body":{"text":"hello there, how are you?"},"kind":"text"}`)
	for _, mode := range modes {
		d, a := compressing(mode, 0)
		inRolesWith(t, d, a, func(t *testing.T, c *websocket.Conn, p *peer) {
			in := deflate.NewDecompressor(15, true)
			var sizes []int
			for range 3 {
				got := p.soon()
				if err := c.Write(bg, websocket.MessageText|websocket.Compressed, text); err != nil {
					t.Fatal(err)
				}
				f := got()
				sizes = append(sizes, len(f.payload))
				if f.rsv1 {
					buf := make([]byte, 1000)
					n, _, _, err := in.Decompress(buf, []byte(f.payload), true)
					if err != nil || !bytes.Equal(buf[:n], text) {
						t.Fatalf("%q, %v", buf[:n], err)
					}
				}
			}
			if takeover := mode == websocket.CompressionContextTakeover; takeover != (sizes[1] < 12) || takeover != (sizes[2] < 12) {
				t.Errorf("in mode %d a message of %d bytes takes %d", mode, len(text), sizes)
			}
		})
	}
}

func TestLimitLoweredInACompressedMessage(t *testing.T) {
	d, a := compressing(websocket.CompressionContextTakeover, 0)
	inRolesWith(t, d, a, func(t *testing.T, c *websocket.Conn, p *peer) {
		end := p.soon()
		go p.send(p.encodeRSV1(proto.Text, true, deflated(strings.Repeat("long ", 1000))))
		_, r, err := c.Reader(bg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		c.SetReadLimit(500)
		read := async(func() error { _, err := r.Read(make([]byte, 1000)); return err })
		if f := end(); f.code != 1009 {
			t.Errorf("%+v", f)
		}
		p.nc.Close()
		wantIs(t, read(), websocket.ErrMessageTooBig)
	})
}
