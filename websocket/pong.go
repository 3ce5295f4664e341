package websocket

import (
	"context"
	"fmt"

	"github.com/seed-4a326f83/parley/websocket/internal/proto"
)

// Pong sends a pong that nobody asked for, as a sign of life that wants no answer (RFC 6455 section 5.5.3). Pings are
// answered without it, by reads. The payload may have up to 125 bytes.
func (c *Conn) Pong(ctx context.Context, payload []byte) error {
	if len(payload) > proto.MaxControlPayload {
		return fmt.Errorf("websocket: a pong of %d bytes; it may have %d at most", len(payload), proto.MaxControlPayload)
	}
	return c.writeFrame(ctx, c.header(proto.Pong, true), payload)
}
