package hub_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/hub"
)

func TestMessagesComeOnceAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(gone)
		var out recorder
		s := connect(h, "c1", ann, &out)
		defer s.Close()
		join(s, lobby, 2)
		for _, seq := range []int64{1, 2, 3, 3, 4, 3} { // as a bus may have it
			h.Deliver(message("lobby", seq))
		}
		h.Deliver(message("elsewhere", 1))
		check(t, &out, "message lobby 3", "message lobby 4")
	})
}

func TestHeldSubscriptionAnswersFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(gone)
		var out recorder
		s := connect(h, "c1", ann, &out)
		defer s.Close()
		sub, _ := s.Join(lobby)
		h.Deliver(message("lobby", 5))
		h.Deliver(message("lobby", 6))
		check(t, &out)
		sub.Release(5) // the store had 5 already
		check(t, &out, "message lobby 6")
		again, fresh := s.Join(lobby)
		if fresh {
			t.Error("a subscription that exists is not fresh")
		}
		h.Deliver(message("lobby", 7))
		check(t, &out)
		again.Release(7)
		h.Deliver(message("lobby", 8))
		check(t, &out, "message lobby 8")
	})
}

func TestHeldSubscriptionIsBounded(t *testing.T) {
	h := hub.New(gone)
	var out recorder
	s := connect(h, "c1", ann, &out)
	sub, _ := s.Join(lobby)
	big := json.RawMessage(`"` + fmt.Sprintf("%060000d", 0) + `"`)
	for seq := range int64(100) {
		n := message("lobby", seq+1)
		n.Message.Body = big
		h.Deliver(n)
	}
	sub.Release(0)
	got := out.took()
	if len(got) == 0 || len(got) > (1<<20)/60000 {
		t.Errorf("%d messages of 60 kB were held", len(got))
	}
	if last := got[len(got)-1]; last != "message lobby 100" {
		t.Errorf("the last is %q: the hole must be before what is kept", last)
	}
	s.Close()
}

func TestSignalIsNotEchoedToItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(gone)
		var out1, out2, other recorder
		s1, s2, s3 := connect(h, "c1", ann, &out1), connect(h, "c2", ann, &out2), connect(h, "c3", bob, &other)
		for _, s := range []*hub.Session{s1, s2, s3} {
			defer s.Close()
			join(s, lobby, 0)
		}
		h.Deliver(parley.News{Signal: &parley.Signal{Room: "lobby", From: ann, Kind: "typing", Body: json.RawMessage("{}"), Origin: "c1"}})
		check(t, &out1)
		check(t, &out2, "signal lobby")
		check(t, &other, "signal lobby")
	})
}

func TestPresenceIsCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(gone)
		var out recorder
		s := connect(h, "c1", ann, &out)
		defer s.Close()
		join(s, lobby, 0)
		time.Sleep(time.Second)
		check(t, &out) // oneself is no news

		b1, b2 := connect(h, "c2", bob, &recorder{}), connect(h, "c3", bob, &recorder{})
		join(b1, lobby, 0)
		join(b2, lobby, 0)
		time.Sleep(time.Second)
		check(t, &out, "presence lobby bob true")

		b1.Close() // the other connection stays
		time.Sleep(time.Second)
		check(t, &out)

		b2.Close() // and comes back at once
		b3 := connect(h, "c4", bob, &recorder{})
		join(b3, lobby, 0)
		time.Sleep(time.Second)
		check(t, &out)
		if users, n := h.Present("lobby", 1); n != 2 || len(users) != 1 {
			t.Errorf("present: %v of %d, want 1 of 2", users, n)
		}

		b3.Close()
		time.Sleep(time.Second)
		check(t, &out, "presence lobby bob false")
		if users, n := h.Present("lobby", 10); n != 1 || !slices.Equal(users, []parley.User{ann}) {
			t.Errorf("present: %v of %d, want ann", users, n)
		}
	})
}

func TestWhoIsListedIsTakenOffTheListAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(gone)
		names := func() (names []string) {
			users, count := h.Present("lobby", 10)
			if count != len(users) {
				t.Errorf("%d present, %d listed", count, len(users))
			}
			for _, u := range users {
				names = append(names, u.Name)
			}
			slices.Sort(names)
			return names
		}
		var out recorder
		// bob comes, ann comes and is given a list with him, and he leaves before
		// anybody was told of him.
		b := connect(h, "c1", bob, &recorder{})
		join(b, lobby, 0)
		s := connect(h, "c2", ann, &out)
		defer s.Close()
		join(s, lobby, 0)
		if got := names(); !slices.Equal(got, []string{"ann", "bob"}) {
			t.Errorf("present: %v", got)
		}
		b.Close()
		time.Sleep(time.Second)
		check(t, &out, "presence lobby bob false")

		// Both are there and lose their connections; ann is back before bob.
		b = connect(h, "c3", bob, &recorder{})
		join(b, lobby, 0)
		time.Sleep(time.Second)
		out.took()
		b.Close()
		if got := names(); !slices.Equal(got, []string{"ann", "bob"}) {
			t.Errorf("present before his leaving is told: %v", got)
		}
		b = connect(h, "c4", bob, &recorder{})
		join(b, lobby, 0)
		time.Sleep(time.Second)
		check(t, &out)
		b.Close()
		time.Sleep(time.Second)
		check(t, &out, "presence lobby bob false")
		if got := names(); !slices.Equal(got, []string{"ann"}) {
			t.Errorf("present: %v", got)
		}
	})
}

func TestOldNewsOfLeavingEndsNoNewMembership(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		member := true
		h := hub.New(func(room, user string) bool { return room == "lobby" && user == ann.ID && member })
		var out recorder
		s := connect(h, "c1", ann, &out)
		defer s.Close()
		join(s, lobby, 0)
		left := parley.News{Member: &parley.Member{User: ann.ID, Room: lobby, Left: true}}
		h.Deliver(left) // of before
		h.Deliver(message("lobby", 1))
		check(t, &out, "message lobby 1")
		member = false
		h.Deliver(left)
		h.Deliver(left) // doubled
		h.Deliver(message("lobby", 2))
		check(t, &out, "room lobby")

		// Who left between Connect and Watch is no member either.
		s = connect(h, "c2", ann, &out)
		defer s.Close()
		h.Deliver(left)
		s.Watch([]parley.Room{lobby})
		if s.Member("lobby") {
			t.Error("a member of a room that was left meanwhile")
		}
	})
}

func TestADirectRoomIsNamedByTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(gone)
		var annOut, bobOut recorder
		a, b := connect(h, "c1", ann, &annOut), connect(h, "c2", bob, &bobOut)
		defer a.Close()
		defer b.Close()
		a.Watch([]parley.Room{{ID: "d", Name: "bob", Kind: parley.Direct}})
		b.Watch([]parley.Room{{ID: "d", Name: "ann", Kind: parley.Direct}})
		h.Deliver(message("d", 1))
		time.Sleep(time.Second)
		for out, name := range map[*recorder]string{&annOut: "bob", &bobOut: "ann"} {
			if got, want := out.json(), `{"type":"room","id":"d","name":"`+name+`","kind":"direct","last":1}`; got != want {
				t.Errorf("told %s, want %s", got, want)
			}
		}
	})
}

func TestPresenceOfACrowdIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(gone)
		for i := range 600 {
			s := connect(h, fmt.Sprint("c", i), parley.User{ID: fmt.Sprint("crowd", i)}, &recorder{})
			defer s.Close()
			join(s, lobby, 0)
		}
		time.Sleep(time.Second)
		var out recorder
		s := connect(h, "last", ann, &out)
		defer s.Close()
		join(s, lobby, 0)
		late := connect(h, "late", bob, &recorder{})
		defer late.Close()
		join(late, lobby, 0)
		time.Sleep(time.Second)
		check(t, &out)
		if _, n := h.Present("lobby", 10); n != 602 {
			t.Errorf("%d present, want 602", n)
		}
	})
}

