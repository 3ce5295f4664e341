//go:build !386

package poll

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen before it fails.
const patience = 20 * time.Second

// listen returns a listener, and connect what makes both ends of a connection to it.
func connect(t testing.TB, l net.Listener) (near, far *net.TCPConn) {
	t.Helper()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return b.(*net.TCPConn), a.(*net.TCPConn)
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// funcs is a Handler of functions.
type funcs struct {
	FD
	ready    func(ev Event, scratch []byte)
	writable func()
	blocked  func()
}

func (f *funcs) Ready(ev Event, scratch []byte) {
	if ev&Unwatched == 0 {
		f.Watch()
	}
	f.ready(ev, scratch)
}

func (f *funcs) Writable() {
	if f.writable != nil {
		f.writable()
	}
}
func (f *funcs) Blocked() {
	if f.blocked != nil {
		f.blocked()
	}
}

func (f *funcs) take(t testing.TB, nc *net.TCPConn) {
	t.Helper()
	if err := f.Take(nc, f); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
}

// soon fails the test if c gives nothing in time.
func soon[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		buf := make([]byte, 1<<20)
		os.Stderr.Write(buf[:runtime.Stack(buf, true)])
		t.Fatalf("%s: still not after %v", what, patience)
		panic("unreachable")
	}
}

// An echoer sends back what it gets, and closes when its peer has ended.
type echoer struct {
	FD
	mu      sync.Mutex
	out     []byte
	writing bool
	again   bool
	ended   bool
	busy    atomic.Bool // in Ready
	t       testing.TB
	done    chan<- struct{}
	fewer   int // reads at a time, if not 0
}

func (e *echoer) Ready(ev Event, scratch []byte) {
	if !e.busy.CompareAndSwap(false, true) {
		e.t.Error("two turns at a time")
	}
	defer e.busy.Store(false)
	if e.fewer > 0 {
		scratch = scratch[:e.fewer]
	}
	for {
		n, err := e.Read(scratch)
		e.mu.Lock()
		e.out = append(e.out, scratch[:n]...)
		e.ended = e.ended || err != nil && err != ErrAgain
		e.mu.Unlock()
		e.Writable()
		if err != nil || n < len(scratch) && ev&HungUp == 0 {
			return
		}
		if e.fewer > 0 {
			e.Again(ev)
			return
		}
	}
}

func (e *echoer) Writable() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.writing {
		e.again = true
		return
	}
	e.writing = true
	for len(e.out) > 0 {
		out := e.out
		e.mu.Unlock()
		n, err := e.FD.Write(out[:len(out)/2], out[len(out)/2:])
		e.mu.Lock()
		e.out = e.out[n:]
		if err == ErrAgain && e.again {
			e.again = false
			continue
		}
		if err != nil {
			break
		}
	}
	e.writing, e.again = false, false
	if e.ended && len(e.out) == 0 && e.Close() {
		e.done <- struct{}{}
	}
}

func (e *echoer) Blocked() {}

// TestEveryByteComesBack has many connections echo at random rhythms, in bursts that fill the buffers and crumbs that do
// not, while others come and go: a wake-up that gets lost leaves somebody waiting for ever.
func TestEveryByteComesBack(t *testing.T) {
	before := descriptors(t)
	l := listen(t)
	const conns = 60
	done := make(chan struct{}, conns)
	finished := make(chan error, conns)
	for i := range conns {
		near, far := connect(t, l)
		if i%3 == 0 {
			near.SetWriteBuffer(4096)
			far.SetReadBuffer(4096)
		}
		e := &echoer{t: t, done: done}
		if i%4 == 0 {
			e.fewer = 100
		}
		if err := e.Take(near, e); err != nil {
			t.Fatal(err)
		}
		go func() { finished <- talk(far, uint64(i)) }()
	}
	for range conns {
		if err := soon(t, finished, "an echo"); err != nil {
			t.Error(err)
		}
		soon(t, done, "an end")
	}
	l.Close()
	awaitDescriptors(t, before)
}

