package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// raiseLimit allows as many descriptors as may be.
func raiseLimit() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	}
}

// waitFor waits until what events says can be done with fd.
func waitFor(fd int, events int16) error {
	for began := time.Now(); ; {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, silence)
		switch {
		case err == unix.EINTR && time.Since(began) < silence*time.Millisecond:
		case n == 0 || err == unix.EINTR:
			return errSilent
		case err != nil:
			return err
		default:
			return nil
		}
	}
}

// orEOF is err, or io.ErrUnexpectedEOF if there is none: the server has closed the connection then.
func orEOF(err error) error {
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}

// cpuTime returns the CPU time, in ns, that a process has taken so far: all threads, user and system.
func cpuTime(pid int) (int64, error) {
	var ts unix.Timespec
	// clock_getcpuclockid(3) makes the clock's number like this.
	const sched = 2
	if err := unix.ClockGettime(int32(^pid<<3|sched), &ts); err != nil {
		return 0, fmt.Errorf("the CPU time of process %d: %w", pid, err)
	}
	return ts.Nano(), nil
}

// A stopwatch measures from the end of the warm-up to the end.
type stopwatch struct {
	o       options
	begin   time.Time
	started bool
	from    result
}

func newStopwatch(o options) *stopwatch { return &stopwatch{o: o, begin: time.Now()} }

// look says what has been measured once the time is over, and something was done in it. units is the count so far.
func (s *stopwatch) look(units int64) (r result, over bool, err error) {
	elapsed := time.Since(s.begin)
	if !s.started && elapsed < s.o.warm || s.started && (elapsed < s.o.warm+s.o.measure || units == s.from.Units) {
		return result{}, false, nil
	}
	now := result{Units: units, WallNS: int64(elapsed)}
	now.ServerNS, err = cpuTime(s.o.pid)
	if err == nil {
		now.LoadNS, err = cpuTime(os.Getpid())
	}
	if err != nil {
		return result{}, false, err
	}
	if !s.started {
		s.started, s.from = true, now
		s.begin = s.begin.Add(elapsed - s.o.warm) // the warm-up may have taken longer
		s.from.WallNS = int64(s.o.warm)
		return result{}, false, nil
	}
	return result{
		Units:    now.Units - s.from.Units,
		ServerNS: now.ServerNS - s.from.ServerNS,
		LoadNS:   now.LoadNS - s.from.LoadNS,
		WallNS:   now.WallNS - s.from.WallNS,
	}, true, nil
}
