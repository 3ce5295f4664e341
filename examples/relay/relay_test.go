package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley/examples/internal/inmemory"
	"github.com/seed-4a326f83/parley/websocket"
)

const chunks = 2048 // in a test's stream: many times what a receiver may be behind

// A person is a client that has joined.
type person struct {
	*testing.T
	conn *websocket.Conn
}

// gather lets people with the given names in, who have all heard all of it.
func gather(t *testing.T, names ...string) []person {
	s := inmemory.Serve(t, newRoom())
	var people []person
	for _, name := range names {
		p := person{t, s.Dial("/ws", &websocket.DialOptions{MaxFragments: -1})}
		p.conn.SetReadLimit(-1)
		people = append(people, p)
		p.say("join", name)
		for _, other := range people {
			other.hears(fmt.Sprintf(`{"type":"join","data":%q}`, name))
		}
	}
	return people
}

func (p person) say(typ, data string) {
	p.Helper()
	text := fmt.Sprintf(`{"type":%q,"data":%q}`, typ, data)
	if err := p.conn.Write(context.Background(), websocket.MessageText, []byte(text)); err != nil {
		p.Fatal(err)
	}
}

func (p person) hears(want string) {
	p.Helper()
	typ, got, err := p.conn.Read(context.Background())
	if err != nil || typ != websocket.MessageText || string(got) != want {
		p.Fatalf("got %v %q, %v; want the text %s", typ, got, err, want)
	}
}

// stream sends a binary message of many fragments, whose bytes all are fill.
func (p person) stream(fill byte) error {
	w, err := p.conn.Writer(context.Background(), websocket.MessageBinary)
	for i := 0; err == nil && i < chunks; i++ {
		_, err = w.Write(bytes.Repeat([]byte{fill}, 1024))
	}
	if err != nil {
		return err
	}
	return w.Close()
}

// take reads a binary message, a fragment at each pace, and returns what came of it.
func (p person) take(pace time.Duration) ([]byte, error) {
	typ, body, err := p.conn.Reader(context.Background())
	if err != nil || typ != websocket.MessageBinary {
		return nil, errors.Join(err, fmt.Errorf("a %v, want a binary message", typ))
	}
	var got []byte
	buf := make([]byte, 1024)
	for {
		n, err := body.Read(buf)
		got = append(got, buf[:n]...)
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		time.Sleep(pace)
	}
}

type taken struct {
	data []byte
	err  error
}

func (p person) taking(pace time.Duration) <-chan taken {
	done := make(chan taken, 1)
	go func() {
		data, err := p.take(pace)
		done <- taken{data, err}
	}()
	return done
}

// whole checks a message of stream's.
func (p person) whole(got taken, name string, fill byte) {
	p.Helper()
	want := append([]byte{byte(len(name))}, name...)
	want = append(want, bytes.Repeat([]byte{fill}, chunks*1024)...)
	if got.err != nil || !bytes.Equal(got.data, want) {
		p.Errorf("got %d bytes, %v; want the %d that were sent", len(got.data), got.err, len(want))
	}
}

func TestAReceiverThatHoldsTheOthersUpIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := gather(t, "ann", "fast", "slow")
		start := time.Now()
		own, fast, slow := p[0].taking(0), p[1].taking(0), p[2].taking(10*time.Millisecond)
		if err := p[0].stream('x'); err != nil {
			t.Fatal(err)
		}
		p[0].whole(<-own, "ann", 'x')
		p[1].whole(<-fast, "ann", 'x')
		// It may hold up half of the time and 5 s: 10 s, behind what it is given before it is late.
		if took := time.Since(start); took < 9*time.Second || took > 15*time.Second {
			t.Errorf("the fast one got it in %s, want about 10 s", took)
		}
		if got := <-slow; websocket.CloseStatus(got.err) != websocket.StatusTryAgainLater {
			t.Errorf("the slow one's connection ended with %v, want 1013", got.err)
		}
		p[1].hears(`{"type":"leave","data":"slow"}`)
	})
}

func TestAReceiverThatTakesNothingIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := gather(t, "ann", "fast", "stuck")
		start := time.Now()
		own, fast := p[0].taking(0), p[1].taking(0)
		if err := p[0].stream('x'); err != nil {
			t.Fatal(err)
		}
		p[0].whole(<-own, "ann", 'x')
		p[1].whole(<-fast, "ann", 'x')
		if took := time.Since(start); took != patience {
			t.Errorf("the fast one got it in %s, want %s", took, patience)
		}
	})
}

func TestReceiversThatAreAllSlowAreNotDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := gather(t, "ann", "ben", "cem")
		start := time.Now()
		own, ben, cem := p[0].taking(0), p[1].taking(10*time.Millisecond), p[2].taking(10*time.Millisecond)
		if err := p[0].stream('x'); err != nil {
			t.Fatal(err)
		}
		for i, got := range []<-chan taken{own, ben, cem} {
			p[i].whole(<-got, "ann", 'x')
		}
		if took, want := time.Since(start), chunks*10*time.Millisecond; took < want {
			t.Errorf("it took %s, want at least %s", took, want)
		}
	})
}

func TestSeveralSendersTakeTurnsInOneOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := gather(t, "ann", "ben", "cem")
		sent := make(chan error, len(p))
		for i := range p {
			go func() { sent <- p[i].stream('0' + byte(i)) }()
		}
		orders := make(chan string, len(p))
		for i := range p {
			go func() {
				order := ""
				for range p {
					data, err := p[i].take(time.Duration(i) * time.Millisecond)
					if err != nil || len(data) != 1+3+chunks*1024 {
						t.Errorf("got %d bytes, %v", len(data), err)
						break
					}
					order += string(data[1:4]) + string(data[len(data)-1:]) + " "
				}
				orders <- order
			}()
		}
		first := <-orders
		for range len(p) - 1 {
			if order := <-orders; order != first {
				t.Errorf("one saw %s, another one %s", first, order)
			}
		}
		for range p {
			if err := <-sent; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestWordsWaitForTheStreamBeforeThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := gather(t, "ann", "ben")
		own, ben := p[0].taking(0), p[1].taking(0)
		w, err := p[0].conn.Writer(t.Context(), websocket.MessageBinary)
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte("begin "))
		synctest.Wait()
		go func() {
			time.Sleep(2 * patience)
			w.Write([]byte("end"))
			w.Close()
		}()
		said := make(chan bool)
		go func() {
			defer close(said)
			for i := range 2 * maxPending { // more than may wait: the speaker is held up, and nobody dropped
				p[1].say("message", fmt.Sprint(i))
			}
		}()
		for _, got := range []<-chan taken{own, ben} {
			if got := <-got; string(got.data) != "\x03annbegin end" || got.err != nil {
				t.Errorf("got %q, %v", got.data, got.err)
			}
		}
		for i := range 2 * maxPending {
			for _, person := range p {
				person.hears(fmt.Sprintf(`{"type":"message","username":"ben","data":"%d"}`, i))
			}
		}
		<-said
	})
}

func TestALostSenderEndsItsReceivers(t *testing.T) {
	const before = 10 * time.Millisecond // until what has come is sent on
	for name, lose := range map[string]func(w io.Writer, conn *websocket.Conn) time.Duration{
		"cut off": func(_ io.Writer, conn *websocket.Conn) time.Duration { conn.CloseNow(); return 0 },
		"closed":  func(_ io.Writer, conn *websocket.Conn) time.Duration { go conn.Close(1000, ""); return 0 },
		"paused":  func(io.Writer, *websocket.Conn) time.Duration { return maxPause - before },
		"paused twice": func(w io.Writer, _ *websocket.Conn) time.Duration {
			time.Sleep(maxPause - 2*before)
			w.Write([]byte("y"))
			return 2*maxPause - 2*before
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := gather(t, "ann", "ben")
				own, ben := p[0].taking(0), p[1].taking(0)
				w, err := p[0].conn.Writer(t.Context(), websocket.MessageBinary)
				if err != nil {
					t.Fatal(err)
				}
				w.Write([]byte("x"))
				time.Sleep(before)
				start := time.Now()
				after := lose(w, p[0].conn)
				got := <-ben
				if !strings.HasPrefix(string(got.data), "\x03annx") || websocket.CloseStatus(got.err) != websocket.StatusInternalError {
					t.Errorf("the receiver got %q, %v; want 1011", got.data, got.err)
				}
				if took := time.Since(start); took != after {
					t.Errorf("it took %s, want %s", took, after)
				}
				code := websocket.CloseStatus((<-own).err)
				if after > 0 && code != websocket.StatusPolicyViolation {
					t.Errorf("the sender that paused was closed with %v, want 1008", code)
				}
			})
		})
	}
}

func TestATrickleMakesFewFragments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inmemory.Serve(t, newRoom())
		ann := s.Dial("/ws", nil)
		ann.SetReadLimit(-1) // and MaxFragments is 1,024
		sent := make(chan error)
		go func() {
			w, err := ann.Writer(t.Context(), websocket.MessageBinary)
			for i := 0; err == nil && i < 60_000; i++ { // for a minute
				_, err = w.Write([]byte("x"))
				time.Sleep(time.Millisecond)
			}
			sent <- errors.Join(err, w.Close())
		}()
		p := person{t, ann}
		p.hears(`{"type":"join","data":"Anonymous(1)"}`)
		if got, err := p.take(0); err != nil || len(got) != 1+12+60_000 {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
	})
}

func TestALongTextClosesItsSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := gather(t, "ann", "ben")
		p[0].say("message", strings.Repeat("x", maxText-len(`{"type":"message","data":""}`)))
		p[0].hears(`{"type":"message","username":"ann","data":"` + strings.Repeat("x", maxText-28) + `"}`)
		if _, _, err := p[1].conn.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		go p[0].conn.Write(t.Context(), websocket.MessageText, make([]byte, maxText+1))
		if _, _, err := p[0].conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
			t.Errorf("it ended with %v, want 1009", err)
		}
		p[1].hears(`{"type":"leave","data":"ann"}`)
	})
}

func TestCut(t *testing.T) {
	for name, want := range map[string]int{
		"ann":                            3,
		strings.Repeat("x", 255):         255,
		strings.Repeat("x", 256):         255,
		strings.Repeat("ñ", 128):         254,
		"x" + strings.Repeat("ñ", 128):   255,
		strings.Repeat("🎈", 64):          252,
		"xxx" + strings.Repeat("🎈", 64):  255,
		"xxxx" + strings.Repeat("🎈", 64): 252,
	} {
		if got := cut(name); len(got) != want || !strings.HasPrefix(name, got) {
			t.Errorf("cut(%q) has %d bytes, want %d", name, len(got), want)
		}
	}
}
