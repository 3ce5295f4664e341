package examples

import (
	"encoding/json"
	"testing"
)

// TestPages drives pages in real Chromium: pages.test.mjs.
func TestPages(t *testing.T) {
	t.Parallel()
	addresses := make(map[string]string)
	for _, name := range []string{"broadcast", "onetoone", "echo", "relay", "ticker", "cursors"} {
		addresses[name] = start(t, name).addr
	}
	env, err := json.Marshal(addresses)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", script(t, []string{"EXAMPLES=" + string(env)}, "--test", "pages.test.mjs"))
}
