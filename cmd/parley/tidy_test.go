package main

import "testing"

func TestMemoryIsGivenBackOnceAfterARush(t *testing.T) {
	const mb = 1 << 20
	var r rush
	for i, step := range []struct {
		allocated uint64
		over      bool
	}{
		{3 * mb, false}, // nothing to give back
		{30 * mb, false},
		{60 * mb, false}, // it goes on
		{61 * mb, true},
		{62 * mb, false}, // it was given back
		{65 * mb, false},
		{68 * mb, false},
		{71 * mb, false},
		{74 * mb, false},
		{77 * mb, true}, // and little by little there is something again
	} {
		if got := r.over(step.allocated); got != step.over {
			t.Errorf("step %d: over is %v", i, got)
		}
	}
}
