package nats

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// TestWhatIsRefusedOftenIsToldOnce is an account that may not publish: each
// message brings an error.
func TestWhatIsRefusedOftenIsToldOnce(t *testing.T) {
	var log bytes.Buffer
	b := &Bus{log: slog.New(slog.NewTextHandler(&log, nil))}
	for range 100 {
		b.failed(errors.New("nats: permissions violation"))
	}
	if n := strings.Count(log.String(), "permissions violation"); n != 1 {
		t.Errorf("it was told %d times", n)
	}
}
