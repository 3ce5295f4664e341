package nats

import (
	"strings"
	"testing"

	"github.com/seed-4a326f83/parley/hub"
)

func TestErrorsDoNotTellThePassword(t *testing.T) {
	local := hub.NewBus(1)
	defer local.Close()
	for _, url := range []string{"nats://bob:hunter2%zz@h", "nats://bob:hunter2/x@h", "nats://bob:hunter2@[::1"} {
		b, err := Connect(Options{URLs: []string{"nats://127.0.0.1:1", url}, Local: local})
		switch {
		case err == nil:
			b.Close()
			t.Errorf("%s was taken", url)
		case strings.Contains(err.Error(), "hunter2"):
			t.Errorf("the password is told: %v", err)
		case !strings.Contains(err.Error(), "nats://host:4222"):
			t.Errorf("it does not tell what would be right: %v", err)
		}
	}
}
