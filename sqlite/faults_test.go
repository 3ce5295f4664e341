package sqlite

import (
	"sync/atomic"
	"testing"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/internal/storetest"
)

func TestStoreThroughFaults(t *testing.T) {
	storetest.RunFaults(t, func(t *testing.T) (parley.Store, func(storetest.Moment)) {
		w := newWorld(t)
		var next atomic.Pointer[storetest.Moment]
		at := func(after bool) func(string) error {
			return func(query string) error {
				when := next.Load()
				if query != "COMMIT" || when == nil || after != (*when == storetest.AfterCommit) || !next.CompareAndSwap(when, nil) {
					return nil
				}
				return errDisk
			}
		}
		w.breaks(at(false), at(true))
		return w.Store, func(when storetest.Moment) { next.Store(&when) }
	})
}