func TestWhoEntersWhileTheStoreIsAskedStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *hub.Hub
		var outs [2]recorder
		var first, second *hub.Session
		asked := 0
		h = hub.New(func(room, user string) bool {
			if asked++; asked == 1 { // he comes back, once it was found that he is gone
				join(second, lobby, 0)
				return false
			}
			return true
		})
		first, second = connect(h, "c1", ann, &outs[0]), connect(h, "c2", ann, &outs[1])
		defer first.Close()
		defer second.Close()
		first.Watch([]parley.Room{lobby})
		h.Deliver(parley.News{Member: &parley.Member{User: ann.ID, Room: lobby, Left: true}})
		if !first.Member("lobby") || !second.Member("lobby") || asked != 2 {
			t.Errorf("the store was asked %d times", asked)
		}
		check(t, &outs[0])
	})
}

func TestMembersElsewhereHearOfNewsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(gone)
		var out recorder
		s := connect(h, "c1", ann, &out)
		defer s.Close()
		s.Watch([]parley.Room{lobby})
		for seq := range int64(10) {
			h.Deliver(message("lobby", seq+1))
		}
		check(t, &out)
		time.Sleep(time.Second)
		check(t, &out, "room lobby")
		join(s, lobby, 10)
		h.Deliver(message("lobby", 11))
		time.Sleep(time.Second)
		check(t, &out, "message lobby 11")
		s.Unjoin(lobby)
		h.Deliver(message("lobby", 12))
		time.Sleep(time.Second)
		check(t, &out, "room lobby")
	})
}

func TestMembershipReachesAllConnectionsOfAUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(gone)
		var out1, out2, other recorder
		s1, s2, s3 := connect(h, "c1", ann, &out1), connect(h, "c2", ann, &out2), connect(h, "c3", bob, &other)
		for _, s := range []*hub.Session{s1, s2, s3} {
			defer s.Close()
		}
		join(s1, lobby, 0)
		h.Deliver(parley.News{Member: &parley.Member{User: ann.ID, Room: lobby, Origin: "c1"}})
		check(t, &out1)
		check(t, &out2, "room lobby")
		check(t, &other)
		if !s2.Member("lobby") || s3.Member("lobby") {
			t.Error("the second connection of ann is a member, bob is not")
		}

		h.Deliver(parley.News{Read: &parley.ReadMark{User: ann.ID, Room: "lobby", Seq: 1, Origin: "c1"}})
		check(t, &out1)
		check(t, &out2, "read lobby")
		check(t, &other)

		h.Deliver(parley.News{Member: &parley.Member{User: ann.ID, Room: lobby, Left: true}})
		h.Deliver(message("lobby", 1))
		time.Sleep(time.Second)
		const left = `{"type":"room","id":"lobby","left":true}`
		if out1.json() != left || out2.json() != left {
			t.Errorf("whose membership ended is told %s and %s, want only that", out1.json(), out2.json())
		}
		check(t, &other)
		if s1.Member("lobby") || s2.Member("lobby") {
			t.Error("still a member after leaving")
		}
	})
}

func TestNothingIsDeliveredAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(gone)
		var out recorder
		s := connect(h, "c1", ann, &out)
		sub, _ := s.Join(lobby)
		h.Deliver(message("lobby", 1))
		s.Close()
		s.Close()
		sub.Release(0)
		h.Deliver(message("lobby", 2))
		s.Watch([]parley.Room{lobby})
		join(s, lobby, 0)
		h.Deliver(message("lobby", 3))
		time.Sleep(time.Second)
		check(t, &out)
	})
}

// until is a recorder that notices when it is told of a room's message number last.
type until struct {
	recorder
	last  int64
	heard chan struct{} // closed then
}

