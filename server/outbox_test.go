package server

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley"
)

// A fakeCarrier is a connection whose network takes what a test says.
type fakeCarrier struct {
	mu      sync.Mutex
	sent    []string
	waiting int // bytes of what was sent
	stalled bool
	ended   []parley.Ending
	dropped bool
}

func (c *fakeCarrier) send(m message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, string(m.json[:min(len(m.json), 20)]))
	if c.stalled {
		c.waiting += len(m.json)
	}
}

func (c *fakeCarrier) queued() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting
}

func (c *fakeCarrier) bye(e parley.Ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = append(c.ended, e)
}

func (c *fakeCarrier) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropped = true
}

// take has the network take so many bytes, or with -1 all there is and will be.
func (c *fakeCarrier) take(n int) {
	c.mu.Lock()
	if n < 0 {
		n, c.stalled = c.waiting, false
	}
	c.waiting -= n
	c.mu.Unlock()
	time.Sleep(latest) // the outbox has looked by then
	synctest.Wait()
}

// code returns how the connection was ended, or 0.
func (c *fakeCarrier) code() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ended) == 0 {
		return 0
	}
	return c.ended[0].Code
}

func stalledOutbox() (*outbox, *fakeCarrier) {
	c := &fakeCarrier{stalled: true}
	return &outbox{carrier: c}, c
}

// waiting returns how many messages are noted as waiting, and how many of those
// were sent; -1 where the reader is not behind.
func (o *outbox) waiting() (queued, handed int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.behind == nil {
		return -1, -1
	}
	return len(o.behind.queue), o.behind.handed
}

func isBehind(o *outbox) bool {
	n, _ := o.waiting()
	return n >= 0
}

func TestWhoKeepsUpCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, c := stalledOutbox()
		o.put(message{json: make([]byte, keepingUp)}, answer) // may wait until the turn's end
		if isBehind(o) {
			t.Error("a reader is behind by the answers of one packet")
		}
		c.take(-1)
		for range 1000 {
			o.put(message{json: make([]byte, 10_000)}, event)
		}
		if isBehind(o) || c.code() != 0 {
			t.Errorf("a reader that keeps up is behind, or was ended with %d", c.code())
		}
	})
}

func TestWhoCatchesUpCostsNothingAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, c := stalledOutbox()
		want := []string(nil)
		for i := range 500 {
			text := fmt.Sprintf("%-1000d", i)
			o.put(message{json: []byte(text)}, event)
			want = append(want, text[:20])
		}
		if !isBehind(o) || c.queued() > handedBytes+1000 {
			t.Errorf("%d bytes wait in the connection, where they can no longer be dropped", c.queued())
		}
		c.take(100_000)
		c.take(-1)
		if !slices.Equal(c.sent, want) {
			t.Errorf("sent %q", c.sent)
		}
		if isBehind(o) || c.code() != 0 {
			t.Errorf("still behind after catching up, or ended with %d", c.code())
		}
	})
}

func TestAnswersMakeNobodySlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, c := stalledOutbox()
		const large = 5 << 20
		o.put(message{json: make([]byte, large)}, answer)
		o.put(message{json: make([]byte, 100)}, event)
		if allowance(large) < time.Minute {
			t.Errorf("5 MiB may take %v", allowance(large))
		}
		time.Sleep(time.Minute) // it takes its time, within its allowance
		quiet := make(chan error, 1)
		go func() { quiet <- o.waitQuiet(t.Context()) }()
		synctest.Wait()
		if len(quiet) > 0 {
			t.Error("the next request is looked at while 5 MiB of answers wait")
		}
		c.take(large)
		if len(quiet) == 0 || <-quiet != nil {
			t.Error("the next request is not looked at, though little waits")
		}
		time.Sleep(slowTime / 2) // what waited behind it is not late
		c.take(-1)
		if c.code() != 0 || c.dropped || isBehind(o) {
			t.Errorf("ended with %d, dropped: %v", c.code(), c.dropped)
		}
	})
}

func TestWhoTakesNothingIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, c := stalledOutbox()
		o.put(message{json: make([]byte, 1<<20)}, answer)
		time.Sleep(allowance(1<<20) + closeTime + 2*latest)
		synctest.Wait()
		if !c.dropped || c.code() != 0 {
			t.Errorf("dropped: %v, ended with %d", c.dropped, c.code())
		}
	})
}

func TestEventsMakeASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, c := stalledOutbox()
		o.put(message{json: make([]byte, keepingUp+1)}, event)
		time.Sleep(slowTime - time.Millisecond)
		if o.over() {
			t.Error("too slow before its time")
		}
		time.Sleep(2 * latest)
		synctest.Wait()
		if !o.over() {
			t.Error("not too slow after 5 s")
		}
		c.take(-1)
		if c.code() != parley.CloseOverloaded {
			t.Errorf("5 s behind: %d", c.code())
		}

		o, c = stalledOutbox()
		for range slowBytes / 1000 {
			o.put(message{json: make([]byte, 1000)}, event)
		}
		if o.over() {
			t.Error("too slow before its bytes")
		}
		o.put(message{json: make([]byte, 1000)}, event)
		if queued, handed := o.waiting(); !o.over() || queued != handed {
			t.Error("1 MiB behind, and it still waits to be sent")
		}
		o.end(parley.Ending{Code: parley.CloseRestart})
		o.put(message{json: []byte("more")}, answer)
		c.take(-1)
		if c.code() != parley.CloseOverloaded {
			t.Errorf("1 MiB behind: %d", c.code())
		}
		if slices.Contains(c.sent, "more") {
			t.Error("something was sent after the end")
		}
	})
}

func TestWhatIsQueuedLeavesBeforeTheBye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, c := stalledOutbox()
		for range 200 {
			o.put(message{json: make([]byte, 1000)}, answer)
		}
		o.end(parley.Ending{Code: parley.CloseRestart})
		synctest.Wait()
		if c.code() != 0 {
			t.Error("ended with answers still queued")
		}
		c.take(-1)
		if c.code() != parley.CloseRestart || len(c.sent) != 200 {
			t.Errorf("ended with %d after %d answers", c.code(), len(c.sent))
		}
	})
}

func TestDroppablesAreFewAndFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, c := stalledOutbox()
		o.put(message{json: make([]byte, handedBytes+1)}, answer) // so that nothing else is sent yet
		for range 1000 {
			o.put(message{json: make([]byte, 1000)}, droppable)
		}
		if n, _ := o.waiting(); n-1 != droppableBytes/1000 {
			t.Errorf("%d kB of signals wait", n-1)
		}
		if o.waitQuiet(t.Context()) != nil {
			t.Error("signals keep a client's requests from being read")
		}
		o.put(message{json: []byte("important")}, event)
		time.Sleep(droppableTime + time.Millisecond)
		c.take(-1)
		if len(c.sent) != 2 || c.sent[1] != "important" {
			t.Errorf("%d messages were sent, want an answer and what is important", len(c.sent))
		}
		o.abandon()
		o.put(message{json: []byte("more")}, event)
		if slices.Contains(c.sent, "more") {
			t.Error("something was sent on a connection that is gone")
		}
	})
}
