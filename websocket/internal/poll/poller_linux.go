//go:build !386

package poll

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// batchSize is the most events that are fetched at a time.
	batchSize = 256
	// scratchSize is how much Ready can read at once.
	scratchSize = 64 << 10
	// yieldAfter is the number of events after which other goroutines get a chance, as the scheduler itself would let a
	// busy one go on for 10 ms.
	yieldAfter = 128
)

// A poller waits for the sockets registered with its epoll. Its goroutine, the worker, is another one each time the last one
// was held up.
//
// Registrations are edge-triggered: an event costs no system call but the wait that fetched it. Events of room to write are
// asked for when there was none for the first time: else the first, as soon as a socket is registered, would tell nothing. The
// epoll's own descriptor waits in Go's netpoller, so that an idle
// poller holds no thread.
type poller struct {
	epfd    int
	eventfd int
	file    *os.File // epfd
	raw     syscall.RawConn
	base    time.Time // of the wheel's ticks

	// progress says what the worker does: its lease, the batch, and the place in it. 0 in the last: it waits, or is about to.
	// The worker moves it on by compare-and-swap, and whoever takes the polling over changes the lease: then the
	// worker's own swap fails, and it knows.
	progress atomic.Uint64

	// Of the worker, while it has the lease.
	events [batchSize]syscall.EpollEvent
	got    int // of events
	err    error
	wait   func(uintptr) bool
	batch  *batch // what it works on

	spreadUntil atomic.Int64 // ns since base: handlers run in goroutines of their own until then

	clock   atomic.Int64 // ns since base, as of the last batch
	awake   atomic.Bool  // the watchman counts it as busy: set by FD.Watch
	waiting atomic.Bool  // the worker may be waiting: inject must wake it

	mu       sync.Mutex
	slots    [][]slot // in pieces, so that growing copies nothing
	used     uint32   // slots that have ever been used; slot 0 is not used
	free     uint32   // first of the list of free slots; 0: none
	wheel    wheel
	timer    *time.Timer
	timerAt  uint32 // the tick it is set for; 0: it is not
	injected []*FD
}

const slotsPerPiece = 512

// A slot is what an event's data point to. The generation tells an event of the last owner, fetched before it left, from
// those of the present one.
type slot struct {
	fd *FD
	// In the free list, gen is that of the next owner and timer.next the next free slot.
	gen   uint32
	timer link
}

// An entry is a socket that has something to do.
type entry struct {
	fd *FD
	ev Event // taken: claimed by whoever injected it
}

// A batch belongs to a worker. Who takes over from it continues on a copy, as the old worker may look at it again.
type batch struct {
	entries [batchSize]entry
	n       int
}

func (b *batch) add(fd *FD, ev Event) {
	b.entries[b.n] = entry{fd, ev}
	b.n++
}

const (
	placeBits = 12
	batchBits = 20
	placeMask = 1<<placeBits - 1
	leaseOne  = 1 << (placeBits + batchBits)
	leaseMask = ^uint64(leaseOne - 1)
)

func newPoller() (*poller, error) {
	epfd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("poll: %w", os.NewSyscallError("epoll_create1", err))
	}
	syscall.SetNonblock(epfd, true) // lets os.NewFile give it to the netpoller
	file := os.NewFile(uintptr(epfd), "epoll")
	p := &poller{epfd: epfd, file: file, batch: new(batch), base: time.Now(), used: 1}
	fail := func(what string, err error) (*poller, error) {
		file.Close()
		return nil, fmt.Errorf("poll: %s: %w", what, err)
	}
	if p.raw, err = file.SyscallConn(); err != nil {
		return fail("epoll in the netpoller", err)
	}
	if p.eventfd, err = newEventfd(); err != nil {
		return fail("eventfd", err)
	}
	// Edge-triggered, hence never read: each write is an edge. Data 0 is slot 0.
	ev := syscall.EpollEvent{Events: edges(syscall.EPOLLIN)}
	if err := syscall.EpollCtl(epfd, syscall.EPOLL_CTL_ADD, p.eventfd, &ev); err != nil {
		syscall.Close(p.eventfd)
		return fail("epoll_ctl", err)
	}
	p.wait = func(uintptr) bool {
		p.got, p.err = epollNow(p.epfd, p.events[:])
		if p.got == 0 && p.awake.Load() {
			p.awake.Store(false)
			watch.rest()
		}
		return p.got > 0 || p.err != nil
	}
	return p, nil
}

// edges adds EPOLLET, which syscall has as a negative number.
func edges(events uint32) uint32 { return events | 1<<31 }

func (p *poller) slotAt(i uint32) *slot { return &p.slots[i/slotsPerPiece][i%slotsPerPiece] }

func (p *poller) linkAt(i uint32) *link { return &p.slotAt(i).timer }

// add registers f, with a timer if due is not negative.
func (p *poller) add(f *FD, due time.Duration) error {
	p.mu.Lock()
	i := p.free
	if i != 0 {
		p.free = p.slotAt(i).timer.next
	} else {
		i = p.used
		p.used++
		if int(i/slotsPerPiece) == len(p.slots) {
			p.slots = append(p.slots, make([]slot, slotsPerPiece))
		}
	}
	s := p.slotAt(i)
	s.fd, s.timer = f, link{}
	f.p, f.slot = p, i
	if due >= 0 {
		p.setTimerOf(i, due)
	}
	gen := s.gen
	p.mu.Unlock()
	if err := p.register(f, gen, syscall.EPOLL_CTL_ADD, 0); err != nil {
		p.remove(f)
		return err
	}
	return nil
}