func (u *until) Deliver(ev *parley.Event) {
	u.recorder.Deliver(ev)
	if ev.Seq == u.last {
		close(u.heard)
	}
}

func TestManyComeAndGoWhileMessagesAreDelivered(t *testing.T) {
	const total = 1000
	h := hub.New(gone)
	out := until{last: total, heard: make(chan struct{})}
	steady := connect(h, "steady", ann, &out)
	join(steady, lobby, 0)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 200 {
				s := connect(h, fmt.Sprint(i, "-", n), bob, &recorder{})
				s.Watch([]parley.Room{lobby})
				join(s, lobby, int64(n))
				if n%2 == 0 {
					s.Leave("lobby")
				}
				s.Close()
			}
		})
	}
	for seq := range int64(total) {
		h.Deliver(message("lobby", seq+1))
	}
	wg.Wait()
	<-out.heard
	steady.Close() // nothing is told any more
	next := int64(1)
	for _, ev := range out.events {
		if ev.Type != parley.EventMessage {
			continue
		}
		if ev.Seq != next {
			t.Fatalf("told of %d, want %d", ev.Seq, next)
		}
		next++
	}
	if next != total+1 {
		t.Errorf("told of %d messages, want %d", next-1, total)
	}
	if _, n := h.Present("lobby", 10); n != 0 {
		t.Errorf("%d present, want none", n)
	}
}

func TestWhoHasToGoIsEnded(t *testing.T) {
	h := hub.New(nil)
	one, two := parley.SessionHash{1}, parley.SessionHash{2}
	var a, b, c, other recorder
	connect(h, "c1", ann, &a).CameWith(&one)
	connect(h, "c2", ann, &b).CameWith(&two)
	connect(h, "c3", ann, &c)
	connect(h, "c4", bob, &other).CameWith(&two)
	ended := func() (n [4]int) {
		for i, r := range []*recorder{&a, &b, &c, &other} {
			n[i] = len(r.ended)
		}
		return n
	}
	for _, step := range []struct {
		out  parley.Out
		want [4]int
	}{
		{parley.Out{User: ann.ID, Session: &one}, [4]int{1, 0, 0, 0}},
		{parley.Out{User: ann.ID, Except: &two}, [4]int{2, 0, 1, 0}},
		{parley.Out{User: ann.ID}, [4]int{3, 1, 2, 0}},
		{parley.Out{User: "nobody"}, [4]int{3, 1, 2, 0}},
	} {
		h.Deliver(parley.News{Out: &step.out})
		if got := ended(); got != step.want {
			t.Errorf("after %+v: %v, want %v", step.out, got, step.want)
		}
	}
	if code := a.ended[0].Code; code != parley.CloseRemoved {
		t.Errorf("ended with %d, want %d", code, parley.CloseRemoved)
	}
	if !h.Online(ann.ID) || h.Online("nobody") || len(h.Users()) != 2 {
		t.Error("ann and bob are online until their connections are closed, and nobody is not")
	}
}

func TestAChangedRoomIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(gone)
		var in, watching recorder
		room := parley.Room{ID: "tea", Name: "tea", Kind: parley.Public, Last: 7}
		s1, s2 := connect(h, "c1", ann, &in), connect(h, "c2", bob, &watching)
		join(s1, room, 7)
		s2.Watch([]parley.Room{room})
		h.Deliver(parley.News{Room: &parley.Room{ID: "tea", Name: "Tea and cake", Kind: parley.Public, Topic: "today: scones"}})
		synctest.Wait()
		const want = `{"type":"room","id":"tea","name":"Tea and cake","kind":"public","topic":"today: scones","last":7}`
		for _, r := range []*recorder{&in, &watching} {
			if got := r.json(); !strings.Contains(got, want) {
				t.Errorf("told %s, want %s", got, want)
			}
		}
		h.Deliver(parley.News{Room: &parley.Room{ID: "nobody-here"}})
		s1.Close()
		s2.Close()
	})
}
