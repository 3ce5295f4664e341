//go:build !386

package poll

import "time"

// setTimer sets f's timer. The timers of all sockets share one of the runtime's, which is set for the next of them.
func (p *poller) setTimer(f *FD, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slotAt(f.slot).fd == f {
		p.setTimerOf(f.slot, d)
	}
}

// setTimerOf sets the timer of a slot. mu is held.
func (p *poller) setTimerOf(slot uint32, d time.Duration) {
	var due uint32
	if d >= 0 {
		now := time.Since(p.base)
		if p.wheel.count == 0 {
			p.wheel.now = uint32(now / tick)
		}
		due = uint32((now + d + tick - 1) / tick)
	}
	p.wheel.set(p.linkAt, slot, due)
	p.setClock()
}

// setClock sets the runtime's timer. mu is held.
func (p *poller) setClock() {
	next := p.wheel.next()
	if next == 0 || p.timerAt != 0 && p.timerAt <= next {
		return // a clock that rings in vain does no harm
	}
	p.timerAt = next
	d := time.Duration(next)*tick - time.Since(p.base)
	if p.timer == nil {
		p.timer = time.AfterFunc(d, p.ring)
	} else {
		p.timer.Reset(d)
	}
}

// ring tells all whose timers are due.
func (p *poller) ring() {
	p.mu.Lock()
	p.timerAt = 0
	p.wheel.advance(p.linkAt, uint32(time.Since(p.base)/tick), func(i uint32) {
		if f := p.slotAt(i).fd; f.claim(Due) {
			p.injected = append(p.injected, f)
		}
	})
	p.setClock()
	p.mu.Unlock()
	p.wakeUp()
}
