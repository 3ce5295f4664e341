package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// tidyEvery is how often the server looks whether it has become quiet.
	tidyEvery = 10 * time.Second
	// A server is quiet that has allocated less than quietBytes since it last
	// looked, and has something to give back once it has allocated rushBytes.
	quietBytes = 4 << 20
	rushBytes  = 16 << 20
)

// tidy gives memory back to the system when a rush is over, until ctx is done.
// Go keeps about as much again as is in use, to be quick, and gives little of it
// back while nothing happens: after ten thousand people have connected at once,
// that is more than all of them need from then on.
func tidy(ctx context.Context) {
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	var r rush
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		metrics.Read(sample)
		if r.over(sample[0].Value.Uint64()) {
			debug.FreeOSMemory()
		}
	}
}

// A rush is much allocated, then little.
type rush struct {
	last  uint64 // bytes ever allocated when it was looked at last
	freed uint64 // and when memory was last given back
}

// over reports whether a rush has ended, given the bytes ever allocated.
func (r *rush) over(allocated uint64) bool {
	quiet := allocated-r.last < quietBytes
	r.last = allocated
	if !quiet || allocated-r.freed < rushBytes {
		return false
	}
	r.freed = allocated
	return true
}
