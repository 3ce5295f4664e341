package server

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley"
)

// next takes what is to be written, or says how the connection is to end.
func next(t *testing.T, o *outbox) (outgoing, *parley.Ending) {
	t.Helper()
	m, ending, ok := o.take()
	if !ok {
		t.Fatal("abandoned")
	}
	return m, ending
}

func TestAnswersMakeNobodySlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox()
		o.put(make([]byte, 5<<20), answer)
		o.put(make([]byte, 100), event)
		if o.ending != nil {
			t.Fatal("an answer of 5 MiB ended the connection")
		}
		large, _ := next(t, o)
		time.Sleep(time.Minute) // it takes its time, within its allowance
		if allowance(large) < time.Minute {
			t.Errorf("5 MiB may take %v", allowance(large))
		}
		o.written(large)
		behind, _ := next(t, o) // what waited behind it is not late
		o.written(behind)
		if o.ending != nil {
			t.Errorf("ended: %+v", *o.ending)
		}
		if o.waitQuiet(t.Context()) != nil {
			t.Error("not quiet with nothing waiting")
		}
		if o.bytes != [outgoingKinds]int{} {
			t.Errorf("%v bytes are counted with nothing waiting", o.bytes)
		}
	})
}

func TestEventsMakeASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox()
		o.put(make([]byte, 1000), event)
		m, _ := next(t, o)
		time.Sleep(slowTime + time.Millisecond)
		o.written(m)
		if _, ending := next(t, o); ending == nil || ending.Code != parley.CloseOverloaded {
			t.Errorf("5 s behind: %+v", ending)
		}

		o = newOutbox()
		o.put(make([]byte, 1<<20), event)
		o.put(make([]byte, 1), event)
		if _, ending := next(t, o); ending == nil || ending.Code != parley.CloseOverloaded {
			t.Errorf("1 MiB behind: %+v", ending)
		}
		o.end(parley.Ending{Code: parley.CloseRestart})
		if _, ending := next(t, o); ending.Code != parley.CloseOverloaded {
			t.Errorf("the second ending counted: %+v", ending)
		}
	})
}

func TestDroppablesAreFewAndFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox()
		for range 1000 {
			o.put(make([]byte, 1000), droppable)
		}
		if n := len(o.queue); n != droppableBytes/1000 {
			t.Errorf("%d kB of signals wait", n)
		}
		if o.waitQuiet(t.Context()) != nil {
			t.Error("signals keep a client's requests from being read")
		}
		o.put([]byte("important"), event)
		time.Sleep(droppableTime + time.Millisecond)
		if m, _ := next(t, o); string(m.json) != "important" {
			t.Errorf("%d bytes of old news come first", len(m.json))
		}
		o.abandon()
		if _, _, ok := o.take(); ok {
			t.Error("something to take from an outbox that was abandoned")
		}
	})
}
