package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
)

// seqs returns the seqs of the messages of a room that a client was told.
func (c *client) seqs(room string) (seqs []int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ev := range c.events {
		var m struct {
			Type, Room string
			Seq        int64
		}
		if json.Unmarshal([]byte(ev), &m); m.Type == parley.EventMessage && m.Room == room {
			seqs = append(seqs, m.Seq)
		}
	}
	return seqs
}

// wantAll fails the test unless the client was told a room's messages from from
// to to, each once and in order.
func (c *client) wantAll(room string, from, to int64) {
	c.t.Helper()
	got := c.seqs(room)
	for i, seq := range got {
		if seq != from+int64(i) {
			c.t.Fatalf("%s: told %v, want %d to %d", room, got, from, to)
		}
	}
	if int64(len(got)) != to-from+1 {
		c.t.Fatalf("%s: told %d messages to %v, want %d to %d", room, len(got), got[max(len(got)-1, 0):], from, to)
	}
}

// A reader is a person who moves from node to node, and the seqs that they were
// given, by room.
type reader struct {
	*client
	rooms []string
	got   map[string][]int64
}

// settleOn has the reader connect to a node, and go on from where they were.
func (r *reader) settleOn(t *testing.T, node *chat.Chat) {
	t.Helper()
	var session parley.SessionToken
	if r.client != nil {
		session = r.hello.Session
		r.Close()
		for _, room := range r.rooms {
			r.got[room] = append(r.got[room], r.seqs(room)...)
		}
	}
	r.client = connect(t, node)
	if session == "" {
		r.hello = must[chat.HelloAck](r.client, chat.Request{Type: "hello", Name: "reader"})
	} else {
		r.hello = must[chat.HelloAck](r.client, chat.Request{Type: "hello", Session: string(session)})
	}
	for _, room := range r.rooms {
		ack := must[chat.JoinAck](r.client, chat.Request{Type: "join", Room: room, Since: ptr(int64(len(r.got[room])))})
		for _, m := range ack.Messages {
			r.got[room] = append(r.got[room], m.Seq)
		}
	}
}

func TestNodesTellEachOtherWhateverTheBusLoses(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			chance := rand.New(rand.NewPCG(seed, 7))
			e := &ether{
				chance: rand.New(rand.NewPCG(seed, 8)), loss: chance.Float64() / 2, double: chance.Float64() / 2,
				slowest: time.Duration(chance.IntN(200)) * time.Millisecond,
			}
			clustered(t, 3, e, nil, func(t *testing.T, c *testCluster) {
				rooms := []string{"tea", "mate", "yerba"}
				readers := make([]*reader, 9)
				for i := range readers {
					readers[i] = &reader{rooms: rooms, got: make(map[string][]int64)}
					readers[i].settleOn(t, c.nodes[i%3])
				}
				last := make(map[string]int64)
				for i := range 80 {
					room, who := rooms[chance.IntN(len(rooms))], readers[chance.IntN(len(readers))]
					last[room] = must[chat.PublishAck](who.client, text(room, fmt.Sprint("m", i))).Seq
					switch chance.IntN(20) {
					case 0:
						c.ends[chance.IntN(3)].link(chance.IntN(2) == 0)
					case 1:
						c.ends[chance.IntN(3)].cut(chance.IntN(2) == 0)
					case 2, 3:
						readers[chance.IntN(len(readers))].settleOn(t, c.nodes[chance.IntN(3)])
					case 4:
						time.Sleep(time.Duration(chance.IntN(3000)) * time.Millisecond)
					default:
						time.Sleep(time.Duration(chance.IntN(20)) * time.Millisecond)
					}
				}
				time.Sleep(90 * time.Second) // whatever was lost, the store is asked
				synctest.Wait()
				for i, r := range readers {
					r.Close()
					for _, room := range rooms {
						got := append(r.got[room], r.seqs(room)...)
						for j, seq := range got {
							if seq != int64(j+1) {
								t.Fatalf("reader %d, %s: given %v", i, room, got)
							}
						}
						if int64(len(got)) != last[room] {
							t.Errorf("reader %d, %s: given %d messages of %d", i, room, len(got), last[room])
						}
					}
				}
			})
		})
	}
}

