package chat_test

import (
	"path/filepath"
	"testing"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/hub"
	"github.com/seed-4a326f83/parley/sqlite"
)

// TestAnyNodeMakesTheFirstAdmin: a load balancer chooses the node, and each node
// has printed a link of its own.
func TestAnyNodeMakesTheFirstAdmin(t *testing.T) {
	ctx := t.Context()
	store, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "parley.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var nodes [2]*chat.Chat
	var links [2]parley.SessionToken
	for i := range nodes {
		bus := hub.NewBus(16)
		defer bus.Close()
		nodes[i] = chat.New(chat.Config{Store: store, Bus: bus})
		defer nodes[i].Close(ctx)
		if links[i], err = chat.SetupTicket(ctx, store); err != nil || links[i] == "" {
			t.Fatalf("link %d: %q, %v", i, links[i], err)
		}
	}
	if has, err := nodes[0].HasAdmin(ctx); has || err != nil {
		t.Errorf("before: %v, %v", has, err)
	}
	if a, err := nodes[1].SetUp(ctx, links[0], "ann", "correct horse"); err != nil || a.Role != parley.Admin {
		t.Fatalf("the first link on the second node: %v, %v", a, err)
	}
	for i, n := range nodes {
		if has, err := n.HasAdmin(ctx); !has || err != nil {
			t.Errorf("node %d afterwards: %v, %v", i, has, err)
		}
		if _, err := n.SetUp(ctx, links[i], "eve", "correct horse"); parley.ErrorCode(err) != parley.CodeNotFound {
			t.Errorf("link %d afterwards: %v", i, err)
		}
		if _, err := n.SignUp(ctx, &links[i], "eve", "correct horse"); parley.ErrorCode(err) != parley.CodeNotFound {
			t.Errorf("link %d as an invitation: %v", i, err)
		}
	}
	if link, err := chat.SetupTicket(ctx, store); link != "" || err != nil {
		t.Errorf("with an admin: %q, %v", link, err)
	}
}
