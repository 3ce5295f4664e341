package engineio_test

import (
	"sync"
	"testing"

	"github.com/seed-4a326f83/parley/socketio/engineio"
)

// A session that is being closed while a GET request waits has that one answered, whatever other comes at the same time.
func TestTwoPollsWhileClosing(t *testing.T) {
	for range 200 {
		inWorld(t, slow, func(t *testing.T, w *world) {
			sid := w.poll()
			s := w.session()
			p := w.dial("&sid=" + sid)
			p.send("2probe")
			p.want("3probe")
			first := w.beginGet(sid)
			w.waits(first)
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() { pollAny(w, sid) })
			}
			wg.Go(func() {
				s.Send(engineio.Text([]byte("last")))
				s.Close()
			})
			wg.Wait()
			<-first
		})
	}
}
