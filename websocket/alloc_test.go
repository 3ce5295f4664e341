package websocket_test

import (
	"io"
	"testing"

	"github.com/seed-4a326f83/parley/websocket"
)

// TestMessagesAreNotAllocatedFor holds what is said to allocate nothing to it. The network connection is one of the
// standard library, which allocates nothing either.
func TestMessagesAreNotAllocatedFor(t *testing.T) {
	if raceEnabled { // its pools forget at random
		return
	}
	message := make([]byte, 125)
	prepared := websocket.Prepare(websocket.MessageBinary, message)
	for _, event := range []bool{false, true} {
		echoed := newRawEcho(t, event, 125, 1)
		sent := newRawEcho(t, event, 125, 1)
		receive := func() {
			if _, err := io.ReadFull(sent.nc, sent.answer); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			what string
			most float64
			do   func()
		}{
			// Read hands its message out, to be kept: that is one. A Handler's is good until it returns.
			{"an echo", map[bool]float64{false: 1, true: 0}[event], func() { echoed.roundTrip(t) }},
			{"Write", 0, func() {
				if err := sent.conn.Write(bg, websocket.MessageBinary, message); err != nil {
					t.Fatal(err)
				}
				receive()
			}},
			{"WritePrepared", 0, func() {
				if err := sent.conn.WritePrepared(bg, prepared); err != nil {
					t.Fatal(err)
				}
				receive()
			}},
			{"SendPrepared", map[bool]float64{false: 8, true: 0}[event], func() { // without event mode, a goroutine sends
				if err := sent.conn.SendPrepared(prepared); err != nil {
					t.Fatal(err)
				}
				receive()
			}},
			{"Send", map[bool]float64{false: 8, true: 0}[event], func() {
				if err := sent.conn.Send(websocket.MessageBinary, message); err != nil {
					t.Fatal(err)
				}
				receive()
			}},
		} {
			if n := testing.AllocsPerRun(500, c.do); n > c.most {
				t.Errorf("%s, in %s mode: %v allocations, want at most %v", c.what, modeName(event), n, c.most)
			}
		}
	}
}