// talk sends random bytes in random pieces, and wants them back.
func talk(nc *net.TCPConn, seed uint64) error {
	defer nc.Close()
	rng := rand.New(rand.NewPCG(seed, 3))
	sent := make([]byte, 200<<10)
	for i := range sent {
		sent[i] = byte(rng.Uint32())
	}
	go func() {
		for rest := sent; len(rest) > 0; {
			n := 1 + rng.IntN(200)
			if rng.IntN(20) == 0 {
				n = 1 + rng.IntN(100<<10)
			}
			n = min(n, len(rest))
			nc.Write(rest[:n])
			rest = rest[n:]
			if rng.IntN(4) == 0 {
				runtime.Gosched()
			}
		}
		nc.CloseWrite()
	}()
	got, err := io.ReadAll(nc)
	if err == nil && !bytes.Equal(got, sent) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// descriptors counts those of the process, once the pollers have theirs.
func descriptors(t testing.TB) int {
	t.Helper()
	for range runtime.GOMAXPROCS(0) {
		if _, err := nextPoller(); err != nil {
			t.Fatal(err)
		}
	}
	return countDescriptors(t)
}

func countDescriptors(t testing.TB) int {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func awaitDescriptors(t testing.TB, want int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for countDescriptors(t) > want {
		if time.Now().After(deadline) {
			t.Fatalf("%d descriptors are open, %d were", countDescriptors(t), want)
		}
		runtime.Gosched()
	}
}

func TestBytesAndEndTogether(t *testing.T) {
	l := listen(t)
	for range 100 {
		near, far := connect(t, l)
		ended := make(chan string, 1)
		var got []byte
		f := &funcs{}
		f.ready = func(ev Event, scratch []byte) {
			for {
				n, err := f.Read(scratch)
				got = append(got, scratch[:n]...)
				if err == io.EOF {
					ended <- string(got)
				}
				if err != nil || n < len(scratch) && ev&HungUp == 0 {
					return
				}
			}
		}
		f.take(t, near)
		far.Write([]byte("last words"))
		far.Close()
		if s := soon(t, ended, "the end"); s != "last words" {
			t.Fatalf("read %q before the end", s)
		}
		f.Close()
	}
}

func TestWhatCameBeforeTakeIsTold(t *testing.T) {
	near, far := connect(t, listen(t))
	far.Write([]byte("early"))
	if _, err := near.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	f := &funcs{}
	f.ready = func(_ Event, scratch []byte) {
		n, _ := f.Read(scratch)
		got <- string(scratch[:n])
	}
	f.take(t, near)
	if s := soon(t, got, "what came early"); s != "arly" {
		t.Fatalf("read %q", s)
	}
}

func TestWritableIsToldWhenThereIsRoom(t *testing.T) {
	near, far := connect(t, listen(t))
	room := make(chan struct{}, 100)
	f := &funcs{ready: func(Event, []byte) {}, writable: func() { room <- struct{}{} }}
	f.take(t, near)
	block := make([]byte, 1<<20)
	sent := 0
	for round := range 5 {
		for {
			n, err := f.Write(block, nil)
			sent += n
			if err == ErrAgain {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := io.ReadFull(far, make([]byte, sent)); err != nil {
			t.Fatal(err)
		}
		sent = 0
		soon(t, room, "room")
		for len(room) > 0 {
			<-room
		}
		_ = round
	}
}

// TestABlockedHandlerHoldsUpNobody blocks more handlers than there are pollers and goes on with others meanwhile.
func TestABlockedHandlerHoldsUpNobody(t *testing.T) {
	l := listen(t)
	const stuck = 100
	release := make(chan struct{})
	entered := make(chan struct{}, stuck)
	var fars []*net.TCPConn
	for range stuck {
		near, far := connect(t, l)
		f := &funcs{ready: func(Event, []byte) {
			entered <- struct{}{}
			<-release
		}}
		f.take(t, near)
		fars = append(fars, far)
	}
	defer close(release)
	near, quick := connect(t, l)
	done := make(chan struct{}, 1)
	e := &echoer{t: t, done: done}
	if err := e.Take(near, e); err != nil {
		t.Fatal(err)
	}
	for _, far := range fars {
		far.Write([]byte("x"))
		quick.Write([]byte("y"))
		got := make(chan error, 1)
		go func() {
			_, err := io.ReadFull(quick, make([]byte, 1))
			got <- err
		}()
		if err := soon(t, got, "an echo beside blocked handlers"); err != nil {
			t.Fatal(err)
		}
	}
	for range stuck {
		soon(t, entered, "a handler's turn while the others block")
	}
	quick.Close()
	soon(t, done, "the end")
}

func TestBlockedIsToldOnce(t *testing.T) {
	near, far := connect(t, listen(t))
	told := make(chan struct{}, 10)
	release := make(chan struct{})
	over := make(chan struct{})
	f := &funcs{blocked: func() { told <- struct{}{} }}
	f.ready = func(ev Event, _ []byte) {
		if ev&Unwatched != 0 { // some test before has made the poller careful
			f.Wake()
			return
		}
		<-release
		close(over)
	}
	f.take(t, near)
	far.Write([]byte("x"))
	soon(t, told, "Blocked")
	close(release)
	soon(t, over, "the handler's end")
	if len(told) > 0 {
		t.Error("Blocked was called twice for one turn")
	}
}

func TestEventsDuringATurnComeAfterIt(t *testing.T) {
	near, far := connect(t, listen(t))
	turns := make(chan Event)
	f := &funcs{}
	f.ready = func(ev Event, scratch []byte) {
		f.Read(scratch[:1])
		turns <- ev &^ Unwatched
	}
	f.take(t, near)
	far.Write([]byte("ab"))
	if ev := soon(t, turns, "the first turn"); ev != Readable {
		t.Errorf("the first turn is for %b", ev)
	}
	f.Wake()
	f.SetTimer(0)
	var got Event
	for got != Woken|Due {
		got |= soon(t, turns, "the turns for what happened meanwhile") &^ Readable
	}
}

func TestTimers(t *testing.T) {
	l := listen(t)
	const n = 50
	type ring struct {
		i    int
		when time.Time
	}
	rings := make(chan ring, 2*n)
	var due [n]time.Time
	for i := range n {
		near, _ := connect(t, l)
		f := &funcs{ready: func(ev Event, _ []byte) {
			if ev&Due != 0 {
				rings <- ring{i, time.Now()}
			}
		}}
		f.take(t, near)
		f.SetTimer(time.Hour)
		d := time.Duration(i%7) * 40 * time.Millisecond
		due[i] = time.Now().Add(d)
		f.SetTimer(d)
		switch i % 5 {
		case 3:
			f.SetTimer(-1)
		case 4:
			f.Close()
			f.SetTimer(d)
		}
	}
	for range n * 3 / 5 {
		r := soon(t, rings, "a timer")
		if r.i%5 >= 3 {
			t.Errorf("timer %d was stopped, and rang", r.i)
		}
		if r.when.Before(due[r.i]) {
			t.Errorf("timer %d is early by %v", r.i, due[r.i].Sub(r.when))
		}
	}
}

func TestNothingIsToldAfterClose(t *testing.T) {
	near, far := connect(t, listen(t))
	turns := make(chan Event, 10)
	f := &funcs{}
	f.ready = func(ev Event, scratch []byte) {
		if ev&Woken == 0 {
			f.Close()
		}
		turns <- ev
	}
	f.take(t, near)
	f.SetTimer(0)
	far.Write([]byte("x"))
	first := soon(t, turns, "the turn that closes")
	if _, err := f.Read(make([]byte, 1)); err != ErrClosed {
		t.Errorf("Read: %v", err)
	}
	if _, err := f.Write([]byte("x"), nil); err != ErrClosed {
		t.Errorf("Write: %v", err)
	}
	if f.CloseWrite() != ErrClosed || f.Reset() != ErrClosed || f.Close() {
		t.Error("the descriptor can still be used")
	}
	f.Wake()
	for ev := first; ev&Woken == 0; ev = soon(t, turns, "a wake after Close") {
	}
}

func TestResetIsSeenByThePeer(t *testing.T) {
	near, far := connect(t, listen(t))
	f := &funcs{ready: func(Event, []byte) {}}
	f.take(t, near)
	if err := f.Reset(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := far.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Fatalf("the peer's read: %v, want a reset", err)
	}
}

func TestCloseWriteLeavesReading(t *testing.T) {
	near, far := connect(t, listen(t))
	got := make(chan string, 1)
	f := &funcs{}
	f.ready = func(_ Event, scratch []byte) {
		if n, _ := f.Read(scratch); n > 0 {
			got <- string(scratch[:n])
		}
	}
	f.take(t, near)
	if err := f.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(far); err != nil || len(rest) > 0 {
		t.Fatal(rest, err)
	}
	far.Write([]byte("still"))
	if s := soon(t, got, "bytes after CloseWrite"); s != "still" {
		t.Fatal(s)
	}
}

// TestCloseAgainstUse closes descriptors while others use them, and opens new ones all the time: a number that was used
// after it was closed would hit somebody else.
func TestCloseAgainstUse(t *testing.T) {
	before := descriptors(t)
	l := listen(t)
	var wg sync.WaitGroup
	for range 200 {
		near, far := connect(t, l)
		f := &funcs{}
		f.ready = func(_ Event, scratch []byte) { f.Read(scratch) }
		if err := f.Take(near, f); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			wg.Go(func() {
				buf := make([]byte, 10)
				for {
					_, err := f.Write(buf, nil)
					if i == 0 {
						f.Close()
					}
					if err == ErrClosed {
						return
					}
					f.SetTimer(0)
					runtime.Gosched()
				}
			})
		}
		wg.Go(func() {
			far.Write([]byte("x"))
			io.Copy(io.Discard, far)
			far.Close()
		})
	}
	wg.Wait()
	l.Close()
	awaitDescriptors(t, before)
}

func TestTakeOfWhatCannotBeWaitedFor(t *testing.T) {
	before := descriptors(t)
	file, err := os.Open(os.Args[0]) // epoll does not take files
	if err != nil {
		t.Fatal(err)
	}
	f := &funcs{}
	if err := f.Take(file, f); err == nil {
		t.Error("a file was taken")
	}
	if _, err := file.Read(make([]byte, 1)); err != nil {
		t.Errorf("the file is no good after that: %v", err)
	}
	file.Close()
	if err := f.Take(file, f); err == nil {
		t.Error("a closed file was taken")
	}
	awaitDescriptors(t, before)
}

func TestSlotsAreUsedAgain(t *testing.T) {
	p, err := newPoller()
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(p.eventfd)
	defer p.file.Close()
	fds := make([]FD, 3*slotsPerPiece)
	for round := range uint32(3) {
		for i := range fds {
			pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			syscall.Close(pair[1])
			fds[i] = FD{sys: int32(pair[0])}
			if err := p.add(&fds[i], -1); err != nil {
				t.Fatal(err)
			}
			if s := p.slotAt(fds[i].slot); s.gen != round || s.fd != &fds[i] {
				t.Fatalf("round %d: slot %d has generation %d", round, fds[i].slot, s.gen)
			}
		}
		for i := range fds {
			fds[i].Close()
		}
	}
	if int(p.used) != 3*slotsPerPiece+1 {
		t.Errorf("%d slots for %d descriptors at a time", p.used, 3*slotsPerPiece)
	}
	// An event fetched before its owner left is nobody's.
	p.events[0] = syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: 1, Pad: 2}
	p.got = 1
	p.slotAt(1).fd, p.slotAt(1).gen = &FD{}, 3
	if p.resolve(p.batch); p.batch.n != 0 {
		t.Error("the event of a former owner was told")
	}
}

func TestProgress(t *testing.T) {
	at := uint64(7*leaseOne) | (leaseOne - 1)
	if next := nextBatch(at); next != 7*leaseOne {
		t.Errorf("after the last number of a batch comes %x", next)
	}
	if next := nextBatch(5); next != 1<<placeBits {
		t.Errorf("after batch 0 comes %x", next)
	}
	if batchSize > placeMask {
		t.Error("a batch has more places than can be told")
	}
}

func TestAwaitBytes(t *testing.T) {
	near, far := connect(t, listen(t))
	got := make(chan int, 1000)
	f := &funcs{}
	f.ready = func(_ Event, scratch []byte) {
		for {
			n, err := f.Read(scratch)
			got <- n
			if err != nil {
				return
			}
		}
	}
	f.take(t, near)
	send := func(n int) {
		if _, err := far.Write(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
	}
	want := func(n int, what string) {
		for n > 0 {
			n -= soon(t, got, what)
		}
		if n < 0 {
			t.Fatalf("%d bytes too many: %s", -n, what)
		}
	}
	await := func(n int) {
		if err := f.AwaitBytes(n); err != nil {
			t.Fatal(err)
		}
	}
	await(100_000)
	send(60_000)
	send(40_000)
	want(100_000, "what was awaited")
	send(50_000)
	await(0)
	want(50_000, "what came before less was awaited")
	await(100_000)
	send(10)
	far.CloseWrite()
	want(10, "the last bytes, with the end of the stream")
}

// TestWhoHandsOverHoldsUpNobody has handlers that know that they will block, more than there are pollers, and others meanwhile.
func TestWhoHandsOverHoldsUpNobody(t *testing.T) {
	l := listen(t)
	release := make(chan struct{})
	const stuck = 100
	entered := make(chan struct{}, stuck)
	left := make(chan struct{}, stuck)
	for range stuck {
		near, far := connect(t, l)
		f := &funcs{}
		f.ready = func(_ Event, scratch []byte) {
			if n, _ := f.Read(scratch); n == 0 {
				return
			}
			f.HandOver()
			entered <- struct{}{}
			<-release
			left <- struct{}{}
		}
		f.take(t, near)
		far.Write([]byte("x"))
	}
	for range stuck {
		soon(t, entered, "a handler that is called while others block")
	}
	done := make(chan struct{}, stuck)
	finished := make(chan error, stuck)
	for i := range 10 {
		near, far := connect(t, l)
		e := &echoer{t: t, done: done}
		if err := e.Take(near, e); err != nil {
			t.Fatal(err)
		}
		go func() { finished <- talk(far, uint64(i)) }()
	}
	for range 10 {
		if err := soon(t, finished, "an echo"); err != nil {
			t.Error(err)
		}
		soon(t, done, "an end")
	}
	close(release)
	for range stuck {
		soon(t, left, "a handler that is released")
	}
}
