package main

// An audience is the connections that get what one of them sends.
type audience struct {
	fds  []int
	poll *poller
	back []byte
	got  []int
	buf  []byte
}

// fanOut has one connection after the other send a message, the next when all have got the last. The unit is the delivery.
func fanOut(o options) (result, error) {
	there, back := exchange(o)
	fds, err := dial(o, "")
	if err != nil {
		return result{}, err
	}
	p, err := newPoller()
	if err != nil {
		return result{}, err
	}
	for i, fd := range fds {
		if err := p.add(fd, i); err != nil {
			return result{}, err
		}
	}
	if err := gather(o, fds, p); err != nil {
		return result{}, err
	}
	a := &audience{fds, p, back, make([]int, len(fds)), make([]byte, len(back)+1)}
	units := int64(0)
	watch := newStopwatch(o)
	for sender := 0; ; sender = (sender + 1) % len(fds) {
		if err := sendAll(fds[sender], there); err != nil {
			return result{}, err
		}
		for missing := len(fds); missing > 0; {
			n, err := a.hear()
			if err != nil {
				return result{}, err
			}
			missing -= n
		}
		units += int64(len(fds))
		if r, over, err := watch.look(units); over || err != nil {
			return r, err
		}
	}
}

// hear waits for something to come, and returns how many have now got the message whole. There cannot come more for them before
// the next is sent.
func (a *audience) hear() (complete int, err error) {
	events, err := a.poll.wait()
	for _, e := range events {
		i := int(e.Fd)
		if a.got[i], err = receiveExpected(a.fds[i], a.buf, a.back, a.got[i]); err != nil {
			return complete, err
		}
		if a.got[i] == len(a.back) {
			a.got[i] = 0
			complete++
		}
	}
	return complete, err
}
