//go:build !386

package poll

import (
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// acceptNow accepts a connection that is about to wait.
func acceptNow(t *testing.T, l net.Listener) int {
	t.Helper()
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	accepted := -1
	for deadline := time.Now().Add(patience); accepted < 0; time.Sleep(time.Millisecond) {
		var acceptErr error
		if err := raw.Control(func(fd uintptr) { accepted, acceptErr = AcceptNow(fd) }); err != nil {
			t.Fatal(err)
		}
		if acceptErr != nil {
			accepted = -1
			if acceptErr != ErrAgain || time.Now().After(deadline) {
				t.Fatal(acceptErr)
			}
		}
	}
	return accepted
}

func TestAcceptedConnectionsAreReadyForUse(t *testing.T) {
	l := listen(t)
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		PrepareListener(fd)
		if _, err := AcceptNow(fd); err != ErrAgain {
			t.Errorf("with nobody there: %v", err)
		}
	})
	far, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	fd := acceptNow(t, l)
	for name, o := range map[string][2]int{
		"TCP_NODELAY": {syscall.IPPROTO_TCP, syscall.TCP_NODELAY}, "SO_KEEPALIVE": {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE},
	} {
		if on, err := syscall.GetsockoptInt(fd, o[0], o[1]); on == 0 || err != nil {
			t.Errorf("%s is %d, %v", name, on, err)
		}
	}
	if idle, err := syscall.GetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE); idle != 15 || err != nil {
		t.Errorf("TCP_KEEPIDLE is %d, %v", idle, err)
	}
	if _, err := ReadNow(uintptr(fd), make([]byte, 1)); err != ErrAgain {
		t.Errorf("reading blocks, or gives %v", err)
	}

	events := make(chan Event, 100)
	f := &funcs{}
	f.ready = func(ev Event, _ []byte) { events <- ev }
	if err := f.Adopt(fd, f, 0); err != nil {
		t.Fatal(err)
	}
	if ev := soon(t, events, "the timer"); ev&Due == 0 {
		t.Errorf("the first event is %b, not that of the timer", ev)
	}
	if _, err := far.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if ev := soon(t, events, "the byte"); ev&Readable == 0 {
		t.Errorf("the next event is %b", ev)
	}
	f.Close()
}

func TestAdoptOfWhatCannotBeWaitedFor(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fd, err := syscall.Dup(int(file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	f := &funcs{ready: func(Event, []byte) { t.Error("told of an event") }}
	if f.Adopt(fd, f, -1) == nil {
		t.Fatal("a file was adopted")
	}
	if err := syscall.Close(fd); err != syscall.EBADF {
		t.Errorf("its descriptor was left open: %v", err)
	}
}

func TestDetachClosesInAnyCase(t *testing.T) {
	near, far := connect(t, listen(t))
	fd, err := Detach(near)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := near.Write([]byte("x")); err == nil {
		t.Error("it can still be used")
	}
	if _, err := WriteNow(uintptr(fd), []byte("y"), nil); err != nil {
		t.Error(err)
	}
	b := make([]byte, 2)
	if n, err := far.Read(b); n != 1 || b[0] != 'y' {
		t.Errorf("%q, %v", b[:n], err)
	}
	closeNow(int32(fd))
	if _, err := Detach(near); err == nil {
		t.Error("a closed connection was detached")
	}
}
