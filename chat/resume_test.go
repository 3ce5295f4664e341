package chat_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
)

// A slowStore takes its time for a page: the answer is as of when it was asked.
type slowStore struct {
	parley.Store
	takes time.Duration
	pages atomic.Int64 // that were asked for
}

func (s *slowStore) History(ctx context.Context, room string, r parley.Range) (parley.Page, error) {
	page, err := s.Store.History(ctx, room, r)
	s.pages.Add(1)
	time.Sleep(s.takes)
	return page, err
}

func TestThoseWhoComeBackAtOnceShareAQuery(t *testing.T) {
	var slow *slowStore
	wrap := func(s parley.Store) parley.Store { slow = &slowStore{Store: s}; return slow }
	clustered(t, 1, reliable(), wrap, func(t *testing.T, c *testCluster) {
		token := must[chat.HelloAck](connect(t, c.nodes[0]), chat.Request{Type: "hello", Name: "ann"}).Session
		clients := make([]*client, 90) // as many as one person may have
		for i := range clients {
			clients[i] = connect(t, c.nodes[0])
			must[chat.HelloAck](clients[i], chat.Request{Type: "hello", Session: string(token)})
			defer clients[i].Close()
		}
		must[chat.JoinAck](clients[0], chat.Request{Type: "join", Room: "tea"})
		for i := range 5 {
			must[chat.PublishAck](clients[0], text("tea", fmt.Sprint(i)))
		}
		slow.takes = time.Second
		slow.pages.Store(0)
		var wg sync.WaitGroup
		for _, cl := range clients {
			wg.Go(func() {
				if ack := must[chat.JoinAck](cl, chat.Request{Type: "join", Room: "tea", Since: ptr(int64(2))}); len(ack.Messages) != 3 || ack.Last != 5 {
					t.Errorf("given %+v", ack)
				}
			})
		}
		wg.Wait()
		if n := slow.pages.Load(); n != 2 { // the first one's, and one of all who came meanwhile
			t.Errorf("%d queries for %d who come back", n, len(clients))
		}
	})
}

func TestASharedPageIsNotOlderThanTheSubscription(t *testing.T) {
	var slow *slowStore
	wrap := func(s parley.Store) parley.Store { slow = &slowStore{Store: s}; return slow }
	clustered(t, 1, reliable(), wrap, func(t *testing.T, c *testCluster) {
		ann, ben, cat := guest(t, c.nodes[0], "ann"), guest(t, c.nodes[0], "ben"), guest(t, c.nodes[0], "cat")
		for _, cl := range []*client{ann, ben, cat} {
			defer cl.Close()
			must[chat.JoinAck](cl, chat.Request{Type: "join", Room: "tea"})
		}
		must[chat.Done](cat, chat.Request{Type: "leave", Room: "tea"})
		must[chat.PublishAck](ann, text("tea", "first"))
		slow.takes = time.Second
		var wg sync.WaitGroup
		rejoin := func(cl *client, last int64) {
			defer wg.Done()
			ack := must[chat.JoinAck](cl, chat.Request{Type: "join", Room: "tea", Since: ptr(int64(0))})
			synctest.Wait()
			got := cl.seqs("tea")
			if int64(len(ack.Messages)) != ack.Last || ack.Last < last {
				t.Errorf("given %d messages, told %v", len(ack.Messages), got)
			}
		}
		wg.Add(2)
		go rejoin(ben, 1)
		synctest.Wait() // what ben is given has been read
		must[chat.PublishAck](ann, text("tea", "second"))
		synctest.Wait() // and told to those who are there
		go rejoin(cat, 2)
		wg.Wait()
	})
}