// acquainted returns two people, on a node each, in a room of the first one's,
// when the nodes have met.
func (c *testCluster) acquainted(t *testing.T) (ann, ben *client) {
	ann, ben = guest(t, c.nodes[0], "ann"), guest(t, c.nodes[1], "ben")
	for _, cl := range []*client{ann, ben} {
		must[chat.JoinAck](cl, chat.Request{Type: "join", Room: "tea"})
	}
	time.Sleep(10 * time.Second)
	return ann, ben
}

func TestNodesGoOnWithoutABus(t *testing.T) {
	clustered(t, 3, reliable(), nil, func(t *testing.T, c *testCluster) {
		ann, ben := c.acquainted(t)
		defer ann.Close()
		defer ben.Close()
		for _, end := range c.ends {
			end.link(false)
		}
		must[chat.PublishAck](ann, text("tea", "a"))
		ann.told("none")
		ann.events = nil
		must[chat.PublishAck](ann, text("tea", "b"))
		time.Sleep(3 * time.Second)
		synctest.Wait()
		ann.wantAll("tea", 2, 2)
		ben.wantAll("tea", 1, 2)
	})
}

// TestALostChangeOfARoomArrives: a name that was given while the bus was away is
// told when it is back, to those who listen and to those who do not.
func TestALostChangeOfARoomArrives(t *testing.T) {
	clustered(t, 2, reliable(), nil, func(t *testing.T, c *testCluster) {
		ann, ben := c.acquainted(t)
		defer ann.Close()
		defer ben.Close()
		other := connect(t, c.nodes[1])
		defer other.Close()
		must[chat.HelloAck](other, chat.Request{Type: "hello", Session: string(ben.hello.Session)})
		for _, end := range c.ends {
			end.cut(true)
		}
		name := "Tea at five"
		by := chat.Caller{Account: parley.Account{User: ann.hello.User}}
		if _, err := c.nodes[0].ChangeRoom(t.Context(), by, "tea", parley.RoomChange{Name: &name}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		for _, end := range c.ends {
			end.cut(false)
			end.link(true)
		}
		time.Sleep(40 * time.Second) // past what is read anew every so often, too
		for who, cl := range map[string]*client{"ann": ann, "ben": ben, "ben, who has not joined": other} {
			if told := cl.told("room"); len(told) != 1 || !strings.Contains(told[0], name) {
				t.Errorf("%s was told %q", who, told)
			}
		}
	})
}

func TestALostLastMessageArrives(t *testing.T) {
	clustered(t, 2, reliable(), nil, func(t *testing.T, c *testCluster) {
		ann, ben := c.acquainted(t)
		defer ann.Close()
		defer ben.Close()
		c.ends[0].cut(true) // for a moment, and nobody notices
		must[chat.PublishAck](ann, text("tea", "a"))
		time.Sleep(10 * time.Millisecond)
		c.ends[0].cut(false)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		ben.wantAll("tea", 1, 1)

		// A node that says nothing any more may have said something.
		c.ends[0].cut(true)
		must[chat.PublishAck](ann, text("tea", "b"))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		ben.wantAll("tea", 1, 2)
	})
}

func TestPresenceOfOtherNodes(t *testing.T) {
	clustered(t, 3, reliable(), nil, func(t *testing.T, c *testCluster) {
		ann := guest(t, c.nodes[0], "ann")
		defer ann.Close()
		must[chat.JoinAck](ann, chat.Request{Type: "join", Room: "tea"})
		ben := guest(t, c.nodes[1], "ben")
		must[chat.JoinAck](ben, chat.Request{Type: "join", Room: "tea"})
		time.Sleep(2 * time.Second)
		wantTold(t, ann, parley.EventPresence, `"name":"ben"},"online":true`)
		wantTold(t, ben, parley.EventPresence, `"name":"ann"},"online":true`)
		who := must[chat.PresenceAck](ann, chat.Request{Type: "presence", Room: "tea"})
		if who.Count != 2 || len(who.Users) != 2 {
			t.Errorf("ann finds %+v", who)
		}
		must[chat.Done](ben, chat.Request{Type: "signal", Room: "tea", Kind: "typing"})
		time.Sleep(time.Second)
		wantTold(t, ann, parley.EventSignal, `"typing"`)

		// He is there on two nodes: leaving one is no leaving.
		token := must[chat.HelloAck](connect(t, c.nodes[1]), chat.Request{Type: "hello", Name: "cat"}).Session
		cats := [2]*client{}
		for i := range cats {
			cats[i] = connect(t, c.nodes[1+i])
			must[chat.HelloAck](cats[i], chat.Request{Type: "hello", Session: string(token)})
			must[chat.JoinAck](cats[i], chat.Request{Type: "join", Room: "tea"})
		}
		time.Sleep(2 * time.Second)
		wantTold(t, ann, parley.EventPresence, `"name":"cat"},"online":true`)
		cats[0].Close()
		time.Sleep(2 * time.Second)
		wantTold(t, ann, parley.EventPresence)
		cats[1].Close()
		time.Sleep(2 * time.Second)
		wantTold(t, ann, parley.EventPresence, `"name":"cat"},"online":false`)
		ben.Close()
		time.Sleep(2 * time.Second)
		wantTold(t, ann, parley.EventPresence, `"name":"ben"},"online":false`)
		if who := must[chat.PresenceAck](ann, chat.Request{Type: "presence", Room: "tea"}); who.Count != 1 || len(who.Users) != 1 {
			t.Errorf("ann finds %+v", who)
		}
	})
}

// wantTold fails the test unless the client was told so many events of a type,
// each with a piece of text in it.
func wantTold(t *testing.T, c *client, typ string, pieces ...string) {
	t.Helper()
	told := c.told(typ)
	if len(told) != len(pieces) {
		t.Fatalf("told %q, want %q", told, pieces)
	}
	for i, piece := range pieces {
		if !strings.Contains(told[i], piece) {
			t.Errorf("told %s, want %s", told[i], piece)
		}
	}
}

func TestANodeThatIsSilentIsForgotten(t *testing.T) {
	clustered(t, 2, reliable(), nil, func(t *testing.T, c *testCluster) {
		ann, ben := c.acquainted(t)
		defer ann.Close()
		defer ben.Close()
		time.Sleep(2 * time.Second)
		wantTold(t, ann, parley.EventPresence, `"ben"`)
		online := func() bool {
			people, err := c.nodes[0].People(t.Context(), "ben", 1)
			if err != nil || len(people) != 1 {
				t.Fatal(people, err)
			}
			return people[0].Online
		}
		if !online() {
			t.Error("ben is not online for the other node")
		}
		c.ends[1].cut(true)
		time.Sleep(20 * time.Second)
		wantTold(t, ann, parley.EventPresence)
		time.Sleep(20 * time.Second)
		wantTold(t, ann, parley.EventPresence, `"online":false`)
		if online() {
			t.Error("ben is online on a node that is forgotten")
		}
		c.ends[1].cut(false)
		time.Sleep(35 * time.Second)
		wantTold(t, ann, parley.EventPresence, `"online":true`)
		if !online() {
			t.Error("ben is not online again")
		}
		c.nodes[1].Close(context.Background())
		time.Sleep(time.Second)
		wantTold(t, ann, parley.EventPresence, `"online":false`)
	})
}

// A faultyStore fails while it is told to.
type faultyStore struct {
	parley.Store
	down atomic.Bool
}

var errDown = errors.New("down")

func (s *faultyStore) Standing(ctx context.Context, users []string, now time.Time) (map[string]parley.Standing, error) {
	if s.down.Load() {
		return nil, errDown
	}
	return s.Store.Standing(ctx, users, now)
}

func (s *faultyStore) Heads(ctx context.Context, rooms []string) (map[string]parley.Room, error) {
	if s.down.Load() {
		return nil, errDown
	}
	return s.Store.Heads(ctx, rooms)
}

func (s *faultyStore) History(ctx context.Context, room string, r parley.Range) (parley.Page, error) {
	if s.down.Load() {
		return parley.Page{}, errDown
	}
	return s.Store.History(ctx, room, r)
}

// hasEnded returns how a client's connection was ended.
func (c *client) hasEnded() (parley.Ending, bool) {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending, c.ended
}

func TestWhoIsOutIsOutEverywhere(t *testing.T) {
	clustered(t, 2, reliable(), nil, func(t *testing.T, c *testCluster) {
		ann := guest(t, c.nodes[1], "ann")
		defer ann.Close()
		admin := chat.Caller{Account: parley.Account{Role: parley.Admin}}
		if err := c.nodes[0].Remove(t.Context(), admin, userOf(ann)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if e, ended := ann.hasEnded(); !ended || e.Code != parley.CloseRemoved {
			t.Errorf("a second after being removed on another node: %+v, %v", e, ended)
		}
	})
}

func userOf(c *client) string { return c.hello.User.ID }

func TestWhoIsOutIsFoundOut(t *testing.T) {
	var store *faultyStore
	wrap := func(s parley.Store) parley.Store { store = &faultyStore{Store: s}; return store }
	clustered(t, 2, reliable(), wrap, func(t *testing.T, c *testCluster) {
		ctx := t.Context()
		removed, signedOut, stays := guest(t, c.nodes[1], "ann"), guest(t, c.nodes[1], "ben"), guest(t, c.nodes[1], "cat")
		added := guest(t, c.nodes[0], "dan")
		for _, cl := range []*client{removed, signedOut, stays, added} {
			defer cl.Close()
		}
		must[chat.JoinAck](stays, chat.Request{Type: "join", Room: "mate"})
		for _, cl := range []*client{removed, signedOut, stays} {
			must[chat.JoinAck](cl, chat.Request{Type: "join", Room: "tea"})
		}
		time.Sleep(31 * time.Second)
		for _, cl := range []*client{removed, signedOut, stays} {
			if e, ended := cl.hasEnded(); ended {
				t.Fatalf("who may be here was ended: %+v", e)
			}
		}

		// What the store has, and nobody told.
		store.down.Store(true)
		if err := store.RemoveUser(ctx, userOf(removed), time.Now()); err != nil {
			t.Fatal(err)
		}
		if err := store.EndSession(ctx, signedOut.hello.Session.Hash()); err != nil {
			t.Fatal(err)
		}
		if err := store.Leave(ctx, "tea", userOf(stays)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := store.AddMember(ctx, "mate", userOf(stays), userOf(added), time.Now()); err != nil {
			t.Fatal(err)
		}
		stays.told("none")
		time.Sleep(2 * time.Minute)
		for _, cl := range []*client{removed, signedOut, stays, added} {
			if e, ended := cl.hasEnded(); ended {
				t.Errorf("somebody was ended while the store could not be asked: %+v", e)
			}
		}
		store.down.Store(false)
		time.Sleep(32 * time.Second)
		for _, cl := range []*client{removed, signedOut} {
			if e, ended := cl.hasEnded(); !ended || e.Code != parley.CloseRemoved {
				t.Errorf("who may not be here: %+v, %v", e, ended)
			}
		}
		if _, ended := stays.hasEnded(); ended {
			t.Error("who left a room was ended")
		}
		wantTold(t, stays, parley.EventRoom, `"id":"tea","left":true`)
		wantTold(t, added, parley.EventRoom, `"id":"mate"`)
	})
}
