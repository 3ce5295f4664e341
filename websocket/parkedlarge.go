package websocket

import "time"

// What comes of a large frame comes in many packets. To be told of each costs more than to receive it, so the kernel is asked to
// tell of a good part of the frame at once, or of its end. Nothing is missed by that: no other frame comes in the middle of one.
const (
	// awaitFrom is how much of a frame must be missing for that to pay.
	awaitFrom = 512 << 10
	// awaitAtOnce is how much is awaited at most. It is what the kernel may have to hold then, too.
	awaitAtOnce = 2 << 20
	// lookAfter is when text is looked at anyway: a peer whose text is wrong shall hear of it (RFC 6455 section 8.1), also if
	// it sends no more.
	lookAfter = 50 * time.Millisecond
)

// takeLarge is take for what room returns.
func (p *parked) takeLarge(room []byte) (int, error) {
	rest := p.c.machine.Remaining()
	if p.least == 0 && rest >= awaitFrom {
		// Before the network is empty: it tells of what comes while we receive, too.
		p.await(awaitAtOnce)
	}
	n, err := p.take(room)
	t := &p.c.rd.turn
	if rest -= int64(n); p.least == 0 || !t.drained {
		return n, err
	}
	text := p.c.rd.typ == MessageText
	switch {
	case text && n == 0 && t.reads == readsPerTurn-1: // looked in vain: not again, but for what comes next
		p.await(0)
		return n, err
	case int64(p.least) > rest:
		p.await(int32(rest))
	}
	if text && rest > 0 {
		p.lookSoon()
	}
	return n, err
}

// await has the network tell of n bytes, or, if n is 0, of any.
func (p *parked) await(n int32) {
	if p.least != n {
		p.least = n
		p.AwaitBytes(int(n))
	}
}

// lookSoon has a turn come soon. It takes the place of the keepalive's, which that turn sees to; an end must not be hastened.
func (p *parked) lookSoon() {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	if !p.c.closing.Load() {
		p.SetTimer(lookAfter)
	}
}

// watch is called by a turn before it calls what may block. Where a part of a large message is likely to be all that there is to
// be done, Ready leaves that to it: the watchman costs something, as he has another thread wait for the time.
func (p *parked) watch() {
	if t := &p.c.rd.turn; t.unwatched {
		t.unwatched = false
		p.Watch()
	}
}