// askForRoom has events of room to write told of f, too: also of room that is there now.
func (p *poller) askForRoom(f *FD) error {
	p.mu.Lock()
	s := *p.slotAt(f.slot)
	p.mu.Unlock()
	if s.fd != f {
		return ErrClosed
	}
	return p.register(f, s.gen, syscall.EPOLL_CTL_MOD, syscall.EPOLLOUT)
}

func (p *poller) register(f *FD, gen uint32, op int, more uint32) error {
	ev := syscall.EpollEvent{Events: edges(syscall.EPOLLIN | syscall.EPOLLRDHUP | more), Fd: int32(f.slot), Pad: int32(gen)}
	if err := syscall.EpollCtl(p.epfd, op, int(f.sys), &ev); err != nil {
		return fmt.Errorf("poll: registering: %w", os.NewSyscallError("epoll_ctl", err))
	}
	return nil
}

// remove gives f's slot back. The kernel forgets the registration with the descriptor, or tells what comes of it to nobody.
func (p *poller) remove(f *FD) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wheel.set(p.linkAt, f.slot, 0)
	s := p.slotAt(f.slot)
	*s = slot{gen: s.gen + 1, timer: link{next: p.free}}
	p.free = f.slot
}

// inject lets the worker run f, which the caller has claimed.
func (p *poller) inject(f *FD) {
	p.mu.Lock()
	p.injected = append(p.injected, f)
	p.mu.Unlock()
	p.wakeUp()
}

func (p *poller) wakeUp() {
	if p.waiting.Load() {
		var one [8]byte
		binary.NativeEndian.PutUint64(one[:], 1)
		WriteNow(uintptr(p.eventfd), one[:], nil)
	}
}

// start is the first worker.
func (p *poller) start() {
	p.gather(p.batch)
	p.work(0, p.batch)
}

// work is the worker: it waits, and runs what has something to do, until it is held up for so long that another one has
// taken over. at is the progress as of its start, and the place in it that of the last entry of b that it need not care
// for.
func (p *poller) work(at uint64, b *batch) {
	pooled := scratches.Get().(*[scratchSize]byte)
	defer scratches.Put(pooled)
	scratch := pooled[:]
	since := 0
	for {
		i := int(at & placeMask)
		spread := i < b.n && p.spreading()
		for i < b.n {
			if !p.move(&at, at+1) {
				return
			}
			e := b.entries[i]
			i++
			switch {
			case !e.claim():
			case spread:
				go p.runAlone(e.fd)
			default:
				e.fd.run(scratch)
			}
		}
		if !p.move(&at, nextBatch(at)) {
			return
		}
		if since += i; since >= yieldAfter {
			since = 0
			runtime.Gosched()
		}
		p.gather(b)
	}
}

var scratches = sync.Pool{New: func() any { return new([scratchSize]byte) }}

// nextBatch is the progress at the beginning of the batch after that of at.
func nextBatch(at uint64) uint64 {
	return at&leaseMask | (at+1<<placeBits)&^leaseMask&^placeMask
}

// move moves progress on from *at. It fails if another worker has taken over.
func (p *poller) move(at *uint64, to uint64) bool {
	if !p.progress.CompareAndSwap(*at, to) {
		return false
	}
	*at = to
	return true
}

// gather waits until there is something to do, and makes a batch of it.
func (p *poller) gather(b *batch) {
	p.mu.Lock()            // isAbout looks there
	clear(b.entries[:b.n]) // lest sockets that have gone be held
	b.n = 0
	p.mu.Unlock()
	for b.n == 0 {
		p.got = 0
		p.waiting.Store(true)
		if !p.anyInjected() {
			if err := p.raw.Read(p.wait); err != nil && p.err == nil {
				p.err = err
			}
			if p.err != nil {
				// Neither call has a way to fail as long as the descriptor is ours.
				panic(fmt.Sprintf("poll: epoll_wait: %v", p.err))
			}
		}
		p.waiting.Store(false)
		p.resolve(b)
	}
	p.clock.Store(int64(time.Since(p.base)))
}

func (p *poller) anyInjected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.injected) > 0
}

// resolve finds out whose the fetched events are, and adds what was injected.
func (p *poller) resolve(b *batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ev := range p.events[:p.got] {
		i := uint32(ev.Fd)
		if i == 0 {
			continue
		}
		if s := p.slotAt(i); s.fd != nil && s.gen == uint32(ev.Pad) {
			b.add(s.fd, eventOf(s.fd, ev.Events))
		}
	}
	k := min(len(p.injected), batchSize-b.n)
	for _, f := range p.injected[:k] {
		b.add(f, taken)
	}
	rest := copy(p.injected, p.injected[k:])
	clear(p.injected[rest:])
	p.injected = p.injected[:rest]
	if rest == 0 && cap(p.injected) > batchSize {
		p.injected = nil
	}
}

// writable is an entry's event of room to write, which is told outside of the turns.
const writable Event = 1 << 30

func eventOf(f *FD, events uint32) (ev Event) {
	if events&(syscall.EPOLLRDHUP|syscall.EPOLLHUP|syscall.EPOLLERR) != 0 {
		ev = Readable | HungUp | writable
	}
	if events&syscall.EPOLLIN != 0 {
		ev |= Readable
	}
	if events&syscall.EPOLLOUT != 0 {
		ev |= writable
	}
	if ev&writable != 0 && !f.starve.Load() {
		ev &^= writable
	}
	return ev
}

// claim does what is to be done before a turn of the entry's socket, and reports whether the caller is to run that turn.
func (e entry) claim() bool {
	if e.ev&taken != 0 {
		return true
	}
	if e.ev&writable != 0 && e.fd.starve.CompareAndSwap(true, false) {
		e.fd.h.Writable()
	}
	ev := e.ev &^ writable
	return ev != 0 && e.fd.users.Load()&closed == 0 && e.fd.claim(ev)
}
