package hub_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/hub"
)

// hubs returns hubs of nodes that tell each other everything at once, but for
// those that are cut off.
type hubs struct {
	*hub.Hub
	name string
	cut  bool
	mu   *sync.Mutex
	news []parley.News // that it told
}

func cluster(n int) []*hubs {
	var mu sync.Mutex
	all := make([]*hubs, n)
	for i := range all {
		h := &hubs{Hub: hub.New(gone), name: fmt.Sprint("n", i), mu: &mu}
		all[i] = h
		h.Cluster(h.name, func(news parley.News) {
			mu.Lock()
			cut := h.cut
			h.news = append(h.news, news)
			mu.Unlock()
			for _, other := range all {
				mu.Lock()
				cut := cut || other.cut
				mu.Unlock()
				if !cut || other == h {
					other.Deliver(news)
				}
			}
		}, func(string, bool) {})
		h.Reach()
	}
	return all
}

func (h *hubs) setCut(cut bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cut = cut
}

func user(i int) parley.User {
	return parley.User{ID: fmt.Sprintf("u%05d", i), Name: fmt.Sprintf("user %d", i)}
}

// settle waits until what is gathered was told.
func settle() {
	time.Sleep(2 * time.Second)
	synctest.Wait()
}

func checkPresent(t *testing.T, h *hubs, want int) {
	t.Helper()
	users, count := h.Present("lobby", 10_000)
	if count != want {
		t.Errorf("%s counts %d, want %d", h.name, count, want)
	}
	seen := make(map[string]bool)
	for _, u := range users {
		if seen[u.ID] {
			t.Errorf("%s names %s twice", h.name, u.Name)
		}
		seen[u.ID] = true
	}
	if want <= 500 && len(users) != want {
		t.Errorf("%s names %d, want %d", h.name, len(users), want)
	}
}

func TestPeopleOfAllNodesAreCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := cluster(3)
		var outs [6]recorder
		var sessions []*hub.Session
		for i := range outs { // each of three people on two nodes
			s := connect(nodes[i%3].Hub, fmt.Sprint("c", i), user(i/2), &outs[i])
			join(s, lobby, 0)
			sessions = append(sessions, s)
		}
		settle()
		for _, n := range nodes {
			checkPresent(t, n, 3)
		}
		for i := range outs {
			outs[i].took()
		}
		sessions[0].Close() // person 0 is on node 1 still
		settle()
		for _, n := range nodes {
			checkPresent(t, n, 3)
		}
		check(t, &outs[2])
		sessions[1].Close()
		settle()
		for _, n := range nodes {
			checkPresent(t, n, 2)
		}
		check(t, &outs[2], "presence lobby user 0 false")
		for _, s := range sessions {
			s.Close()
		}
		settle()
		for _, n := range nodes {
			checkPresent(t, n, 0)
		}
	})
}

func TestWhoComesBackElsewhereWasNeverAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := cluster(2)
		var out, first, second recorder
		watcher := connect(nodes[0].Hub, "w", ann, &out)
		defer watcher.Close()
		join(watcher, lobby, 0)
		a := connect(nodes[0].Hub, "a", bob, &first)
		join(a, lobby, 0)
		settle()
		out.took()
		b := connect(nodes[1].Hub, "b", bob, &second)
		defer b.Close()
		join(b, lobby, 0)
		settle()
		a.Close()
		settle()
		check(t, &out)
		c := connect(nodes[0].Hub, "c", bob, &first)
		join(c, lobby, 0)
		b.Close()
		settle()
		check(t, &out)
		checkPresent(t, nodes[0], 2)
		d := connect(nodes[1].Hub, "d", bob, &second)
		join(d, lobby, 0)
		time.Sleep(300 * time.Millisecond)
		c.Close() // he is on his way out when he is said to be elsewhere
		settle()
		check(t, &out)
		checkPresent(t, nodes[0], 2)
		d.Close()
		settle()
		check(t, &out, "presence lobby bob false")
		checkPresent(t, nodes[0], 1)
	})
}

func TestCrowdsAreCountedNotNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := cluster(2)
		var out recorder
		watcher := connect(nodes[0].Hub, "w", ann, &out)
		defer watcher.Close()
		join(watcher, lobby, 0)
		var crowd []*hub.Session
		for i := range 700 {
			s := connect(nodes[1].Hub, fmt.Sprint("c", i), user(i), new(recorder))
			join(s, lobby, 0)
			crowd = append(crowd, s)
		}
		settle()
		check(t, &out)
		checkPresent(t, nodes[0], 701)
		for _, news := range nodes[1].news {
			if p := news.Presence; p != nil && p.Count > 500 && len(p.Came) > 0 {
				t.Errorf("%d of %d were named", len(p.Came), p.Count)
			}
		}
		for _, s := range crowd[10:] {
			s.Close()
		}
		settle()
		checkPresent(t, nodes[0], 11) // who can be named is, again
		crowd[0].Close()
		out.took()
		settle()
		check(t, &out, "presence lobby user 0 false")
		for _, s := range crowd {
			s.Close()
		}
	})
}

func TestNodesThatAreNotHeardAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := cluster(2)
		var outs [2]recorder
		for i, u := range []parley.User{ann, bob} {
			s := connect(nodes[i].Hub, fmt.Sprint("c", i), u, &outs[i])
			defer s.Close()
			join(s, lobby, 0)
		}
		settle()
		if !nodes[0].Online(bob.ID) || nodes[0].Online("nobody") {
			t.Error("who is on another node is not online")
		}
		nodes[1].setCut(true)
		time.Sleep(10 * time.Second)
		if silent, _ := nodes[0].Forget(6 * time.Second); !silent {
			t.Error("a silent node is not noticed")
		}
		checkPresent(t, nodes[0], 2)
		time.Sleep(25 * time.Second)
		nodes[0].Forget(6 * time.Second)
		settle()
		checkPresent(t, nodes[0], 1)
		if nodes[0].Online(bob.ID) {
			t.Error("who was on a node that is gone is online")
		}
		outs[0].took()

		nodes[1].setCut(false)
		nodes[1].TellOnline()
		nodes[1].TellRooms(0, 1, true)
		settle()
		checkPresent(t, nodes[0], 2)
		checkPresent(t, nodes[1], 2)
		check(t, &outs[0], "presence lobby bob true")
		if _, met := nodes[0].Forget(6 * time.Second); !met {
			t.Error("a node that is back is not noticed")
		}
		nodes[0].Deliver(parley.News{Pulse: &parley.Pulse{Node: "n1", Gone: true}})
		settle()
		checkPresent(t, nodes[0], 1)
	})
}

func TestWhoLeftUnheardIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := cluster(2)
		var outs [2]recorder
		var sessions []*hub.Session
		for i, u := range []parley.User{ann, bob} {
			s := connect(nodes[i].Hub, fmt.Sprint("c", i), u, &outs[i])
			defer s.Close()
			join(s, lobby, 0)
			sessions = append(sessions, s)
		}
		settle()
		outs[0].took()
		pass := func(d time.Duration, ask bool) {
			for range d / hub.RoomTime {
				time.Sleep(hub.RoomTime)
				for _, n := range nodes {
					n.TellRooms(0, 1, ask)
				}
			}
			settle()
		}
		pass(5*time.Minute, false)
		pass(time.Minute, true)
		check(t, &outs[0])
		nodes[1].setCut(true)
		sessions[1].Close() // and its node has nothing to do with the room any more
		settle()
		nodes[1].setCut(false)
		pass(hub.RoomTime, false)
		checkPresent(t, nodes[0], 2)
		pass(3*hub.RoomTime, false)
		check(t, &outs[0], "presence lobby bob false")
		checkPresent(t, nodes[0], 1)
	})
}

func TestManyPeopleAreToldInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := cluster(2)
		const many = 9000
		sessions := make([]*hub.Session, many)
		for i := range sessions {
			sessions[i] = connect(nodes[0].Hub, fmt.Sprint("c", i), user(i), new(recorder))
		}
		settle()
		online := func() (count int) {
			for i := range sessions {
				if nodes[1].Online(user(i).ID) {
					count++
				}
			}
			return count
		}
		if n := online(); n != many {
			t.Errorf("%d are online, want %d", n, many)
		}
		nodes[0].setCut(true)
		for _, s := range sessions[1:] {
			s.Close()
		}
		settle()
		nodes[0].setCut(false)
		nodes[0].TellOnline()
		if n := online(); n != 1 {
			t.Errorf("%d are online, want 1", n)
		}
		for _, news := range nodes[0].news {
			if o := news.Online; o != nil && (len(o.Came)+len(o.Left) > 10_000 || !slices.IsSorted(o.Came)) {
				t.Errorf("a piece has %d and %d people", len(o.Came), len(o.Left))
			}
		}
		sessions[0].Close()
		settle()
	})
}

func TestMessagesComeNextOrNotAtAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(gone)
		var out recorder
		s := connect(h, "c1", ann, &out)
		defer s.Close()
		if _, here := h.Next(message("lobby", 1).Message); here {
			t.Error("a room is here that nobody has to do with")
		}
		room := lobby
		room.Last = 2
		join(s, room, 2)
		for _, step := range []struct{ seq, last int64 }{{2, 2}, {4, 2}, {3, 3}, {3, 3}, {4, 4}} {
			if last, here := h.Next(message("lobby", step.seq).Message); last != step.last || !here {
				t.Errorf("after message %d the last is %d, want %d", step.seq, last, step.last)
			}
		}
		h.Skip("lobby", 9)
		h.Skip("lobby", 5)
		h.Next(message("lobby", 10).Message)
		check(t, &out, "message lobby 3", "message lobby 4", "message lobby 10")
	})
}
