package chat_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
)

// TestAHoleThatOpensWhileAnotherIsRead is a page that came too late to be of use:
// what it was to bring came by itself, and then something else was missing, which
// the page is too old to have.
func TestAHoleThatOpensWhileAnotherIsRead(t *testing.T) {
	var slow *slowStore
	wrap := func(s parley.Store) parley.Store { slow = &slowStore{Store: s}; return slow }
	clustered(t, 2, reliable(), wrap, func(t *testing.T, c *testCluster) {
		ann, ben := guest(t, c.nodes[0], "ann"), guest(t, c.nodes[1], "ben")
		defer ann.Close()
		defer ben.Close()
		for _, cl := range []*client{ann, ben} {
			must[chat.JoinAck](cl, chat.Request{Type: "join", Room: "tea"})
		}
		time.Sleep(10 * time.Second) // they have met
		c.ends[1].cut(true)          // what is said comes as this test has it
		say := func(ids ...string) {
			for _, id := range ids {
				must[chat.PublishAck](ann, text("tea", id))
			}
		}
		come := func(seq int64) {
			page, err := slow.Store.History(context.Background(), "tea", parley.Range{From: seq - 1, Limit: 1})
			if err != nil {
				t.Fatal(err)
			}
			c.ends[1].Bus.Publish(context.Background(), parley.News{Message: &page.Messages[0]})
		}
		slow.takes = time.Second
		say("a", "b")
		come(2)
		time.Sleep(500 * time.Millisecond) // what is before it is being read
		come(1)
		say("c", "d")
		come(4)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		ben.wantAll("tea", 1, 4)
	})
}
