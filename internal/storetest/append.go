package storetest

import (
	"testing"

	"github.com/seed-4a326f83/parley"
)

var appendTests = map[string]func(*testing.T, *fixture){
	"Append numbers each room by itself": func(t *testing.T, f *fixture) {
		ann := f.member("ann", parley.Lobby, "tea")
		got := f.append(text(parley.Lobby, ann, "a"), text("tea", ann, "a"), text(parley.Lobby, ann, "b"))
		for i, want := range []int64{1, 1, 2} {
			if got[i].Seq != want || !got[i].Stored || got[i].Err != nil || !got[i].Time.Equal(now) {
				t.Errorf("draft %d: %+v, want seq %d", i, got[i], want)
			}
		}
	},
}
