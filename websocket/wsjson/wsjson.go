// Package wsjson reads and writes JSON messages over WebSocket connections.
package wsjson

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/seed-4a326f83/parley/websocket"
)

// Read reads a message, of either type, and decodes it from JSON into v. A message that is not JSON, or does not fit v, is
// an error that leaves the connection good: the caller may answer it, or close with
// websocket.StatusInvalidFramePayloadData.
func Read(ctx context.Context, c *websocket.Conn, v any) error {
	_, p, err := c.Read(ctx)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(p, v); err != nil {
		return fmt.Errorf("wsjson: the message is not the JSON that was expected: %w", err)
	}
	return nil
}

// Write encodes v as JSON and sends it as a text message. It may be called from any number of goroutines.
func Write(ctx context.Context, c *websocket.Conn, v any) error {
	p, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("wsjson: encoding the message: %w", err)
	}
	return c.Write(ctx, websocket.MessageText, p)
}
