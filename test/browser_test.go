package test

import (
	"os"
	"testing"
	"time"
)

// TestBrowser drives the page in real Chromium. The tests themselves are
// browser/*.test.mjs; screenshots go to artifacts.
func TestBrowser(t *testing.T) {
	t.Parallel()
	chromium := os.Getenv("CHROMIUM")
	if chromium == "" {
		chromium = "/usr/bin/chromium"
	}
	needs(t, "node", chromium)
	if _, err := os.Stat("node_modules/playwright-core"); err != nil {
		t.Fatalf("%v; run `npm ci` in test, or `make test`", err)
	}
	for _, file := range []string{"silence", "talk", "page", "messages", "list", "look", "find", "people", "signin", "polling"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			newControl(t).run(5*time.Minute, ".", "node", "--test", "browser/"+file+".test.mjs")
		})
	}
}
