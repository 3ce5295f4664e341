package storetest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/seed-4a326f83/parley"
)

// A Moment is when a store loses its database.
type Moment string

const (
	BeforeCommit Moment = "before a commit"
	DuringCommit Moment = "during a commit"
	AfterCommit  Moment = "between a commit and its answer"
)

// RunFaults tests that what was acknowledged is there once, and what was sent
// again is too, where a store loses its database in the middle of a commit. open
// is as in [Run]; lose has the next commit of the store, whoever's it is, go
// wrong at the moment. The store must find its database again by itself.
func RunFaults(t *testing.T, open func(t *testing.T) (store parley.Store, lose func(Moment))) {
	for _, when := range []Moment{BeforeCommit, DuringCommit, AfterCommit} {
		for _, test := range faultTests {
			t.Run(test.name+", lost "+string(when), func(t *testing.T) {
				t.Parallel()
				store, lose := open(t)
				test.run(&fixture{T: t, Store: store}, when, lose)
			})
		}
	}
	t.Run("many who append while it is lost again and again leave no hole and store nothing twice", func(t *testing.T) {
		t.Parallel()
		store, lose := open(t)
		appendThroughFaults(&fixture{T: t, Store: store}, lose)
	})
}

// resends bounds how often something is sent again. A fault may hit whoever
// sends next, and that again.
const resends = 100

// resend appends until it is known what became of the drafts, and returns that
// and how often it was not.
func (f *fixture) resend(drafts ...parley.Draft) (results []parley.Appended, unknown int) {
	f.Helper()
	for range resends {
		results, err := f.Append(f.Context(), drafts)
		if err == nil {
			return results, unknown
		}
		f.wantCode("Append while the database is lost", err, parley.CodeUnavailable)
		unknown++
	}
	f.Fatalf("the store did not find its database again in %d calls", resends)
	return nil, 0
}

var faultTests = []struct {
	name string
	run  func(f *fixture, when Moment, lose func(Moment))
}{
	{"a message is stored once", func(f *fixture, when Moment, lose func(Moment)) {
		ann := f.member("ann", "tea")
		f.say(text("tea", ann, "a"))
		lose(when)
		results, unknown := f.resend(text("tea", ann, "b"))
		want(f, "seq", results[0].Seq, 2)
		if when == AfterCommit {
			want(f, "answers that were lost", unknown, 1)
			want(f, "stored by the resend", results[0].Stored, false)
		}
		want(f, "the next one's seq", f.say(text("tea", ann, "c")), 3)
		ids := ""
		for _, m := range f.contiguous("tea") {
			ids += m.ID
		}
		want(f, "log", ids, "abc")
		want(f, "found", f.found(ann, "b"), "tea 2")
	}},
	{"a batch is stored whole, and once", func(f *fixture, when Moment, lose func(Moment)) {
		ann := f.member("ann", "tea", "zoo")
		f.say(text("tea", ann, "a"))
		lose(when)
		batch := []parley.Draft{
			text("tea", ann, "b"), text("zoo", ann, "b"), about("tea", ann, "c", parley.KindReaction, 1),
			about("tea", ann, "d", parley.KindDelete, 1), text("nowhere", ann, "e"), text("tea", ann, "f"),
		}
		results, _ := f.resend(batch...)
		for i, seq := range []int64{2, 1, 3, 4, 0, 5} {
			want(f, "seq", results[i].Seq, seq)
		}
		f.wantCode("the one that is refused", results[4].Err, parley.CodeNotFound)
		want(f, "messages", len(f.contiguous("tea")), 5)
		want(f, "messages", len(f.contiguous("zoo")), 1)
	}},
	{"what else changes can be done again", func(f *fixture, when Moment, lose func(Moment)) {
		ann, ben := f.member("ann", "tea"), f.guest("ben")
		f.fill("tea", ann, 3)
		again := func(what string, do func() error) {
			f.Helper()
			lose(when)
			for range resends {
				err := do()
				if err == nil {
					return
				}
				f.wantCode(what, err, parley.CodeUnavailable)
			}
			f.Errorf("%s: never done", what)
		}
		again("Join", func() error {
			_, _, err := f.Join(f.Context(), "tea", ben.ID, false, now)
			return err
		})
		f.wantMember("tea", ben, true)
		f.say(text("tea", ann, "last"))
		again("SetRead", func() error {
			_, _, err := f.SetRead(f.Context(), "tea", ben.ID, 4)
			return err
		})
		want(f, "read", f.membership("tea", ben).Read, 4)
		again("Leave", func() error { return f.Leave(f.Context(), "tea", ben.ID) })
		f.wantMember("tea", ben, false)
	}},
}

func appendThroughFaults(f *fixture, lose func(Moment)) {
	const workers, each = 6, 20
	rooms := []string{"tea", "zoo"}
	ann := f.member("ann", rooms...)
	moments := []Moment{BeforeCommit, DuringCommit, AfterCommit}
	seqs := make([][each]int64, workers)
	var stored atomic.Int64
	together(workers, func(w int) {
		for i := range each {
			if i%4 == 0 {
				lose(moments[(w+i/4)%len(moments)])
			}
			id := fmt.Sprint(w, "-", i)
			results, unknown := f.resend(text(rooms[w%2], ann, id), text(rooms[w%2], ann, id))
			if results[0].Err != nil || results[0].Seq != results[1].Seq || results[1].Stored {
				f.Errorf("%s: %+v", id, results)
			}
			if results[0].Stored || unknown > 0 {
				stored.Add(1)
			}
			seqs[w][i] = results[0].Seq
		}
	})
	want(f, "stored", stored.Load(), workers*each)
	for r, room := range rooms {
		log := f.contiguous(room)
		want(f, "messages", len(log), workers*each/2)
		for _, m := range log {
			var w, i int
			if _, err := fmt.Sscanf(m.ID, "%d-%d", &w, &i); err != nil {
				f.Fatal(err)
			}
			want(f, "room of "+m.ID, w%2, r)
			want(f, "seq of "+m.ID, m.Seq, seqs[w][i])
		}
	}
}
